"""Traffic lights as a process made of parts: one queue and one switch for each light."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete

from symrl_lite.door import a_number, whole_number
from symrl_lite.envs._door import whole_numbers
from symrl_lite.envs._finite import FiniteEnv, Outcome
from symrl_lite.envs._pictures import SERVED, drawn, known_mode
from symrl_lite.groups import FiniteGroup, cyclic, permutation, symmetric
from symrl_lite.symmetry import Symmetry

__all__ = ["TrafficLights"]


class TrafficLights(FiniteEnv):
    """n lights, each with a queue of 0 to `capacity` cars and a switch: 1 is green for the queue, 0 is red.

    In each step a green light lets one car of its queue pass, then at each light a car arrives with probability
    `arrival`; what a full queue can't hold turns away. Reward: −(cars waiting) − `halt` · (number of green lights)²,
    because each green halts the avenue and several at once halt it for longer.

    In a "row" cars that pass are gone, and the lights are alike in any order. In a "ring" they arrive at the next
    light, and the lights are alike up to a turn of the ring.

    Args:
        lights: number of lights n.
        capacity: most cars in a queue.
        layout: "row" or "ring".
        arrival: probability that a car arrives at a light in a step.
        halt: cost of a green light.
        observation: "queues" shows the n numbers of cars, "index" one number, the first light counting most.
        max_steps: length of an episode.
        render_mode: "rgb_array" for `render`, or None.

    Actions are numbers from 0 to 2ⁿ − 1 whose binary digits are the switches, the first light's digit first.

    Raises:
        ValueError: fewer than one light or car, more than 2^22 pairs, no probability, an unknown layout or observation.

    >>> lights = TrafficLights(lights=3, capacity=2)
    >>> lights.reset(seed=0, options={"state": [2, 0, 1]})[0].tolist(), lights.switches(4)
    ([2, 0, 1], (1, 0, 0))

    Source: its rules are the course's own; lights of one network as one problem: van der Pol & Oliehoek 2016,
    Coordinated Deep Reinforcement Learners for Traffic Light Control.
    """

    metadata = SERVED

    def __init__(
        self,
        lights: int = 3,
        capacity: int = 2,
        layout: Literal["row", "ring"] = "row",
        arrival: float = 0.3,
        halt: float = 0.5,
        observation: Literal["queues", "index"] = "queues",
        max_steps: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        lights, capacity = whole_number(lights, "lights"), whole_number(capacity, "capacity")
        max_steps, halt = whole_number(max_steps, "max_steps"), a_number(halt, "halt")
        arrival = a_number(arrival, "arrival", 0, 1)
        if (2 * (capacity + 1)) ** lights > 2**22:
            raise ValueError(f"{lights} lights with queues up to {capacity} have more than 2^22 state–action pairs")
        if layout not in ("row", "ring"):
            raise ValueError(f"layout is {layout!r}, expected 'row' or 'ring'")
        if observation not in ("queues", "index"):
            raise ValueError(f"observation is {observation!r}, expected 'queues' or 'index'")
        self.lights, self.capacity, self.layout, self.arrival, self.halt = lights, capacity, layout, arrival, halt
        self.max_steps, self.shows_queues = max_steps, observation == "queues"
        self._states = list(product(range(capacity + 1), repeat=lights))
        self._switches = list(product((0, 1), repeat=lights))
        self.n_states = len(self._states)
        self.action_names = tuple("".join(map(str, bits)) for bits in self._switches)
        self.terminal = frozenset()
        self.start_states = np.arange(self.n_states)
        self.action_space = Discrete(2**lights)
        self.observation_space: Any = Discrete(self.n_states)
        if self.shows_queues:
            self.observation_space = MultiDiscrete([capacity + 1] * lights)

    def switches(self, action: int) -> tuple[int, ...]:
        """The switch of each light, 1 for green."""
        return self._switches[whole_number(action, "action", 0, len(self._switches) - 1)]

    def parents(self, light: int) -> tuple[int, ...]:
        """The lights whose queue and switch decide what is in the queue of `light` after a step."""
        light = whole_number(light, "light", 0, self.lights - 1)
        return (light,) if self.layout == "row" or self.lights == 1 else ((light - 1) % self.lights, light)

    def picture(self) -> np.ndarray:
        """A bar for each queue, (rows, columns, 3)."""
        from symrl_lite.plots import draw_bars  # here, because it needs matplotlib

        def draw(axes: Any) -> None:
            draw_bars(axes, self._states[self.state], [f"light {i}" for i in range(self.lights)])
            axes.set_ylim(0, self.capacity)
            axes.set_ylabel("cars")

        return drawn(draw, height=3.0)

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """Probability, next state and reward of all that can follow."""
        state, action = self._pair(state, action)
        queues, green = self._states[state], self._switches[action]
        passed = [int(q > 0 and a == 1) for q, a in zip(queues, green, strict=True)]
        left = [q - p for q, p in zip(queues, passed, strict=True)]
        if self.layout == "ring" and self.lights > 1:
            left = [q + passed[i - 1] for i, q in enumerate(left)]
        found = []
        for arrivals in product((0, 1), repeat=self.lights):
            came = sum(arrivals)
            chance = self.arrival**came * (1 - self.arrival) ** (self.lights - came)
            if chance > 0:
                after = tuple(min(q + c, self.capacity) for q, c in zip(left, arrivals, strict=True))
                reward = -float(sum(after)) - self.halt * sum(green) ** 2
                found.append((chance, self._number(after), reward))
        return found

    def observe(self, state: int) -> Any:
        """The queues or the index of a state."""
        state = whole_number(state, "state", 0, self.n_states - 1)
        return np.array(self._states[state], dtype=np.int64) if self.shows_queues else np.int64(state)

    def index_of(self, observation: Any) -> int:
        """The state that is shown.

        Raises:
            ValueError: not one whole number for each light, or one that is longer than `capacity`.
        """
        if not self.shows_queues:
            return super().index_of(observation)
        queues = tuple(whole_numbers(observation, "queues").ravel().tolist())
        if len(queues) != self.lights or not all(0 <= q <= self.capacity for q in queues):
            raise ValueError(f"queues are {queues}, expected {self.lights} numbers from 0 to {self.capacity}")
        return self._number(queues)

    def rotations(self) -> Symmetry:
        """C_n: the lights move on round the ring; a symmetry of a row as well."""
        G = cyclic(self.lights)
        images = np.array([[(i + g) % self.lights for i in range(self.lights)] for g in G])
        return self._symmetry(G, images, "turns of the ring of lights")

    def permutations(self) -> Symmetry:
        """S_n: the lights in any order; a symmetry of a row, and of a ring of up to two lights."""
        G = symmetric(self.lights)
        return self._symmetry(G, np.array(G.permutations), "permutations of the lights")

    def _symmetry(self, group: FiniteGroup, images: np.ndarray, name: str) -> Symmetry:
        """`images` (|G|, n): light i goes to place images[g, i]."""
        came_from = np.argsort(images, axis=1)  # place j is taken by light came_from[g, j]
        numbers = {bits: a for a, bits in enumerate(self._switches)}
        actions = [[numbers[tuple(bits[i] for i in came_from[g])] for bits in self._switches] for g in group]
        states = np.array(
            [[self._number(tuple(queues[i] for i in came_from[g])) for queues in self._states] for g in group]
        )

        def on_states(g: int, s: Any) -> Any:
            return np.asarray(s)[..., came_from[g]] if self.shows_queues else states[g, s]

        return Symmetry(group, on_states, permutation(group, actions), name)

    def _number(self, queues: tuple[int, ...]) -> int:
        number = 0
        for q in queues:
            number = number * (self.capacity + 1) + q
        return number
