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


def _equivariant(layer: EquivariantLinear, plan: Plan) -> Dense | None:
    """W of all seeds is one product of the basis with their coefficients.

    Here features lie in memory as (d, channels): of rows of channels W is put together by copying whole rows. What the
    layer gives is seen as (channels, d), and the next one finds it as it lies.
    """
    if not layer.basis.numel():  # its weight is gathered: a large one
        return None
    coefficients, basis = plan.names[id(layer.coefficients)], plan.names[id(layer.basis)]
    bias, bias_basis = (plan.names.get(id(table), "") for table in (layer.bias, layer.bias_basis))
    d_in, d_out, c_in, c_out = layer.rho_in.dimension, layer.rho_out.dimension, layer.channels_in, layer.channels_out

    def weights(tables: Tables) -> tuple[Tensor, Tensor | None]:
        C = tables[coefficients].movedim(-1, 1).flatten(2)  # (seeds, rank, c_out · c_in)
        B = tables[basis].to(C.dtype).mT.expand(len(C), -1, -1)  # (seeds, d_out · d_in, rank)
        blocks = B.bmm(C).view(-1, d_out, d_in, c_out, c_in)
        W = blocks.transpose(2, 3).reshape(len(C), d_out * c_out, d_in * c_in)
        b = (tables[bias] @ tables[bias_basis].to(C.dtype)).mT.flatten(1) if bias else None  # (seeds, d_out · c_out)
        return W, b

    def enter(x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[2:] != (c_in, d_in):
            raise DoesNotFit
        return x.mT.flatten(2)

    return Dense(weights, enter, lambda y: y.unflatten(2, (d_out, c_out)).mT)


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
