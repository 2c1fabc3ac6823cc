"""A predator that chases a prey on a torus, seen from the predator."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete

from symrl_lite.actions import MOVES, STEPS, GridState, on_cells, on_images, on_moves
from symrl_lite.door import a_number, whole_number
from symrl_lite.envs._finite import FiniteEnv, FiniteEnvs, Outcome
from symrl_lite.envs._pictures import SERVED, drawn, known_mode
from symrl_lite.groups import FiniteGroup, cyclic, dihedral
from symrl_lite.symmetry import Symmetry

__all__ = ["PredatorPrey"]

CROSS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], dtype=np.float32)  # the predator
PLUS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.float32)  # the prey


class PredatorPrey(FiniteEnv):
    """The predator moves, then with probability `prey_moves` the prey, in a random direction; contact ends the episode.

    The view is centred on the predator, so a state is the cell in which the prey is seen: states 0 to size² − 1, row by
    row, and one more, in which it is caught. Reward 1 for contact after both moves, −0.1 for every other step. Actions
    are stay, up, left, down, right (0 to 4). Prey and predator may start in one cell: it counts after a step only.

    Args:
        size: rows and columns of the torus, an odd number.
        prey_moves: probability that the prey moves.
        observation: "image" shows (1, 3·size, 3·size) pixels 0 or 1, "index" the number of the state.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: a size that is even or below 3, no probability, an unknown kind of observation.

    >>> chase = PredatorPrey(observation="index")
    >>> chase.reset(options={"state": 2 * 7 + 3})[0], chase.n_states  # the prey is right above the predator
    (np.int64(17), 50)

    Source: van der Pol et al. 2020, MDP Homomorphic Networks; settings from its code.
    """

    metadata = SERVED

    def __init__(
        self,
        size: int = 7,
        prey_moves: float = 0.15,
        observation: Literal["image", "index"] = "image",
        max_steps: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        size, max_steps = whole_number(size, "size", 3), whole_number(max_steps, "max_steps")
        prey_moves = a_number(prey_moves, "prey_moves", 0, 1)
        if size < 3 or size % 2 == 0:
            raise ValueError(f"size is {size}, expected an odd number from 3, so that the view has a middle")
        if observation not in ("image", "index"):
            raise ValueError(f"observation is {observation!r}, expected 'image' or 'index'")
        self.size, self.prey_moves, self.max_steps = size, prey_moves, max_steps
        self.n_states, self.caught = size**2 + 1, size**2
        self.action_names = ("stay", *MOVES)
        self.terminal = frozenset({self.caught})
        self.start_states = np.arange(size**2)
        self.action_space = Discrete(5)
        self.shows_images = observation == "image"
        self._images = [self._image(s) for s in range(self.n_states)]
        self._by_image = {image.tobytes(): s for s, image in reversed(list(enumerate(self._images)))}
        self.observation_space: Any = Discrete(self.n_states)
        if self.shows_images:
            self.observation_space = Box(0, 1, (1, 3 * size, 3 * size), np.float32)

    def picture(self) -> np.ndarray:
        """The torus around the predator, as `plots.draw_gridworld` draws it, (rows, columns, 3)."""
        from symrl_lite.plots import draw_gridworld  # here, because it needs matplotlib

        return drawn(lambda axes: draw_gridworld(axes, self.view(self.state)))

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """Probability, next state and reward of all that can follow."""
        state, action = self._pair(state, action)
        if state == self.caught:
            return [(1.0, state, 0.0)]
        n, middle = self.size, self.size // 2
        row, column = divmod(state, n)
        if action > 0:  # the view is the predator's: what it moves towards comes nearer
            row, column = row - STEPS[action - 1][0], column - STEPS[action - 1][1]
        chances = [(1 - self.prey_moves, (0, 0)), *((self.prey_moves / 4, step) for step in STEPS)]
        found = []
        for chance, (rows, columns) in chances:
            if chance > 0:
                cell = (row + rows) % n, (column + columns) % n
                contact = cell == (middle, middle)
                found.append((chance, self.caught if contact else cell[0] * n + cell[1], 1.0 if contact else -0.1))
        return found

    def observe(self, state: int) -> Any:
        """The image or the index of a state."""
        state = whole_number(state, "state", 0, self.n_states - 1)
        return self._images[state].copy() if self.shows_images else np.int64(state)

    def index_of(self, observation: Any) -> int:
        """The state that is shown; an image with both in one cell is a start, not the end.

        Raises:
            ValueError: an image that shows no state.
        """
        if not self.shows_images:
            return super().index_of(observation)
        image = np.ascontiguousarray(observation, dtype=np.float32)
        if image.tobytes() not in self._by_image:
            raise ValueError(f"the image {image.shape} shows no state of this environment")
        return self._by_image[image.tobytes()]

    def images(self) -> np.ndarray:
        """The images of all states, (n_states, 1, 3·size, 3·size); that of the end is the last."""
        return np.stack(self._images)

    def copies(self, num_envs: int) -> FiniteEnvs:
        """So many copies side by side that show the number of the state, for `train_ppo`."""
        return FiniteEnvs(self, num_envs)

    def view(self, state: int) -> GridState:
        """The state as it is drawn, the predator as agent and the prey as goal, for `plots.draw_gridworld`."""
        state, middle = whole_number(state, "state", 0, self.n_states - 1), self.size // 2
        prey = (middle, middle) if state == self.caught else divmod(state, self.size)
        return GridState(self.size, (middle, middle), prey)

    def rotations(self) -> Symmetry:
        """C4: quarter turns of the view."""
        return self._symmetry(cyclic(4), "quarter turns of the view")

    def symmetries(self) -> Symmetry:
        """D4: quarter turns and flips of the view."""
        return self._symmetry(dihedral(4), "turns and flips of the view")

    def _symmetry(self, group: FiniteGroup, name: str) -> Symmetry:
        moves = on_moves(group, stay=True)
        if self.shows_images:
            return Symmetry(group, on_images(group), moves, name)
        turn = on_cells(group, self.size)
        states = np.full((group.order, self.n_states), self.caught)
        for g in group:
            for s in range(self.caught):
                row, column = turn(g, divmod(s, self.size))
                states[g, s] = row * self.size + column
        return Symmetry(group, lambda g, s: states[g, s], moves, name)

    def _image(self, state: int) -> np.ndarray:
        image = np.zeros((1, 3 * self.size, 3 * self.size), dtype=np.float32)
        view = self.view(state)
        for cell, shape in ((view.goal, PLUS), (view.agent, CROSS)):
            assert cell is not None
            i, j = 3 * cell[0], 3 * cell[1]
            image[0, i : i + 3, j : j + 3] = np.maximum(image[0, i : i + 3, j : j + 3], shape)
        return image
