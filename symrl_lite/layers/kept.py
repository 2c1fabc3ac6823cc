"""Layers that make a large weight from few numbers: tables that stay exact, and a weight that is kept for acting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["MadeWeight", "is_recorded"]

Self = TypeVar("Self", bound="MadeWeight")


class MadeWeight(nn.Module):
    """A module with a `weight()` that it makes from its parameters and from tables, which are its buffers.

    Tables are moved with the module and never rounded. When acting (`eval`, no gradients) the weight of the last call
    is used again if all numbers that it is made of are the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[tuple[Tensor, ...], Tensor] | None = None

    def weight(self) -> Tensor:
        """The weight (outputs, inputs, ...), made anew.

        Raises:
            NotImplementedError: a module that does not say how.
        """
        raise NotImplementedError

    def made_of(self) -> tuple[Tensor, ...]:
        """The parameters and the tables, of any shape, that the weight is made of.

        Raises:
            NotImplementedError: a module that does not say which.
        """
        raise NotImplementedError

    def weight_or_kept(self) -> Tensor:
        """The weight (outputs, inputs, ...); when acting, that of the last call if nothing has changed.

        The numbers themselves are compared: a version counter or the identity of a tensor misses changes through
        `.data`, `vector_to_parameters`, NumPy or another process.
        """
        if self.training or torch.is_grad_enabled():
            return self.weight()
        now = self.made_of()
        if not _are_plain(now):
            return self.weight()
        kept = self._kept
        if kept is None or not all(_equal(one, other) for one, other in zip(kept[0], now, strict=True)):
            kept = self._kept = tuple(t.detach().clone() for t in now), self.weight()
        return kept[1]

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As for every module (`to`, `half`, `share_memory`, ...), but the tables are moved only, never rounded."""
        tables = {n: t for n, t in self._buffers.items() if t is not None}
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

    def train(self: Self, mode: bool = True) -> Self:
        """As for every module; what was kept for `eval` is dropped."""
        self._kept = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}


def is_recorded() -> bool:
    """Whether torch writes down what is computed (compile, trace, fake tensors).

    >>> is_recorded()
    False
    """
    return bool(torch.compiler.is_compiling() or torch._C._get_tracing_state() or torch._C._len_torch_dispatch_stack())


def _are_plain(tensors: tuple[Tensor, ...]) -> bool:
    """Whether these are numbers in the main memory, and neither wrapped (vmap) nor recorded."""
    if is_recorded() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    return all(type(t) in (Tensor, nn.Parameter) and t.is_cpu for t in tensors)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)
