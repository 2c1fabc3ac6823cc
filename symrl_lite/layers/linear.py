"""`EquivariantLinear`: a dense layer whose weight obeys W L_g = K_g W, made from a basis."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from symrl_lite.door import real_numbers, whole_number
from symrl_lite.groups import Representation, trivial
from symrl_lite.layers.blocks import BlockProduct
from symrl_lite.layers.kept import MadeWeight, is_recorded
from symrl_lite.symmetrizer import Space, WeightOrbits, equivariant_basis, equivariant_dimension, weight_orbits

__all__ = ["EquivariantLinear", "as_tensor", "require_dtype", "require_same_shape", "require_tensor"]

# When irreducible blocks are worth their two changes of basis: multiplications that they save in a call, and for each
# unit whose basis is changed. Measured: benchmarks/layers.py.
_SAVED_IN_A_CALL, _SAVED_FOR_A_UNIT = 8_000_000, 80
_LARGEST_BASIS = 2**16  # numbers; layers with a larger one have no blocks


def require_dtype(x: Tensor, parameter: Tensor) -> None:
    """Refuse numbers, of any shape, of another kind than the layer's, unless autocast is there to convert them.

    Raises:
        TypeError: the kinds differ.

    >>> require_dtype(torch.zeros(1), torch.zeros(2))
    """
    if x.dtype != parameter.dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"x has dtype {x.dtype}, expected that of the layer, {parameter.dtype}: convert one of them, with "
            f"x.to({parameter.dtype}) or layer.to({x.dtype})"
        )


def require_tensor(x: Any, what: str = "x", *, real: bool = False) -> None:
    """Refuse what is no tensor, and with `real` complex numbers too.

    Raises:
        TypeError: anything else.

    >>> require_tensor([1.0])
    Traceback (most recent call last):
    TypeError: x is a list, expected a tensor: torch.as_tensor(x)
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{what} is a {type(x).__name__}, expected a tensor: torch.as_tensor({what})")
    if real and x.is_complex():
        raise TypeError(f"{what} has dtype {x.dtype}, expected real numbers")


def require_same_shape(**tensors: Any) -> None:
    """Refuse tensors of different shapes, which would be spread over each other, and what are no tensors of numbers.

    Raises:
        TypeError: no tensors. ValueError: different shapes.
    """
    for what, x in tensors.items():
        require_tensor(x, what, real=True)
        if x.dtype == torch.bool:
            raise TypeError(f"{what} has dtype {x.dtype}, expected numbers: {what}.float()")
    shapes = {what: tuple(x.shape) for what, x in tensors.items()}
    if len(set(shapes.values())) > 1:
        told = " and ".join(f"{what} has shape {shape}" for what, shape in shapes.items())
        raise ValueError(f"{told}, expected the same")


def as_tensor(values: Any, what: str) -> Tensor:
    """Real numbers as a tensor of their own dtype and the same shape.

    They may come as an array of any layout and byte order, as a list, or as a tensor, which is handed on as it is.

    Raises:
        TypeError: no real numbers, or rows of different lengths.

    >>> as_tensor(np.arange(3.0, dtype=">f4")[::-1], "x").tolist()
    [2.0, 1.0, 0.0]
    """
    if isinstance(values, Tensor):
        require_tensor(values, what, real=True)
        return values
    array = real_numbers(values, what)
    # Torch takes neither another order of bytes, nor negative strides, nor arrays that can't be written into.
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


class EquivariantLinear(MadeWeight):
    """y = W x + b with W (L_g x) = K_g (W x) and K_g b = b; W is built from one coefficient for each basis element.

    Where both representations permute coordinates, with or without signs, every entry of W is one coefficient, and W is
    gathered; elsewhere it is a product with the basis. Large layers do not make W: they go through the irreducible
    representations, with fewer products. The numbers are the same to rounding.

    Tables are kept in double precision, whatever happens to the layer, and rounded to the parameters' dtype where they
    are used. Parameters may be changed in any way that torch knows: no answer is made from old ones.

    Args:
        rho_in: L, of dimension d_in.
        rho_out: K, of dimension d_out, of the same group.
        channels_in: number of copies of rho_in.
        channels_out: number of copies of rho_out.
        bias: whether there is a b; it lies in the space {b : K_g b = b} (or its control), and starts at 0.
        space: "equivariant"; "nullspace" or "random" are the paper's controls and obey nothing.
        init: what the first coefficients are made for: "relu", inputs that come out of a ReLU (variance is then kept
            through many layers), or "linear", inputs of mean 0.
        seed: of the basis of "random".

    Raises:
        ValueError: representations of two groups, no channels, a space with nothing in it; when called, another shape.
        TypeError: no representations; when called, numbers of another dtype than the parameters.

    >>> from symrl_lite.groups import dihedral, regular
    >>> rho = regular(dihedral(4))
    >>> layer = EquivariantLinear(rho, rho, channels_in=3, channels_out=5)
    >>> layer(torch.zeros(2, 3, 8)).shape, sum(p.numel() for p in layer.parameters())
    (torch.Size([2, 5, 8]), 125)

    Source: van der Pol et al. 2020, MDP Homomorphic Networks.
    """

    basis: Tensor  # (rank, d_out · d_in), or nothing
    roots: Tensor  # (rank,), or (1,) if all are equal, 1 / √(entries of an orbit), or nothing
    places: Tensor  # (channels_out · d_out · channels_in · d_in,), of the entries of W among θ, −θ and 0, or nothing
    bias_basis: Tensor  # (bias rank, d_out)

    def __init__(
        self,
        rho_in: Representation,
        rho_out: Representation,
        channels_in: int,
        channels_out: int,
        bias: bool = True,
        space: Space = "equivariant",
        *,
        init: Literal["relu", "linear"] = "relu",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        channels_in, channels_out = whole_number(channels_in, "channels_in"), whole_number(channels_out, "channels_out")
        if init not in ("relu", "linear"):
            raise ValueError(f'init is {init!r}, expected "relu" or "linear"')
        self.rho_in, self.rho_out, self.space, self.init = rho_in, rho_out, space, init
        self.channels_in, self.channels_out = channels_in, channels_out
        rank = self._make_basis(seed)
        if rank == 0:
            raise ValueError(
                f"no matrix but 0 obeys W L_g = K_g W from {rho_in!r} to {rho_out!r} ({space}): nothing to learn"
            )
        self.coefficients = nn.Parameter(torch.empty(channels_out, channels_in, rank))
        self._make_bias(bias, seed)
        self.reset_parameters()
        self._blocks = self._make_blocks()

    def _make_basis(self, seed: int | None) -> int:
        """Either the basis, or which coefficient each entry is, where (signed) permutations tie entries together."""
        rho_in, rho_out = self.rho_in, self.rho_out
        equivariant_dimension(rho_in, rho_out)  # refuses what are no representations of one group
        basis = roots = torch.empty(0, dtype=torch.float64)
        places = torch.empty(0, dtype=torch.int32)
        self.orbits: WeightOrbits | None = None
        self._signed = False
        if self.space == "equivariant" and rho_in.is_signed_permutation and rho_out.is_signed_permutation:
            self.orbits = orbits = weight_orbits(rho_in, rho_out)
            rank = orbits.rank
            sizes = np.bincount(orbits.index[orbits.sign != 0], minlength=max(rank, 1))
            sizes = (
                sizes[:1] if (sizes == sizes[0]).all() else sizes
            )  # one number multiplies faster than a row of equal ones
            roots = torch.from_numpy(1 / np.sqrt(np.maximum(sizes, 1.0)))
            self._signed = bool((orbits.sign != 1).any())
            places = _places(orbits, self.channels_in, self.channels_out)
        else:
            made = equivariant_basis(rho_in, rho_out, self.space, seed=seed)
            rank = len(made)
            basis = torch.from_numpy(made.reshape(rank, rho_in.dimension * rho_out.dimension))
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("roots", roots, persistent=False)
        self.register_buffer("places", places, persistent=False)
        return rank

    def _make_bias(self, bias: bool, seed: int | None) -> None:
        invariant = equivariant_basis(trivial(self.rho_out.group), self.rho_out, self.space, seed=seed)[..., 0]
        if not bias or len(invariant) == 0:
            self.register_buffer("bias_basis", None, persistent=False)
            self.register_parameter("bias", None)
        else:
            self.register_buffer("bias_basis", torch.from_numpy(invariant.copy()), persistent=False)
            self.bias = nn.Parameter(torch.zeros(self.channels_out, len(invariant)))

    def reset_parameters(self) -> None:
        """Random coefficients such that outputs have variance 1 for the inputs that `init` assumes; bias 0."""
        with torch.no_grad():
            self.coefficients.normal_(std=math.sqrt((2 if self.init == "relu" else 1) / self.channels_in))
            if self.orbits is None:
                self.coefficients.copy_(self.coefficients @ self._evened().to(self.coefficients))
            else:
                self.coefficients.div_(self._row_sizes().sqrt().to(self.coefficients))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _share_of_mean(self) -> float:
        """(E x)² / E x² of the inputs: 1/π after a ReLU, if one can stand there, else 0."""
        return 1 / math.pi if self.init == "relu" and self.rho_in.is_permutation else 0.0

    def _evened(self) -> Tensor:
        """In coefficients, W → D W with a D that commutes with every K_g, so that outputs have equal variance.

        With coefficients of variance 1 and inputs with E[x xᵀ] = C, outputs have E[y yᵀ] = M = Σ_b B_b C B_bᵀ. Where K
        permutes outputs, D divides by the roots of M's diagonal, equal along an orbit; else D is M^(−1/2), scaled.
        """
        B = self._like(self.basis).double().reshape(-1, self.rho_out.dimension, self.rho_in.dimension)
        mean = self._share_of_mean()
        C = (1 - mean) * torch.eye(B.shape[2], dtype=B.dtype) + mean * torch.ones(B.shape[2], B.shape[2], dtype=B.dtype)
        M = torch.einsum("bij,jk,blk->il", B, C, B)
        if self.rho_out.is_signed_permutation:
            D = torch.diag(M.diagonal().clamp(min=1e-12).rsqrt())  # a row that no W reaches stays 0
        else:
            values, vectors = torch.linalg.eigh(M)
            reached = values > 1e-9
            D = vectors[:, reached] * values[reached].rsqrt() @ vectors[:, reached].T
            D = D * math.sqrt(len(M) / int(reached.sum()))
        return torch.einsum("bij,ik,ckj->bc", B, D, B)

    def _row_sizes(self) -> Tensor:
        """For each orbit, M's diagonal at its rows (they agree), without a dense basis."""
        assert self.orbits is not None
        d_out, d_in, rank = self.rho_out.dimension, self.rho_in.dimension, self.coefficients.shape[2]
        sign, index = (
            torch.from_numpy(table.ravel().astype("int64")) for table in (self.orbits.sign, self.orbits.index)
        )
        at = torch.nonzero(sign).ravel()
        rows, orbits = at // d_in, index[at]
        sizes = self._like(self.roots).double().cpu().expand(rank)[orbits] * sign[at]
        pairs, place = torch.unique(rows * rank + orbits, return_inverse=True)
        sums = torch.zeros(len(pairs), dtype=sizes.dtype).index_add_(0, place, sizes)  # of an orbit's entries in a row
        squares = torch.zeros(d_out, dtype=sizes.dtype).index_add_(0, rows, sizes**2)
        coherent = torch.zeros(d_out, dtype=sizes.dtype).index_add_(0, pairs // rank, sums**2)
        mean = self._share_of_mean()
        per_row = (1 - mean) * squares + mean * coherent
        per_orbit = torch.ones(rank, dtype=sizes.dtype)
        per_orbit[orbits] = per_row[rows]
        return per_orbit

    def _like(self, table: Tensor) -> Tensor:
        """A table with the parameters' dtype, as it is used."""
        return table.to(self.coefficients.dtype)

    def weight(self) -> Tensor:
        """W as one matrix, (channels_out · d_out, channels_in · d_in)."""
        rows = self.channels_out * self.rho_out.dimension
        if self.orbits is not None:
            theta = (self.coefficients * self._like(self.roots)).flatten()
            if self._signed:
                theta = torch.cat([theta, -theta, theta.new_zeros(1)])
            return theta.index_select(0, self.places).view(rows, -1)
        blocks = self.coefficients @ self._like(self.basis)
        shape = (self.channels_out, self.channels_in, self.rho_out.dimension, self.rho_in.dimension)
        return blocks.reshape(shape).transpose(1, 2).reshape(rows, -1)  # (c_out, d_out, c_in, d_in) before

    def made_of(self) -> tuple[Tensor, ...]:
        """Coefficients (channels_out, channels_in, rank), and the basis or the tables of what is gathered."""
        return (self.coefficients, self.basis) if self.orbits is None else (self.coefficients, self.roots, self.places)

    def bias_vector(self) -> Tensor | None:
        """b, (channels_out · d_out,), or None."""
        return None if self.bias is None else (self.bias @ self._like(self.bias_basis)).reshape(-1)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., channels_in, d_in) → (..., channels_out, d_out).

        Raises:
            TypeError: no tensor, or one of another dtype than the layer. ValueError: another shape.
        """
        require_tensor(x)
        if x.ndim < 2 or x.shape[-2:] != (self.channels_in, self.rho_in.dimension):
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (..., {self.channels_in}, {self.rho_in.dimension}): "
                "channels, then the representation"
            )
        require_dtype(x, self.coefficients)
        ahead, shape, bias = x.shape[:-2], (self.channels_out, self.rho_out.dimension), self.bias_vector()
        if self._blocks is None or not self._is_worth_blocks(x):
            return nn.functional.linear(x.flatten(-2), self.weight_or_kept(), bias).view(*ahead, *shape)
        y = self._blocks(x.flatten(0, -3), self.coefficients).view(*ahead, *shape)
        return y if bias is None else y + bias.view(shape)

    def _make_blocks(self) -> BlockProduct | None:
        """The way through the irreducible representations, for layers that it can be worth for."""
        rho_in, rho_out, rank = self.rho_in, self.rho_out, self.coefficients.shape[2]
        entries, pairs = rho_in.dimension * rho_out.dimension, self.channels_in * self.channels_out
        units = self.channels_in * rho_in.dimension + self.channels_out * rho_out.dimension
        wanted = _SAVED_FOR_A_UNIT * units
        large = self.space == "equivariant" and rank * entries <= _LARGEST_BASIS and pairs * (entries - rank) >= wanted
        if not large or not (rho_in.is_orthogonal and rho_out.is_orthogonal):
            return None
        basis = self.basis.numpy() if self.orbits is None else self.orbits.basis()
        blocks = BlockProduct(rho_in, rho_out, basis.reshape(rank, rho_out.dimension, rho_in.dimension))
        return blocks if pairs * blocks.saved >= wanted else None

    def _is_worth_blocks(self, x: Tensor) -> bool:
        """Whether a call with x saves enough; a graph that is recorded keeps to one way for batches of all sizes."""
        assert self._blocks is not None
        if self.coefficients.dtype not in (torch.float32, torch.float64) or x.dtype != self.coefficients.dtype:
            return False  # in half precision every further product would be rounded
        if x.ndim < 3 or is_recorded() or torch.is_autocast_enabled(x.device.type):
            return False
        samples = x.numel() // (self.channels_in * self.rho_in.dimension)
        return samples * self.channels_in * self.channels_out * self._blocks.saved >= _SAVED_IN_A_CALL

    def extra_repr(self) -> str:
        """What is shown between the brackets."""
        return (
            f"{self.rho_in.group.name}: {self.channels_in} × {self.rho_in.dimension} → "
            f"{self.channels_out} × {self.rho_out.dimension}, rank {self.coefficients.shape[2]}, space={self.space!r}"
        )


def _places(orbits: WeightOrbits, channels_in: int, channels_out: int) -> Tensor:
    """Of each entry of W, (c_out, d_out, c_in, d_in): its place among θ (c_out, c_in, rank), −θ behind it, and a 0."""
    numbers = channels_out * channels_in * orbits.rank
    kind = torch.int32 if 2 * numbers + 1 < 2**31 else torch.int64
    sign, index = (torch.from_numpy(table.astype("int64")).to(kind) for table in (orbits.sign, orbits.index))
    first = torch.arange(channels_out * channels_in, dtype=kind).mul(orbits.rank).view(channels_out, 1, channels_in, 1)
    places = first + (index + (sign < 0) * numbers)[:, None]
    return torch.where((sign == 0)[:, None], 2 * numbers, places).to(kind).flatten()
