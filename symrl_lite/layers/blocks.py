"""W x through the real irreducible representations: a change of basis, small products, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from symrl_lite.groups import Representation, block_form

__all__ = ["BlockProduct"]


@dataclass(frozen=True)
class _Part:
    """Irreducibles of one shape: `number` blocks, each of `rows` rows, that take `q_in` columns to `q_out`."""

    number: int
    rows: int
    q_in: int
    q_out: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Coordinates in, coordinates out, and numbers of the weight."""
        coordinates = self.number * self.rows
        return coordinates * self.q_in, coordinates * self.q_out, self.number * self.q_in * self.q_out


class BlockProduct:
    """y = W x, W = Σ_b θ_b B_b, as y = Q_outᵀ (⊕_k 1 ⊗ W_k) Q_in x: for a regular representation |G| / d_k times fewer
    products in each block of an irreducible representation of dimension d_k than in the dense weight.

    Args:
        rho_in, rho_out: orthogonal representations of one group.
        basis: (rank, d_out, d_in), matrices B with B L_g = K_g B.

    >>> from symrl_lite.groups import dihedral, regular
    >>> from symrl_lite.symmetrizer import equivariant_basis
    >>> rho = regular(dihedral(4))
    >>> product = BlockProduct(rho, rho, equivariant_basis(rho, rho))
    >>> product.multiplications, product.saved
    (12, 52)

    Source: Serre 1977, Linear Representations of Finite Groups, section 2.2 (Schur's lemma).
    """

    def __init__(self, rho_in: Representation, rho_out: Representation, basis: np.ndarray) -> None:
        forms = block_form(rho_in), block_form(rho_out)
        pairs = list(zip(forms[0].blocks, forms[0].starts, forms[1].blocks, forms[1].starts, strict=True))
        pairs = [pair for pair in pairs if pair[0][1] and pair[2][1]]  # the others give nothing, or get nothing
        pairs.sort(key=lambda pair: (pair[0], pair[2]))
        shapes = [(rows, q_in, q_out) for (rows, q_in), _, (_, q_out), _ in pairs]
        self.parts = [_Part(shapes.count(shape), *shape) for shape in dict.fromkeys(shapes)]
        into, back, weights = [], [], []
        for (rows, q_in), start_in, (_, q_out), start_out in pairs:
            one, other = forms[0].basis[start_in:][: rows * q_in], forms[1].basis[start_out:][: rows * q_out]
            into.append(one)
            back.append(other)
            weights.append(np.einsum("pi,bij,qj->pqb", other[:q_out], basis, one[:q_in]).reshape(-1, len(basis)))
        self._tables = [torch.from_numpy(np.concatenate(rows)) for rows in (into, back, weights)]
        self._kept: tuple[Tensor, Tensor, Tensor] | None = None
        self.multiplications = sum(p.number * p.rows * p.q_in * p.q_out for p in self.parts)  # for a pair of channels
        self.saved = rho_in.dimension * rho_out.dimension - self.multiplications

    def _like(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Q_in, Q_out and the blocks of the basis, in x's dtype and where x is."""
        kept = self._kept
        if kept is None or kept[0].dtype != x.dtype or kept[0].device != x.device:
            with torch.inference_mode(False):  # they may be used for learning later
                into, back, weights = (table.to(x.device, x.dtype) for table in self._tables)
            kept = self._kept = into, back, weights
        return kept

    def __call__(self, x: Tensor, coefficients: Tensor) -> Tensor:
        """x (batch, channels_in, d_in), θ (channels_out, channels_in, rank) → W x, (batch, channels_out, d_out)."""
        into, back, weights = self._like(coefficients)
        batch, c_out, c_in = len(x), *coefficients.shape[:2]
        # Transposed products bring the coordinates to the front, so that what is multiplied next lies together.
        features = into @ x.reshape(batch * c_in, x.shape[2]).t()  # (coordinates, batch · c_in)
        blocks = weights @ coefficients.flatten(0, 1).t()  # (numbers, c_out · c_in)
        sizes = list(zip(*(part.sizes for part in self.parts), strict=True))
        found = []
        for part, X, W in zip(self.parts, features.split(sizes[0]), blocks.split(sizes[2]), strict=True):
            n, rows, q_in, q_out = part.number, part.rows, part.q_in, part.q_out
            X = X.view(n, rows, q_in, batch, c_in).transpose(2, 3).reshape(n, rows * batch, q_in * c_in)
            W = W.view(n, q_out, q_in, c_out, c_in).transpose(2, 3).reshape(n, q_out * c_out, q_in * c_in)
            Y = torch.bmm(X, W.transpose(1, 2)).view(n, rows, batch, q_out, c_out)
            found.append(Y.transpose(2, 3).reshape(n * rows * q_out, batch * c_out))
        return (torch.cat(found).t() @ back).view(batch, c_out, back.shape[1])
