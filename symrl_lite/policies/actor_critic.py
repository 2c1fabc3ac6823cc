"""A policy and a value function as one module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from symrl_lite.layers.linear import as_tensor, require_tensor
from symrl_lite.policies.parts import require_module, shape_of_states
from symrl_lite.policies.stacks import RULES, beside
from symrl_lite.seeds.stacks import DoesNotFit, Plan, Stacked, Tables

__all__ = ["ActorCritic", "OnTable"]


class ActorCritic(nn.Module):
    """scores = actor(body(x)), value = critic(body(x)).

    Args:
        body: (batch, ...) -> features.
        actor: features -> scores of the actions.
        critic: features -> one value.
        state_shape: of one state, with None for a size that may vary; then states are checked, converted to the
            parameters' dtype, and told from batches. Networks of this module know it.

    Raises:
        ValueError: when called, states of another shape than (batch, *state_shape); without state_shape, scores and
            values of different numbers of states.

    >>> network = ActorCritic(nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(8, 1))
    >>> [part.shape for part in network(torch.zeros(5, 4))]
    [torch.Size([5, 2]), torch.Size([5])]

    Source: Sutton & Barto 2018, Reinforcement Learning: An Introduction (actor–critic methods).
    """

    state_shape: tuple[int | None, ...] | None = None

    def __init__(
        self, body: nn.Module, actor: nn.Module, critic: nn.Module, state_shape: Sequence[int | None] | None = None
    ) -> None:
        super().__init__()
        for what, module in (("body", body), ("actor", actor), ("critic", critic)):
            require_module(module, what)
        self.body, self.actor, self.critic = body, actor, critic
        self.state_shape = None if state_shape is None else shape_of_states(state_shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, ...) → scores (batch, actions) and values (batch,).

        Raises:
            TypeError: no tensor of real numbers. ValueError: another shape, or another number of scores than of values.
        """
        require_tensor(x, real=True)
        if self.state_shape is not None:
            if x.ndim != 1 + len(self.state_shape) or not self._is_state(x.shape[1:]):
                raise ValueError(
                    f"x has shape {tuple(x.shape)}, expected {self._expected()}: give one state as x[None]"
                )
            x = x.to(next(self.parameters()).dtype)
        features = self.body(x)
        scores, values = self.actor(features).flatten(1), self.critic(features).flatten()
        if len(scores) != len(values):
            raise ValueError(
                f"x has shape {tuple(x.shape)} and gives scores of {len(scores)} states and {len(values)} values, "
                "expected (batch, *state): say the shape of a state with ActorCritic(..., state_shape=...)"
            )
        return scores, values

    def stacked(self, plan: Plan) -> Stacked | None:
        """`forward` for the networks of many seeds at once; None where a part is not known.

        What it returns raises DoesNotFit where `forward` would refuse: `SeedBatch` then asks `forward` itself.
        """
        plan.rules.update(RULES)
        body, heads = plan.of(self.body), beside(plan.of(self.actor), plan.of(self.critic))
        if body is None or heads is None:
            return None
        first = plan.names[id(next(self.parameters()))]

        def with_tables(tables: Tables) -> Callable[[Any], Any]:
            features, outputs, dtype = body(tables), heads(tables), tables[first].dtype

            def answer(x: Tensor) -> tuple[Tensor, Tensor]:
                if x.is_complex():
                    raise DoesNotFit
                if self.state_shape is not None:
                    if x.ndim != 2 + len(self.state_shape) or not self._is_state(x.shape[2:]):
                        raise DoesNotFit
                    x = x.to(dtype)
                scores, values = (y.flatten(2) for y in outputs(features(x)))
                if values.shape[2] != 1 or scores.shape[1] != values.shape[1]:
                    raise DoesNotFit
                return scores, values[..., 0]

            return answer

        return with_tables

    def _is_state(self, shape: Sequence[int]) -> bool:
        known = self.state_shape or ()
        return len(shape) == len(known) and all(n in (None, m) for n, m in zip(known, shape, strict=True))

    def _expected(self) -> str:
        sizes = ["any" if n is None else str(n) for n in self.state_shape or ()]
        return "(" + ", ".join(["batch", *sizes]) + ")"

    def probabilities(self, x: Any) -> Any:
        """π(·|x) as a NumPy array: (actions,) for one state, (batch, actions) for a batch of them.

        Args:
            x: an array, a list or a tensor, of the shape of a state or (batch, *state). Without `state_shape` it is
                taken for one state.

        Raises:
            ValueError: neither a state nor a batch of states.

        >>> import torch
        >>> from symrl_lite.policies import mlp_policy
        >>> network = mlp_policy(4, 2)
        >>> network.probabilities([0.0, 0.0, 0.0, 0.0]).shape, network.probabilities(torch.zeros(10, 4)).shape
        ((2,), (10, 2))
        """
        first = next(self.parameters())
        state = as_tensor(x, "x").to(first.device)
        state = state.to(first.dtype) if state.is_floating_point() else state
        single = self.state_shape is None or self._is_state(state.shape)
        if not single and not self._is_state(state.shape[1:]):
            raise ValueError(f"x has shape {tuple(state.shape)}, expected a state, or {self._expected()}")
        with torch.no_grad():
            probabilities = torch.softmax(self(state[None] if single else state)[0], dim=-1)
        probabilities = probabilities[0] if single else probabilities
        return (probabilities.float() if probabilities.element_size() < 4 else probabilities).cpu().numpy()


class OnTable(nn.Module):
    """x[i] for state numbers i: a network of images, run once on all images that there are.

    For an environment with few different images this is many times cheaper than to run it on each image of a batch.

    Args:
        network: an actor-critic of images.
        images: (states, channels, height, width).

    Raises:
        TypeError: when called, state numbers that are not int64, int32 or int16. IndexError: a number that is no state.

    >>> network = ActorCritic(nn.Flatten(), nn.Linear(4, 2), nn.Linear(4, 1))
    >>> OnTable(network, torch.zeros(9, 1, 2, 2))(torch.tensor([3, 8, 3]))[0].shape
    torch.Size([3, 2])
    """

    images: Tensor
    looks_up = True  # see SeedBatch.frozen

    def __init__(self, network: nn.Module, images: Any) -> None:
        super().__init__()
        require_module(network, "network")
        pictures = as_tensor(images, "images")
        if pictures.ndim < 2 or len(pictures) == 0:
            raise ValueError(f"images have shape {tuple(pictures.shape)}, expected (states, *shape)")
        self.network = network
        self.register_buffer("images", pictures, persistent=False)

    def forward(self, states: Tensor | None, table: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """State numbers (batch,) → scores (batch, actions) and values (batch,); None → those of all states.

        Raises:
            TypeError: no tensor of whole numbers.
        """
        scores, values = self.network(self.images) if table is None else table
        if states is None:
            return scores, values
        require_tensor(states, "states")
        if states.dtype not in (torch.int64, torch.int32, torch.int16):  # uint8 and bool would be masks
            raise TypeError(f"states have dtype {states.dtype}, expected whole numbers, torch.int64")
        # A negative number would wrap round; past the end it is refused by torch, inside vmap too.
        states = torch.where(states < 0, len(self.images), states.long())
        return scores[states], values[states]
