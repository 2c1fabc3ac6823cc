"""The layers of policies for many networks at once: what `symrl_lite.seeds` asks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from symrl_lite.layers import EquivariantLinear
from symrl_lite.policies.parts import Copies, Pool, Scale
from symrl_lite.seeds.stacks import Dense, DoesNotFit, Plan, Rule, Stacked, Tables, on_any_axes

__all__ = ["RULES", "beside"]

_SMALL = 2**12  # numbers of a basis
FromRows = Callable[[Tables, Tensor], Tensor]  # coefficients (seeds, rank, c_out · c_in) -> (seeds, d_out · d_in, ...)


def _equivariant(layer: EquivariantLinear, plan: Plan) -> Dense:
    """W of all seeds: rows of coefficients are copied to where they stand, or one product with the basis.

    Here features lie in memory as (d, channels): of rows of channels W is put together by copying whole rows. What the
    layer gives is seen as (channels, d), and the next one finds it as it lies.
    """
    coefficients = plan.names[id(layer.coefficients)]
    bias, bias_basis = (plan.names.get(id(table), "") for table in (layer.bias, layer.bias_basis))
    d_in, d_out, c_in, c_out = layer.rho_in.dimension, layer.rho_out.dimension, layer.channels_in, layer.channels_out
    from_rows = _from_rows(layer, plan)

    def weights(tables: Tables) -> tuple[Tensor, Tensor | None]:
        C = tables[coefficients].movedim(-1, 1).flatten(2)  # (seeds, rank, c_out · c_in)
        blocks = from_rows(tables, C).view(-1, d_out, d_in, c_out, c_in)
        W = blocks.transpose(2, 3).reshape(len(C), d_out * c_out, d_in * c_in)
        b = (tables[bias] @ tables[bias_basis].to(C.dtype)).mT.flatten(1) if bias else None  # (seeds, d_out · c_out)
        return W, b

    def enter(x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[2:] != (c_in, d_in):
            raise DoesNotFit
        return x.mT.flatten(2)

    return Dense(weights, enter, lambda y: y.unflatten(2, (d_out, c_out)).mT)


def _from_rows(layer: EquivariantLinear, plan: Plan) -> FromRows:
    """One product of the basis with the coefficients (seeds, rank, c_out · c_in), or copies where it would be large."""
    rank, entries = layer.coefficients.shape[2], layer.rho_in.dimension * layer.rho_out.dimension
    if len(layer.places) and rank * entries > _SMALL:
        return _gathered(layer, plan)
    if layer.orbits is None:
        name = plan.names[id(layer.basis)]
        return lambda tables, C: tables[name].to(C.dtype).mT.expand(len(C), -1, -1).bmm(C)
    basis = torch.from_numpy(layer.orbits.basis().reshape(rank, entries))
    return lambda tables, C: basis.to(C).mT.expand(len(C), -1, -1).bmm(C)


def _gathered(layer: EquivariantLinear, plan: Plan) -> FromRows:
    """The rows of coefficients at the entries that are equal to them, those that are minus one of them, and zeros."""
    roots, places = plan.names[id(layer.roots)], plan.names[id(layer.places)]
    sizes = layer.channels_out, layer.rho_out.dimension, layer.channels_in, layer.rho_in.dimension
    rank = layer.coefficients.shape[2]

    def from_rows(tables: Tables, C: Tensor) -> Tensor:
        index = tables[places][0].view(sizes)[0, :, 0].flatten()  # of the first pair of channels
        signed = index >= rank
        C = C * tables[roots].to(C.dtype).unsqueeze(-1)
        if bool(signed.any()):  # behind the coefficients of all pairs stand their opposites, and a 0
            number = layer.coefficients.numel()
            index = torch.where(index == 2 * number, 2 * rank, torch.where(signed, index - number + rank, index))
            C = torch.cat([C, -C, torch.zeros_like(C[:, :1])], dim=1)
        return C.index_select(1, index)

    return from_rows


RULES: dict[type, Rule] = {
    EquivariantLinear: _equivariant,
    Copies: on_any_axes,
    Scale: on_any_axes,
    Pool: on_any_axes,
}


def beside(actor: Stacked | None, critic: Stacked | None) -> Stacked | None:
    """Two functions of the same features; one product of matrices, if both are layers that take them alike."""
    if actor is None or critic is None:
        return None
    if not (isinstance(actor, Dense) and isinstance(critic, Dense)):
        return lambda tables: _both(actor(tables), critic(tables))
    one, other = actor, critic

    def with_tables(tables: Tables) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        (W, b), (V, c) = one.weights(tables), other.weights(tables)
        if b is None or c is None or one.rectified or other.rectified or W.shape[2] != V.shape[2]:
            return _both(one(tables), other(tables))
        both = Dense(lambda tables: (torch.cat([W, V], dim=1), torch.cat([b, c], dim=1)), one.enter)(tables)

        def answer(x: Tensor) -> tuple[Tensor, Tensor]:
            other.enter(x)  # refuses what it does not take
            scores, values = both(x).split([W.shape[1], V.shape[1]], dim=2)
            return one.leave(scores), other.leave(values)

        return answer

    return with_tables


def _both(f: Callable[[Any], Any], g: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    return lambda x: (f(x), g(x))
