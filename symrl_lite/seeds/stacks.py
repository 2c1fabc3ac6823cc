"""f(θ_s, x_s) of known modules for all seeds s at once, by one product of matrices for each layer.

`torch.func.vmap` of `functional_call` can do this for every network, and asks each of its operations what a batch of it
is. For modules whose answer is known this file writes it down. What is not known here is left to vmap.

A module of another room can be known too: its class defines, beside `forward`, a method `stacked(self, plan)`, that
returns what `Plan.of` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_modules

__all__ = ["Dense", "DoesNotFit", "Plan", "Rule", "Stacked", "Tables", "on_any_axes"]

Tables = Mapping[str, Tensor]  # parameters and buffers by their names in the network, (seeds or 1, *shape)
# First the tables are given, and weights are made of them; then x (seeds, batch, ...), as often as one likes.
Stacked = Callable[[Tables], Callable[[Any], Any]]
Rule = Callable[[Any, "Plan"], "Stacked | Dense | None"]

POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Softplus, nn.Identity)


class DoesNotFit(Exception):
    """An input that a rule was not made for: vmap answers, or refuses it in the module's own words."""


@dataclass
class Dense:
    """y_s = x_s W_sᵀ + b_s, and max(y, 0) if `rectified`: the layers in which the time goes.

    `weights` makes W (seeds, outputs, inputs) and b (seeds, outputs) or None; `enter` makes of the layer's input
    (seeds, batch, inputs), or raises DoesNotFit; `leave` takes (seeds, batch, outputs) to the layer's output.
    """

    weights: Callable[[Tables], tuple[Tensor, Tensor | None]]
    enter: Callable[[Tensor], Tensor] = lambda x: x
    leave: Callable[[Tensor], Tensor] = lambda y: y
    rectified: bool = False

    def __call__(self, tables: Tables) -> Callable[[Any], Any]:
        """The layer with its weights made."""
        W, b = self.weights(tables)
        return lambda x: self.leave(_dense(self.enter(x), W, b, self.rectified))


class Plan:
    """How the modules of one network act on the stacked parameters of many.

    Args:
        network: one of the networks.

    Attributes:
        names: of its parameters and buffers, by their ids: a tensor that is used twice has one name.
        rules: for classes of modules, a function (module, plan) -> what `of` returns.
    """

    def __init__(self, network: nn.Module) -> None:
        self.names = {id(p): name for name, p in (*network.named_parameters(), *network.named_buffers())}
        self.seen: list[nn.Module] = []
        self.rules: dict[type, Rule] = {nn.Linear: _linear, nn.Sequential: _sequential}
        self.rules |= dict.fromkeys(POINTWISE, on_any_axes)

    def of(self, module: nn.Module) -> Stacked | Dense | None:
        """tables → (x → the module's answer for all seeds); None if it is not known, or not as its class made it."""
        kind = type(module)
        self.seen.append(module)
        if kind in self.rules:
            return self.rules[kind](module, self)
        for owner in kind.__mro__:
            if "stacked" in vars(owner) or "forward" in vars(owner):  # a new forward alone makes another module
                known = "stacked" in vars(owner) and "forward" in vars(owner)
                return cast(Any, module).stacked(self) if known else None
        return None

    def holds(self) -> bool:
        """Whether the modules still do what their classes say: no hooks, and no `forward` of their own."""
        everywhere = (torch_modules._global_forward_hooks, torch_modules._global_forward_pre_hooks)
        if any(everywhere) or torch_modules._global_backward_hooks or torch_modules._global_backward_pre_hooks:
            return False
        for m in self.seen:
            if m._forward_hooks or m._forward_pre_hooks or m._backward_hooks or m._backward_pre_hooks:
                return False
            if "forward" in m.__dict__:
                return False
        return True


def _linear(module: nn.Linear, plan: Plan) -> Dense:
    weight, bias = plan.names[id(module.weight)], plan.names.get(id(module.bias))
    return Dense(lambda tables: (tables[weight], None if bias is None else tables[bias]))


def _sequential(module: nn.Sequential, plan: Plan) -> Stacked | None:
    parts: list[Stacked] = []
    for inner in module:
        part = plan.of(inner)
        if part is None:
            return None
        if type(inner) is nn.ReLU and parts and isinstance(before := parts[-1], Dense) and not before.rectified:
            before.rectified = True
        else:
            parts.append(part)

    def with_tables(tables: Tables) -> Callable[[Any], Any]:
        functions = [part(tables) for part in parts]

        def answer(x: Any) -> Any:
            for function in functions:
                x = function(x)
            return x

        return answer

    return with_tables


def on_any_axes(module: nn.Module, plan: Plan) -> Stacked:
    """The rule of a module without parameters that leaves the first axes alone, however many there are."""
    return lambda tables: module


def _dense(x: Tensor, weight: Tensor, bias: Tensor | None, rectified: bool) -> Tensor:
    if x.ndim != 3 or x.shape[::2] != weight.shape[::2] or x.dtype != weight.dtype:
        raise DoesNotFit
    if bias is None or not torch.is_grad_enabled() or _is_transformed():
        y = x.bmm(weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weight.mT)
        return torch.relu_(y) if rectified else y
    return cast(Tensor, _WithGradients.apply(x, weight, bias, rectified))


def _is_transformed() -> bool:
    """Inside of torch.func's transforms, or of derivatives in forward mode: torch's own operations know them."""
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


class _WithGradients(torch.autograd.Function):
    """The same; its gradients are written as they are used, so that no large array is made twice."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, rectified: bool) -> Tensor:
        y = torch.baddbmm(bias.unsqueeze(1), x, weight.mT)
        if rectified:
            y.relu_()
        ctx.save_for_backward(x, weight, y if rectified else None)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, weight, y = ctx.saved_tensors
        if y is not None:
            g = torch.ops.aten.threshold_backward(g, y, 0)
        narrow = x.shape[2] < 16  # then the other order is several times as fast
        to_weight = x.mT.bmm(g).mT.contiguous() if narrow else g.mT.bmm(x)
        return g.bmm(weight) if ctx.needs_input_grad[0] else None, to_weight, g.sum(dim=1), None
