"""`EquivariantLinear`: a dense layer whose weight obeys W L_g = K_g W, made from a basis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from symrl_lite.groups import Representation, trivial
from symrl_lite.symmetrizer import Space, equivariant_basis, equivariant_dimension, weight_orbits

__all__ = ["EquivariantLinear", "require_dtype"]

_LARGEST_BASIS = 2**16  # numbers; up to here one matrix product makes the weight, above it is gathered


def require_dtype(x: Tensor, parameter: Tensor) -> None:
    """Refuse numbers of another kind than the layer's, unless autocast is there to convert them.

    Raises:
        TypeError: the kinds differ.

    >>> require_dtype(torch.zeros(1), torch.zeros(2))
    """
    if x.dtype != parameter.dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"x has dtype {x.dtype}, expected that of the layer, {parameter.dtype}: convert one of them, with "
            f"x.to({parameter.dtype}) or layer.to({x.dtype})"
        )


class EquivariantLinear(nn.Module):
    """y = W x + b with W (L_g x) = K_g (W x) and K_g b = b; W is built from one coefficient for each basis element.

    The basis is kept in double precision, whatever happens to the layer, and rounded to the parameters' dtype where it
    is used. No weight is kept between calls, so parameters may be changed in any way that torch knows.

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
    index: Tensor  # (d_out · d_in,), or nothing
    scale: Tensor  # (d_out · d_in,), or nothing
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
        for what, channels in (("channels_in", channels_in), ("channels_out", channels_out)):
            if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
                raise ValueError(f"{what} is {channels!r}, expected a whole number from 1")
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

    def _make_basis(self, seed: int | None) -> int:
        """Either the basis, or index and scale of each entry where the basis would be large."""
        rho_in, rho_out = self.rho_in, self.rho_out
        equivariant_dimension(rho_in, rho_out)  # refuses what are no representations of one group
        entries = rho_in.dimension * rho_out.dimension
        shares = self.space == "equivariant" and rho_in.is_signed_permutation and rho_out.is_signed_permutation
        basis = scale = torch.empty(0, dtype=torch.float64)
        index = torch.empty(0, dtype=torch.int64)
        if shares and entries * entries // rho_in.group.order > _LARGEST_BASIS:
            orbits = weight_orbits(rho_in, rho_out)
            index = torch.from_numpy(orbits.index.ravel().astype("int64"))
            sign = torch.from_numpy(orbits.sign.ravel().astype("float64"))
            sizes = torch.bincount(index[sign != 0], minlength=max(orbits.rank, 1)).double()
            scale, rank = sign / sizes.clamp(min=1).sqrt()[index], orbits.rank
        else:
            made = equivariant_basis(rho_in, rho_out, self.space, seed=seed)
            rank = len(made)
            basis = torch.from_numpy(made.reshape(rank, entries))
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
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
            if self.basis.numel():
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
        d_out, d_in, rank = self.rho_out.dimension, self.rho_in.dimension, self.coefficients.shape[2]
        at = torch.nonzero(self.scale).ravel()
        rows, orbits, sizes = at // d_in, self.index[at], self._like(self.scale)[at].double()
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
        if self.basis.numel():
            blocks = self.coefficients @ self._like(self.basis)
        else:
            blocks = self.coefficients[..., self.index] * self._like(self.scale)
        shape = (self.channels_out, self.channels_in, self.rho_out.dimension, self.rho_in.dimension)
        rows = self.channels_out * self.rho_out.dimension
        return blocks.reshape(shape).transpose(1, 2).reshape(rows, -1)  # (c_out, d_out, c_in, d_in) before

    def bias_vector(self) -> Tensor | None:
        """b, (channels_out · d_out,), or None."""
        return None if self.bias is None else (self.bias @ self._like(self.bias_basis)).reshape(-1)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., channels_in, d_in) → (..., channels_out, d_out)."""
        if x.ndim < 2 or x.shape[-2:] != (self.channels_in, self.rho_in.dimension):
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (..., {self.channels_in}, {self.rho_in.dimension}): "
                "channels, then the representation"
            )
        require_dtype(x, self.coefficients)
        if self._acts_on_few(x):
            return self._without_weight(x)
        y = nn.functional.linear(x.flatten(-2), self.weight(), self.bias_vector())
        return y.unflatten(-1, (self.channels_out, self.rho_out.dimension))

    def _acts_on_few(self, x: Tensor) -> bool:
        """Whether the weight would cost more multiplications than it saves: a few states, in `eval`, no gradients."""
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling() or not self.basis.numel():
            return False
        d_in, d_out, rank = self.rho_in.dimension, self.rho_out.dimension, self.coefficients.shape[2]
        inputs = x.shape[:-2].numel()
        with_weight = self.channels_out * self.channels_in * d_out * d_in * (rank + inputs)
        return inputs * self.channels_in * rank * d_out * (d_in + self.channels_out) < with_weight

    def _without_weight(self, x: Tensor) -> Tensor:
        """y = Σ_b c_b (V_b x): the basis acts first, then the coefficients."""
        d_in, d_out = self.rho_in.dimension, self.rho_out.dimension
        terms = self.channels_in * self.coefficients.shape[2]
        moved = x @ self._like(self.basis).reshape(-1, d_in).T  # (..., channels_in, rank · d_out)
        y = self.coefficients.flatten(1) @ moved.reshape(*x.shape[:-2], terms, d_out)  # (..., channels_out, d_out)
        bias = self.bias_vector()
        return y if bias is None else y + bias.reshape(self.channels_out, d_out)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> EquivariantLinear:
        """As for every module (`to`, `half`, `share_memory`, ...), but the tables are moved only, never rounded."""
        tables = {n: t for n, t in self._buffers.items() if t is not None and t.dtype == torch.float64}
        self._buffers.update(dict.fromkeys(tables))
        try:
            super()._apply(fn, recurse)
        finally:
            self._buffers.update(tables)
        for name, table in tables.items():
            try:
                moved = fn(table)
            except TypeError:  # a device without double precision
                self._buffers[name] = fn(table.float())
                continue
            self._buffers[name] = moved if moved.dtype == table.dtype else table.to(moved.device)
        return self

    def extra_repr(self) -> str:
        """What is shown between the brackets."""
        return (
            f"{self.rho_in.group.name}: {self.channels_in} × {self.rho_in.dimension} → "
            f"{self.channels_out} × {self.rho_out.dimension}, rank {self.coefficients.shape[2]}, space={self.space!r}"
        )
