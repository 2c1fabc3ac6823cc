"""The layers of policies for many networks at once: what `symrl_lite.seeds` asks of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from symrl_lite.layers import EquivariantLinear
from symrl_lite.policies.parts import Copies, Pool, Scale
from symrl_lite.seeds.stacks import DoesNotFit, Plan, Rule, Stacked, Tables, dense, on_any_axes

__all__ = ["RULES"]


def _equivariant(layer: EquivariantLinear, plan: Plan) -> Stacked | None:
    """W of all seeds is one product of their coefficients with the basis."""
    if not layer.basis.numel():  # its weight is gathered: a large one
        return None
    coefficients, basis = plan.names[id(layer.coefficients)], plan.names[id(layer.basis)]
    bias, bias_basis = (plan.names.get(id(table), "") for table in (layer.bias, layer.bias_basis))
    d_in, d_out = layer.rho_in.dimension, layer.rho_out.dimension
    ins, outs = (layer.channels_in, d_in), (layer.channels_out, d_out)

    def with_tables(tables: Tables) -> Callable[[Tensor], Tensor]:
        C = tables[coefficients]  # (seeds, channels_out, channels_in, rank)
        B = tables[basis].to(C.dtype)  # (seeds or 1, rank, d_out · d_in)
        blocks = C @ (B[0] if len(B) == 1 else B.unsqueeze(1))
        blocks = blocks.unflatten(-1, (d_out, d_in)).transpose(2, 3)  # (seeds, c_out, d_out, c_in, d_in)
        W = blocks.reshape(len(C), outs[0] * d_out, ins[0] * d_in)
        b = (tables[bias] @ tables[bias_basis].to(C.dtype)).flatten(1) if bias else None

        def answer(x: Tensor) -> Tensor:
            if x.ndim != 4 or x.shape[-2:] != ins:
                raise DoesNotFit
            return dense(x.flatten(-2), W, b).unflatten(-1, outs)

        return answer

    return with_tables


RULES: dict[type, Rule] = {
    EquivariantLinear: _equivariant,
    Copies: on_any_axes,
    Scale: on_any_axes,
    Pool: on_any_axes,
}
