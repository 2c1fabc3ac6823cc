"""Weight matrices that obey W L_g = K_g W: the projection onto them, their number, and a basis of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from symrl_lite.door import a_number, a_seed, real_numbers
from symrl_lite.groups import Representation

__all__ = ["WeightOrbits", "equivariant_basis", "equivariant_dimension", "symmetrize", "weight_orbits"]

MAX_ENTRIES = 2**27  # of a dense basis: 1 GiB
RANK_TOLERANCE = 1e-8  # singular values below this share of the largest count as zero
Space = Literal["equivariant", "nullspace", "random"]
Method = Literal["auto", "svd", "orbits", "constraints"]


def symmetrize(weights: Any, rho_in: Representation, rho_out: Representation) -> Any:
    """S(W) = 1/|G| Σ_g K_g⁻¹ W L_g, the projection onto the matrices with W L_g = K_g W.

    Args:
        weights: (..., d_out, d_in), an array or a tensor.
        rho_in: L, of dimension d_in.
        rho_out: K, of dimension d_out, of the same group.

    Returns:
        (..., d_out, d_in): an array in double precision for an array; for a tensor a tensor of its dtype and device,
        through which gradients flow. S(S(W)) = S(W), and S(W) = W where W obeys the constraint already.

    Raises:
        ValueError: another shape, or representations of two groups. TypeError: no representations, or no numbers.

    >>> from symrl_lite.groups import cyclic, regular
    >>> symmetrize(np.array([[1.0, 2.0], [3.0, 5.0]]), regular(cyclic(2)), regular(cyclic(2))).tolist()
    [[3.0, 2.5], [2.5, 3.0]]

    Source: van der Pol et al. 2020, MDP Homomorphic Networks, Eq. 16 (with the inverse, and 1/|G|).
    """
    _require_pair(rho_in, rho_out)
    tensor = _is_tensor(weights)
    given: Any = weights if tensor else real_numbers(weights, "weights", "biufc")
    if tuple(given.shape[-2:]) != (rho_out.dimension, rho_in.dimension):
        raise ValueError(
            f"weights have shape {tuple(given.shape)}, expected (..., {rho_out.dimension}, {rho_in.dimension})"
        )
    G = rho_in.group
    if tensor:
        return _symmetrized_tensor(given, rho_in, rho_out)
    given = given.astype(np.complex128 if given.dtype.kind == "c" else np.float64)
    total = np.zeros_like(given)
    with np.errstate(invalid="ignore"):  # 0 · inf is NaN
        for g in G:
            total += rho_out(G.inverse(g)) @ given @ rho_in(g)
    return total / G.order


def _symmetrized_tensor(weights: Any, rho_in: Representation, rho_out: Representation) -> Any:
    """S(W) with W's dtype and device, and with gradients; computed in double precision where the device has it."""
    torch = sys.modules["torch"]
    kind = weights.dtype if weights.is_floating_point() or weights.is_complex() else torch.get_default_dtype()
    wide = torch.complex128 if weights.is_complex() else torch.float64
    wide = wide if weights.device.type != "mps" else kind
    W = weights.to(wide)
    total = torch.zeros_like(W)
    for g in rho_in.group:
        left, right = (
            torch.from_numpy(matrix.copy()).to(W) for matrix in (rho_out(rho_in.group.inverse(g)), rho_in(g))
        )
        total = total + left @ W @ right
    return (total / rho_in.group.order).to(kind)


def _is_tensor(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def equivariant_dimension(rho_in: Representation, rho_out: Representation) -> int:
    """dim {W : W L_g = K_g W} = 1/|G| Σ_g χ_in(g) χ_out(g⁻¹), from the characters alone.

    Raises:
        ValueError: representations of two groups. TypeError: no representations.

    >>> from symrl_lite.groups import dihedral, regular, rotation_2d
    >>> D4 = dihedral(4)
    >>> equivariant_dimension(regular(D4), regular(D4)), equivariant_dimension(rotation_2d(D4), rotation_2d(D4))
    (8, 1)

    Source: Serre 1977, Linear Representations of Finite Groups (the trace of the projection).
    """
    _require_pair(rho_in, rho_out)
    G = rho_in.group
    inverses = [G.inverse(g) for g in G]
    return round(float(rho_in.character @ rho_out.character[inverses]) / G.order)


@dataclass(frozen=True, eq=False)
class WeightOrbits:
    """Which entries of a weight share a parameter: W = sign * theta[index], with one theta for each orbit.

    >>> from symrl_lite.groups import cyclic, regular
    >>> weight_orbits(regular(cyclic(2)), regular(cyclic(2))).index.tolist()
    [[0, 1], [1, 0]]
    """

    index: np.ndarray  # (d_out, d_in), 0..rank−1; 0 where the sign is 0
    sign: np.ndarray  # (d_out, d_in), 1 or −1, or 0 where the entry must vanish
    rank: int

    def weight(self, theta: Any) -> Any:
        """W = sign * theta[index], (..., d_out, d_in), from theta (..., rank).

        An array gives an array; a tensor a tensor of its dtype and device, through which gradients flow.

        Raises:
            ValueError: another number of parameters. TypeError: no numbers.

        >>> WeightOrbits(np.array([[0, 1]]), np.array([[1, -1]]), rank=2).weight([5.0, 7.0]).tolist()
        [[5.0, -7.0]]
        """
        tensor = _is_tensor(theta)
        values: Any = theta if tensor else real_numbers(theta, "theta", "biufc", verb="has")
        if tuple(values.shape[-1:]) != (self.rank,):
            raise ValueError(f"theta has shape {tuple(values.shape)}, expected (..., {self.rank})")
        index: Any = self.index
        sign: Any = self.sign
        if tensor:
            torch = sys.modules["torch"]
            values = values.to(torch.get_default_dtype()) if values.dtype == torch.bool else values
            index, sign = (torch.from_numpy(np.array(a)).to(values.device) for a in (index.astype(np.int64), sign))
            sign = sign.to(values.dtype)
        elif self.rank == 0:
            return np.zeros((*values.shape[:-1], *self.index.shape), dtype=values.dtype)
        if self.rank == 0:
            return values.new_zeros((*values.shape[:-1], *self.index.shape))
        return sign * values[..., index]

    def basis(self) -> np.ndarray:
        """One orthonormal basis element an orbit: its entries with their signs, over the root of their number.

        Returns:
            (rank, d_out, d_in).

        >>> WeightOrbits(np.array([[0, 0]]), np.array([[1, -1]]), rank=1).basis().round(2).tolist()
        [[[0.71, -0.71]]]
        """
        return _from_orbits(self).reshape(self.rank, *self.sign.shape)


def weight_orbits(rho_in: Representation, rho_out: Representation) -> WeightOrbits:
    """The entries of W in orbits under (i, j) → (K_g i, L_g j), for permutations with or without signs.

    If L_g e_j = t e_m and K_g e_i = s e_k, the constraint reads W[k, m] = s t W[i, j]. Following the generators leads
    from an entry to all that are tied to it; an entry that is so tied to minus itself is zero. No dense basis is made.

    Args:
        rho_in: L, a permutation or signed permutation representation.
        rho_out: K, likewise, of the same group.

    Returns:
        WeightOrbits, orbits numbered in the order of their first entries, row by row.

    Raises:
        ValueError: representations that are no (signed) permutations, or of two groups.

    >>> from symrl_lite.groups import cyclic, regular
    >>> weight_orbits(regular(cyclic(3)), regular(cyclic(3))).index.tolist()
    [[0, 1, 2], [2, 0, 1], [1, 2, 0]]

    Source: Ravanbakhsh, Schneider & Póczos 2017, Equivariance Through Parameter-Sharing.
    """
    _require_pair(rho_in, rho_out)
    for what, rho in (("rho_in", rho_in), ("rho_out", rho_out)):
        if not rho.is_signed_permutation:
            raise ValueError(f"{what} is {rho!r}, expected permutations with or without signs; use equivariant_basis")
    d_out, d_in = rho_out.dimension, rho_in.dimension
    entries = d_out * d_in
    signed = not (rho_in.is_permutation and rho_out.is_permutation)
    copies = 2 if signed else 1  # with signs, node e is the entry and node entries + e is minus the entry
    generators = rho_in.group.generators or (0,)
    targets = np.empty((copies * entries, len(generators)), dtype=np.int32)
    for column, g in enumerate(generators):
        (k, s), (m, t) = _images(rho_out(g)), _images(rho_in(g))
        to = (k[:, None] * d_in + m).ravel()
        if signed:
            flips = (s[:, None] * t).ravel() < 0
            targets[:entries, column] = to + entries * flips
            targets[entries:, column] = to + entries * ~flips
        else:
            targets[:, column] = to
    starts = np.arange(0, targets.size + 1, len(generators), dtype=np.int32)
    graph = sparse.csr_array((np.ones(targets.size, dtype=np.int8), targets.ravel(), starts), shape=(len(targets),) * 2)
    # Generators permute the nodes, so each component is one cycle of ways, and weak and strong ones are the same.
    _, component = csgraph.connected_components(graph, directed=True, connection="strong")
    if signed:
        plus, minus = component[:entries], component[entries:]
        sign = np.sign(minus - plus).astype(np.int8)  # an orbit has two components, one for each sign
        component = np.minimum(plus, minus)
    else:
        sign = np.ones(entries, dtype=np.int8)
    free = np.flatnonzero(sign)
    labels, first, place = np.unique(component[free], return_index=True, return_inverse=True)
    rank = np.empty(len(labels), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(labels), dtype=np.int32)
    index = np.zeros(entries, dtype=np.int32)
    index[free] = rank[place.ravel()]
    sign[free] *= sign[free[first]][place.ravel()]  # the first entry of an orbit carries +
    return WeightOrbits(index.reshape(d_out, d_in), sign.reshape(d_out, d_in), len(labels))


def equivariant_basis(
    rho_in: Representation,
    rho_out: Representation,
    space: Space = "equivariant",
    method: Method = "auto",
    seed: int | None = None,
    tolerance: float = RANK_TOLERANCE,
) -> np.ndarray:
    """An orthonormal basis of {W : W L_g = K_g W}, or of the spaces that it is compared with.

    Args:
        rho_in: L, of dimension d_in.
        rho_out: K, of dimension d_out, of the same group.
        space: "equivariant"; "nullspace", its orthogonal complement; "random", all matrices, in a random basis.
        method: for the equivariant space. "svd" is the paper's: symmetrize random matrices and take the right singular
            vectors. "orbits" adds up entries that are tied together; exact, for (signed) permutations. "constraints"
            is the null space of W L_s − K_s W = 0 over generators s. "auto" takes orbits where they apply, else this.
        seed: of the random matrices of "svd" and "random".
        tolerance: singular values below this share of the largest count as zero.

    Returns:
        (rank, d_out, d_in), orthonormal under the Frobenius inner product Σ_ij V_ij W_ij.

    Raises:
        ValueError: unknown words, representations of two groups, a basis of more than 2^27 numbers (1 GiB), or a rank
            that the characters contradict. TypeError: no representations.

    >>> from symrl_lite.groups import dihedral, regular
    >>> rho = regular(dihedral(4))
    >>> equivariant_basis(rho, rho).shape, equivariant_basis(rho, rho, space="nullspace").shape
    ((8, 8, 8), (56, 8, 8))

    Source: van der Pol et al. 2020, MDP Homomorphic Networks, Algorithm 1 ("svd"); the other spaces are its controls.
    """
    _require_pair(rho_in, rho_out)
    if space not in ("equivariant", "nullspace", "random"):
        raise ValueError(f'space is {space!r}, expected "equivariant", "nullspace" or "random"')
    if method not in ("auto", "svd", "orbits", "constraints"):
        raise ValueError(f'method is {method!r}, expected "auto", "svd", "orbits" or "constraints"')
    seed = None if seed is None else a_seed(seed)
    tolerance = a_number(tolerance, "tolerance", above=0)
    shape = (rho_out.dimension, rho_in.dimension)
    d, rank = shape[0] * shape[1], equivariant_dimension(rho_in, rho_out)
    wanted = {"equivariant": rank, "nullspace": d - rank, "random": d}[space]
    permutes = rho_in.is_signed_permutation and rho_out.is_signed_permutation
    if method == "auto":
        method = "orbits" if permutes else "constraints"
    # What the computation holds at once, in numbers.
    needed = wanted * d if space == "equivariant" and method == "orbits" else d * d
    if needed > MAX_ENTRIES:
        raise ValueError(
            f"a dense basis of {shape[0]} × {shape[1]} matrices would take {needed * 8 / 2**30:.1f} GiB; "
            "use weight_orbits, which keeps the sharing pattern alone"
        )
    if space == "random":
        return _random_basis(d, np.random.default_rng(seed)).reshape(d, *shape)
    if method == "orbits":
        rows = _from_orbits(weight_orbits(rho_in, rho_out))
    elif method == "svd":
        rows = _from_random_matrices(rho_in, rho_out, np.random.default_rng(seed), tolerance)
    else:
        rows = _from_constraints(rho_in, rho_out, tolerance)
    if len(rows) != rank:
        raise ValueError(f"{method} finds rank {len(rows)} at tolerance {tolerance:g}, the characters say {rank}")
    if space == "nullspace":
        rows = _complement(rows, d)
    return np.asarray(rows.reshape(len(rows), *shape))


def _from_orbits(orbits: WeightOrbits) -> np.ndarray:
    """One basis element an orbit: its entries, over the root of their number."""
    at = np.flatnonzero(orbits.sign)
    which = orbits.index.ravel()[at]
    sizes = np.bincount(which, minlength=orbits.rank)
    rows = np.zeros((orbits.rank, orbits.sign.size))
    rows[which, at] = orbits.sign.ravel()[at] / np.sqrt(sizes[which])
    return rows


def _from_random_matrices(
    rho_in: Representation, rho_out: Representation, random: np.random.Generator, tolerance: float
) -> np.ndarray:
    d = rho_out.dimension * rho_in.dimension
    drawn = random.normal(size=(d, rho_out.dimension, rho_in.dimension))
    _, values, rows = np.linalg.svd(symmetrize(drawn, rho_in, rho_out).reshape(d, d))
    # Relative to what was drawn, so that a space with nothing in it has rank 0.
    scale = float(np.sqrt((drawn**2).sum() / d))
    return np.asarray(rows[values > tolerance * max(scale, float(values[0]))])


def _from_constraints(rho_in: Representation, rho_out: Representation, tolerance: float) -> np.ndarray:
    """Null space of vec(W) → vec(K_s W − W L_s), with vec row by row: K_s ⊗ 1 − 1 ⊗ L_sᵀ."""
    eye_out, eye_in = np.eye(rho_out.dimension), np.eye(rho_in.dimension)
    d = rho_out.dimension * rho_in.dimension
    squares = np.zeros((d, d))
    for s in rho_in.group.generators:
        M = np.kron(rho_out(s), eye_in) - np.kron(eye_out, rho_in(s).T)
        squares += M.T @ M
    values, vectors = np.linalg.eigh(squares)  # squares of singular values
    return np.asarray(vectors[:, values <= tolerance * max(1.0, float(values[-1]))].T)


def _complement(rows: np.ndarray, d: int) -> np.ndarray:
    if len(rows) == 0:
        return np.eye(d)
    return np.asarray(np.linalg.svd(rows, full_matrices=True)[2][len(rows) :])


def _random_basis(d: int, random: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(random.normal(size=(d, d)))
    return np.asarray((q * np.sign(np.diag(r))).T)  # the signs make it uniform over all orthonormal bases


def _images(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each unit vector goes, and with what sign."""
    place = np.abs(matrix).argmax(axis=0)
    return place, matrix[place, np.arange(len(place))]


def _require_pair(rho_in: Representation, rho_out: Representation) -> None:
    for what, rho in (("rho_in", rho_in), ("rho_out", rho_out)):
        if not isinstance(rho, Representation):
            raise TypeError(f"{what} is {rho!r}, expected a Representation")
    if rho_in.group != rho_out.group:
        raise ValueError(f"representations of two groups, {rho_in.group.name} and {rho_out.group.name}, expected one")
