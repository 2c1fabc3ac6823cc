"""The networks of a plannable approximation: encoder, latent step and reward head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from symrl_lite.data import Transitions
from symrl_lite.door import real_numbers, sizes, whole_number, whole_numbers
from symrl_lite.layers.linear import as_tensor, require_tensor

__all__ = ["Encoded", "LinearModel", "PlannableModel", "cnn_encoder", "known_actions", "mlp_encoder"]


def known_actions(taken: Sequence[np.ndarray], n_actions: Any) -> int:
    """How many actions there are: `n_actions`, or one more than the largest that was taken, in sets (n,).

    Raises:
        TypeError: n_actions is no whole number. ValueError: actions that are not 0, 1, ..., n − 1.

    >>> known_actions([np.array([0, 2])], None)
    3
    """
    if n_actions is not None and (isinstance(n_actions, bool) or not isinstance(n_actions, Integral)):
        raise TypeError(f"n_actions is {n_actions}, expected a whole number: actions are Discrete(n), from 0")
    for actions in taken:
        if actions.dtype.kind not in "iu":
            raise ValueError(f"the actions have type {actions.dtype}, expected whole numbers 0, 1, ..., n − 1")
    low, high = min(int(a.min()) for a in taken), max(int(a.max()) for a in taken)
    n = high + 1 if n_actions is None else int(n_actions)
    if low < 0 or high >= n:
        raise ValueError(
            f"the actions go from {low} to {high}, expected whole numbers from 0 to {n - 1}: subtract the start of a "
            "Discrete space that has one, or give another n_actions"
        )
    # Random play misses one action of n in N steps with probability (1 − 1/n)^N. Where that is rare, something else was
    # meant: most likely a Discrete space that starts at 1.
    if low > 0 and n_actions is None and (1 - 1 / n) ** sum(a.size for a in taken) < 1e-3:
        raise ValueError(
            f"the actions go from {low} to {high} and nobody takes 0: subtract the start of the Discrete space, or say "
            "how many there are by n_actions"
        )
    return n


def action_numbers(actions: Any, n_actions: int) -> Tensor:
    """Actions as int64, from 0 to n − 1. Under vmap the numbers themselves can't be looked at.

    Raises:
        TypeError: no tensor of whole numbers. ValueError: an action that there is not.
    """
    require_tensor(actions, "actions")
    if actions.dtype not in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        raise TypeError(f"actions have dtype {actions.dtype}, expected whole numbers, torch.int64")
    if torch._C._functorch.peek_interpreter_stack() is None and not torch.compiler.is_compiling() and actions.numel():
        low, high = int(actions.min()), int(actions.max())
        if low < 0 or high >= n_actions:
            raise ValueError(f"actions go from {low} to {high}, expected whole numbers from 0 to {n_actions - 1}")
    return actions.long()


def require_sets(transitions: Any) -> None:
    """Refuse what is neither Transitions nor a list of them.

    Raises:
        TypeError: anything else.
    """
    if isinstance(transitions, Transitions):
        return
    if not isinstance(transitions, Sequence) or not all(isinstance(steps, Transitions) for steps in transitions):
        raise TypeError(f"transitions are {str(transitions)[:60]}, expected Transitions, or a list of them")


class PlannableModel(nn.Module):
    """z = Z(s), T̄(z, a) = z + Ā(z, a), R̄(T̄(z, a)): encoder, latent step of an action, and reward on arrival.

    Args:
        encoder: observations (batch, *shape) -> latents (batch, dimension).
        dimension: of the latents.
        n_actions: number of actions.
        hidden: units of the network of the step.
        reward_hidden: units of the network of the reward.
        decoder: latents -> observations, flat; only for the autoencoder, which chapter 6 compares with.

    Raises:
        TypeError: an encoder that is no torch module.

    >>> model = PlannableModel(mlp_encoder(4, dimension=3), dimension=3, n_actions=2)
    >>> z = model.encode(torch.zeros(5, 4))
    >>> z.shape, model.step(z, torch.zeros(5, dtype=torch.long)).shape, model.steps(z).shape
    (torch.Size([5, 3]), torch.Size([5, 3]), torch.Size([5, 2, 3]))

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms; sizes from its code.
    """

    def __init__(
        self,
        encoder: nn.Module,
        dimension: int,
        n_actions: int,
        hidden: int = 100,
        reward_hidden: int = 64,
        decoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, nn.Module):
            raise TypeError(f"encoder is {encoder!r}, expected a torch module")
        dimension, n_actions = whole_number(dimension, "dimension"), whole_number(n_actions, "n_actions")
        hidden, reward_hidden = whole_number(hidden, "hidden"), whole_number(reward_hidden, "reward_hidden")
        self.encoder, self.dimension, self.n_actions = encoder, dimension, n_actions
        self.action = nn.Sequential(nn.Linear(dimension + n_actions, hidden), nn.ReLU(), nn.Linear(hidden, dimension))
        self.reward = nn.Sequential(nn.Linear(dimension, reward_hidden), nn.ReLU(), nn.Linear(reward_hidden, 1))
        self.decoder = decoder

    def encode(self, observations: Any) -> Tensor:
        """Z(s): (batch, *shape) -> (batch, dimension).

        Raises:
            TypeError: no numbers. ValueError: a shape that the encoder does not take.
        """
        seen = as_tensor(observations, "observations").float()
        try:
            return self.encoder(seen)
        except (RuntimeError, IndexError) as error:
            raise ValueError(
                f"observations have shape {tuple(seen.shape)}, which the encoder does not take ({error}), expected "
                "(batch, *shape)"
            ) from error

    def step(self, z: Tensor, actions: Tensor) -> Tensor:
        """T̄(z, a) = z + Ā(z, a): (batch, dimension) and whole numbers (batch,) -> (batch, dimension)."""
        z = self._latents(z)
        actions = action_numbers(actions, self.n_actions)
        chosen = nn.functional.one_hot(actions, self.n_actions).to(z)
        return z + self.action(torch.cat([z, chosen], dim=-1))

    def steps(self, z: Tensor) -> Tensor:
        """T̄(z, a) for every action: (batch, dimension) -> (batch, actions, dimension)."""
        z = self._latents(z)
        every = torch.eye(self.n_actions).to(z).expand(len(z), -1, -1)
        beside = z.unsqueeze(1).expand(-1, self.n_actions, -1)
        return beside + self.action(torch.cat([beside, every], dim=-1))

    def rewards(self, z: Tensor) -> Tensor:
        """R̄: (..., dimension) -> (...)."""
        return self.reward(self._latents(z))[..., 0]

    def _latents(self, z: Any) -> Tensor:
        """z in the parameters' dtype."""
        require_tensor(z, "z", real=True)
        if z.shape[-1:] != (self.dimension,):
            raise ValueError(f"z has shape {tuple(z.shape)}, expected (batch, {self.dimension})")
        return z.to(self.reward[0].weight.dtype)

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the losses compare, from (table, states, actions, next states, negatives), the states as rows."""
        table, states, actions, next_states, negatives = batch
        latents = self.encode(table)
        if self.decoder is None:
            predicted = self.step(latents[states], actions)
            return latents, predicted, self.rewards(predicted), latents[next_states], latents[negatives]
        fixed = latents.detach()  # the step and the reward are fitted to latents that they don't shape
        predicted = self.step(fixed[states], actions)
        return self.decoder(latents), predicted, self.rewards(predicted), fixed[next_states], fixed[negatives]


class Encoded:
    """A model whose observations are all known: it encodes them once, and then takes their numbers for them.

    Args:
        model: a PlannableModel.
        observations: (n, *shape).

    Raises:
        TypeError: a model without `encode`, `steps` and `rewards`.

    >>> model = PlannableModel(mlp_encoder(4, dimension=3), dimension=3, n_actions=2)
    >>> Encoded(model, torch.zeros(7, 4)).encode([0, 6]).shape
    torch.Size([2, 3])
    """

    def __init__(self, model: PlannableModel, observations: Any) -> None:
        if not all(hasattr(model, name) for name in ("encode", "steps", "rewards")):
            raise TypeError(f"model is {model!r}, expected a PlannableModel, or what else encodes, steps and rewards")
        with torch.no_grad():
            self.latents = model.encode(observations)
        self.steps, self.rewards = model.steps, model.rewards

    def encode(self, numbers: Any) -> Tensor:
        """Z of the observations with these numbers, (batch,) -> (batch, dimension)."""
        return self.latents[torch.from_numpy(whole_numbers(numbers, "numbers", 0, len(self.latents) - 1))]


class LinearModel:
    """z = c · s and T̄(z, a) = M_a z + m_a, by least squares: what a planner does without an encoder.

    Nothing is trained, and nobody tells the scale c. Chapter 6 compares with it.

    Args:
        transitions: steps with observations that are vectors, (K, D).
        scale: c, a number, or one for each entry of an observation, (D,).

    Raises:
        ValueError: observations that are no vectors, or an action that was never taken.

    >>> steps = Transitions([[0.0], [1.0], [2.0]], [0, 1], [0, 0], [0, 0], [1, 2], [False, False], [0, 0])
    >>> model = LinearModel(steps, scale=10)
    >>> model.steps(model.encode([[5.0]])).round().tolist()
    [[[60.0]]]
    """

    def __init__(self, transitions: Transitions, scale: Any = 1.0) -> None:
        if not isinstance(transitions, Transitions):
            raise TypeError(f"transitions are {transitions!r}, expected Transitions")
        seen = np.asarray(transitions.observations, dtype=np.float64)
        if seen.ndim != 2:
            raise ValueError(f"observations have shape {seen.shape}, expected vectors, (K, D)")
        factors = real_numbers(scale, "scale", verb="is of").astype(np.float64)
        if factors.shape not in ((), (1,), seen.shape[1:]) or not (np.isfinite(factors) & (factors > 0)).all():
            raise ValueError(f"scale is {str(scale)[:60]}, expected a positive number, or {seen.shape[1]} of them")
        self.scale = np.broadcast_to(factors, seen.shape[1:])
        before, after = (seen[rows] * self.scale for rows in (transitions.states, transitions.next_states))
        maps = []
        for action in range(transitions.n_actions):
            own = transitions.actions == action
            if not own.any():
                raise ValueError(f"action {action} was never taken: its step can't be fitted")
            maps.append(np.linalg.lstsq(np.pad(before[own], ((0, 0), (0, 1)), constant_values=1), after[own])[0])
        self.maps = torch.from_numpy(np.stack(maps))  # (actions, D + 1, D)

    def encode(self, observations: Any) -> Tensor:
        """c · s, (batch, D).

        Raises:
            TypeError: no numbers. ValueError: rows that are not of length D.
        """
        seen = real_numbers(observations, "observations")
        if seen.shape[-1:] != self.scale.shape:
            raise ValueError(f"observations have shape {seen.shape}, expected (batch, {len(self.scale)})")
        return torch.from_numpy(seen.astype(np.float64) * self.scale)

    def steps(self, z: Tensor) -> Tensor:
        """M_a z + m_a for every action, (batch, D) -> (batch, actions, D).

        Raises:
            TypeError: no tensor of real numbers. ValueError: another shape.
        """
        require_tensor(z, "z", real=True)
        if z.ndim != 2 or z.shape[1] != len(self.scale):
            raise ValueError(f"z has shape {tuple(z.shape)}, expected (batch, {len(self.scale)})")
        return torch.einsum("bd,ade->bae", nn.functional.pad(z.double(), (0, 1), value=1.0), self.maps)

    def rewards(self, z: Tensor) -> Tensor:
        """Zeros: no reward is fitted."""
        require_tensor(z, "z", real=True)
        return torch.zeros(z.shape[:-1], dtype=z.dtype)


def mlp_encoder(inputs: int, dimension: int = 50, hidden: Sequence[int] = (64, 32)) -> nn.Sequential:
    """Linear layers with ReLU between them, for observations that are vectors.

    >>> mlp_encoder(4)(torch.zeros(2, 4)).shape
    torch.Size([2, 50])

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms; sizes from its code.
    """
    units = [whole_number(inputs, "inputs"), *sizes(hidden, "hidden")]
    dimension = whole_number(dimension, "dimension")
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(units):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(units[-1], dimension))


def cnn_encoder(
    shape: Sequence[int], dimension: int = 50, channels: int = 16, hidden: Sequence[int] = (64, 32)
) -> nn.Sequential:
    """Two 3 × 3 convolutions with ReLU, without padding, then linear layers, for images (channels, height, width).

    Raises:
        ValueError: another shape.

    >>> cnn_encoder((3, 8, 8))(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 50])

    Source: the code of van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    dimension, channels = whole_number(dimension, "dimension"), whole_number(channels, "channels")
    if not isinstance(shape, Sequence | np.ndarray) or len(shape) != 3 or min(sizes(shape, "shape")[1:]) < 5:
        raise ValueError(
            f"the images have shape {shape}, expected (channels, height, width) with at least 5 rows and columns"
        )
    colors, height, width = sizes(shape, "shape")
    return nn.Sequential(
        nn.Conv2d(colors, channels, 3),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3),
        nn.ReLU(),
        mlp_encoder(channels * (height - 4) * (width - 4), dimension, hidden),
    )
