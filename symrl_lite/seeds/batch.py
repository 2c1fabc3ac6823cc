"""`SeedBatch`: the networks of many seeds as one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from symrl_lite.door import a_number, require_function, seed_list
from symrl_lite.seeds.stacks import DoesNotFit, Plan

__all__ = ["SeedBatch", "count_parameters"]


class SeedBatch:
    """f(θ_s, x_s) for all seeds s in one call: the parameters are stacked, (seeds, *shape).

    A layer of known modules (`nn.Linear`, the layers of `symrl_lite.policies`, pointwise functions) is then one product
    of matrices for all seeds. For a network with any other module in it, or with hooks, `vmap` runs over the seeds.

    Network s is made under torch's seed `seeds[s]`, so it does not depend on the others. Fixed numbers (a basis, a
    table of images) that are equal in all networks are kept once.

    Args:
        build_network: makes one network; called once for each seed.
        seeds: whole numbers.

    Raises:
        ValueError: no seeds, the same seed twice, or networks of different shapes.

    >>> batch = SeedBatch(lambda: nn.Linear(4, 2), seeds=[0, 1, 2])
    >>> batch(torch.zeros(3, 5, 4)).shape, batch.parameters["weight"].shape
    (torch.Size([3, 5, 2]), torch.Size([3, 2, 4]))

    Source: PyTorch's stack_module_state and vmap, of torch.func.
    """

    def __init__(self, build_network: Callable[[], nn.Module], seeds: Sequence[int]) -> None:
        require_function(build_network, "build_network", "a function () -> network")
        self.seeds = seed_list(seeds)
        made = []
        for seed in self.seeds:
            with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
                torch.manual_seed(seed)
                made.append(build_network())
        shapes = [{name: tuple(p.shape) for name, p in network.named_parameters()} for network in made]
        for seed, shape in zip(self.seeds, shapes, strict=True):
            if shape != shapes[0]:
                raise ValueError(f"the network of seed {seed} has parameters {shape}, that of the first {shapes[0]}")
        self._made = made
        parameters = [dict(network.named_parameters()) for network in made]
        buffers = [dict(network.named_buffers()) for network in made]
        self.parameters = {
            name: torch.stack([p[name].detach() for p in parameters]).requires_grad_() for name in parameters[0]
        }
        self._buffers, self._buffer_axes = {}, {}
        for name, first in buffers[0].items():
            shared = all(torch.equal(first, b[name]) for b in buffers)
            self._buffers[name] = first if shared else torch.stack([b[name] for b in buffers])
            self._buffer_axes[name] = None if shared else 0
        self._call = vmap(
            lambda parameters, buffers, x: functional_call(self._made[0], (parameters, buffers), (x,)),
            in_dims=(0, self._buffer_axes, 0),
        )
        self._plan = Plan(made[0])
        self._stacked = self._plan.of(made[0])

    def __len__(self) -> int:
        return len(self.seeds)

    def __call__(self, x: Any) -> Any:
        """x (seeds, batch, ...), or a tuple of such → what the network returns, each with a first axis of seeds."""
        if self._stacked is not None and self._takes(x):
            try:
                return self._stacked(self._tables())(x)
            except DoesNotFit:
                pass
        return self._call(self.parameters, self._buffers, x)

    def frozen(self) -> Callable[[Tensor], Any]:
        """The batch with the parameters that it has now, for use without gradients.

        What the parameters alone decide is made once, here: the weights of known modules, and the table of a network
        that looks its answers up (`OnTable`): it makes it by `network(None)`, and answers by `network(x, table)`.
        """
        if self._stacked is not None:
            with torch.no_grad():
                answer = self._stacked({name: table.clone() for name, table in self._tables().items()})

            def known(x: Tensor) -> Any:
                try:
                    return answer(x) if self._takes(x) else self(x)
                except DoesNotFit:
                    return self(x)

            return known
        if not getattr(self._made[0], "looks_up", False):
            return self
        network, fixed, axes = self._made[0], (self.parameters, self._buffers), (0, self._buffer_axes)

        def called(parameters: Any, buffers: Any, *given: Any) -> Any:
            return functional_call(network, (parameters, buffers), given or (None,))

        with torch.no_grad():
            table = vmap(called, in_dims=axes)(*fixed)
        return lambda x: vmap(called, in_dims=(*axes, 0, 0))(*fixed, x, table)

    def _takes(self, x: Any) -> bool:
        """Whether the rules of known modules may be tried on x."""
        return isinstance(x, Tensor) and x.ndim > 1 and len(x) == len(self) and self._plan.holds()

    def _tables(self) -> dict[str, Tensor]:
        shared = {name: b if self._buffer_axes[name] == 0 else b[None] for name, b in self._buffers.items()}
        return {**self.parameters, **shared}

    def clip_gradients(self, largest: float) -> None:
        """Scale the gradient of each seed, as one vector of all its parameters, to a length of at most `largest`."""
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        largest = a_number(largest, "largest", above=0)
        squares = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients])  # (parameters, seeds)
        scale = (largest / (squares.sum(dim=0).sqrt() + 1e-6)).clamp(max=1.0)  # (seeds,)
        for g in gradients:
            g.mul_(scale.view(-1, *[1] * (g.ndim - 1)))

    def networks(self) -> list[nn.Module]:
        """The networks one by one, with the parameters that they have now; copies."""
        copies = []
        for s, network in enumerate(self._made):
            twin = copy.deepcopy(network)
            with torch.no_grad():
                for name, parameter in twin.named_parameters():
                    parameter.copy_(self.parameters[name][s])
            copies.append(twin)
        return copies


def count_parameters(network: nn.Module) -> int:
    """How many numbers are trained.

    Raises:
        TypeError: no torch module.

    >>> count_parameters(nn.Linear(4, 2))
    10
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"network is {network!r}, expected a torch module")
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
