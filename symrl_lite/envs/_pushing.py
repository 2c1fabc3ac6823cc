"""Objects on a board that are pushed one at a time, and don't go through each other; the looks are left to others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.actions import MOVES, STEPS, on_cells, on_moves
from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import whole_number
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions, whole_numbers
from symrl_lite.envs._pictures import SERVED, DrawnEnv, enlarged, known_mode
from symrl_lite.groups import cyclic, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["Pushing", "PushingCopies", "pushed"]


def pushed(positions: Any, actions: Any, size: int) -> np.ndarray:
    """Where the objects are after a push: action 4·k + m moves object k by one cell up, left, down or right.

    The border and other objects block: then nothing moves.

    Args:
        positions: (n, K, 2), row and column of every object.
        actions: (n,).
        size: rows and columns of the board.

    Returns:
        (n, K, 2).

    >>> pushed([[[0, 0], [0, 1]]], [7], size=3).tolist(), pushed([[[0, 0], [0, 1]]], [3], size=3).tolist()
    ([[[0, 0], [0, 2]]], [[[0, 0], [0, 1]]])
    """
    after = np.array(positions)  # (n, K, 2)
    which, moves = np.divmod(np.asarray(actions), len(MOVES))
    rows = np.arange(len(after))
    target = after[rows, which] + np.asarray(STEPS)[moves]  # (n, 2)
    inside = ((target >= 0) & (target < size)).all(axis=1)
    taken = (after == target[:, None]).all(axis=2).any(axis=1)
    free = inside & ~taken
    after[rows[free], which[free]] = target[free]
    return after


class Pushing(DrawnEnv):
    """K objects on size × size cells; action 4·k + m pushes object k up, left, down or right (m = 0 to 3).

    Nothing is rewarded, and an episode ends after `max_steps`. Observations are pictures of whole numbers from 0 to
    255; info["state"] has the positions, (K, 2), which no model is told.

    Raises:
        ValueError: no object, or more objects than cells, or no step.

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (objects on a grid that block each other).
    """

    metadata = SERVED
    image_shape: tuple[int, int, int]

    def __init__(self, objects: int, size: int, max_steps: int, render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        objects, size = whole_number(objects, "objects", 0), whole_number(size, "size")
        max_steps = whole_number(max_steps, "max_steps", 0)
        if not 1 <= objects <= size * size or max_steps < 1:
            raise ValueError(
                f"{objects} objects on {size} × {size} cells for {max_steps} steps, expected at least one object, no "
                "more than cells, and at least one step"
            )
        self.objects, self.size, self.max_steps = objects, size, max_steps
        self.action_names = tuple(f"object {k} {move}" for k in range(objects) for move in MOVES)
        self.action_space = Discrete(4 * objects)
        self.observation_space: Any = Box(0, 255, self.image_shape, np.uint8)
        self.positions = np.zeros((objects, 2), dtype=np.int64)
        self.steps = -1  # of this episode; below 0 before the first

    @property
    def started(self) -> bool:
        """Whether the objects were placed, by `reset` or `set_state`."""
        return self.steps >= 0

    def picture(self) -> np.ndarray:
        """The board, enlarged, (rows, columns, 3)."""
        return enlarged(self.images(self.positions[None])[0])

    @abstractmethod
    def images(self, positions: Any) -> np.ndarray:
        """Pictures of many boards at once, (n, K, 2) -> (n, 3, height, width), whole numbers from 0 to 255."""

    @abstractmethod
    def masks(self, positions: Any) -> np.ndarray:
        """Which pixels show which object, (n, K, 2) -> (n, K, height, width) booleans."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Put the objects on different cells, drawn at random; options["positions"] says on which."""
        given = known_options(options, "positions")
        super().reset(seed=seed)
        cells = self.np_random.random((1, self.size**2))
        self.set_state(_places(cells, self.objects, self.size)[0])
        if "positions" in given:
            self.set_state(given["positions"])
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One push.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self.action_space, action)
        require_start(self.started, self)
        self.positions = pushed(self.positions[None], np.array([chosen]), self.size)[0]
        self.steps += 1
        seen, info = self._seen()
        return seen, 0.0, False, self.steps >= self.max_steps, info

    def set_state(self, positions: Any) -> None:
        """Put the objects on these cells, (K, 2).

        Raises:
            ValueError: another shape, a cell outside of the board, or two objects on one.
        """
        self.positions, self.steps = self.placed(positions), 0

    def placed(self, positions: Any) -> np.ndarray:
        """These cells, (K, 2), checked; see `set_state`.

        Raises:
            ValueError: no whole numbers, another shape, a cell outside of the board, or two objects on one.
        """
        cells = whole_numbers(positions, "positions")
        if (
            cells.shape != (self.objects, 2)
            or (cells.size and cells.min() < 0)
            or cells.max() >= self.size
            or len(np.unique(cells, axis=0)) < self.objects
        ):
            raise ValueError(
                f"positions are {cells.tolist()}, expected {self.objects} different cells (row, column) from 0 to "
                f"{self.size - 1}"
            )
        return cells

    def _boards(self, positions: Any) -> np.ndarray:
        """Positions on many boards, (n, K, 2), checked; objects may lie in one cell here.

        Raises:
            ValueError: another shape, or a cell outside of the board.
        """
        places = whole_numbers(positions, "positions")
        if (
            places.ndim != 3
            or places.shape[1:] != (self.objects, 2)
            or (places.size and (places.min() < 0 or places.max() >= self.size))
        ):
            raise ValueError(
                f"positions have shape {places.shape} and numbers from {places.min(initial=0)} to "
                f"{places.max(initial=0)}, expected (n, {self.objects}, 2), from 0 to {self.size - 1}"
            )
        return places

    def copies(self, num_envs: int) -> PushingCopies:
        """So many boards side by side."""
        return PushingCopies(self, num_envs)

    def rotations(self) -> Symmetry:
        """C4: the board turns counter-clockwise, and pushes turn with it. States are positions, (..., K, 2)."""
        group = cyclic(4)
        move, moves = on_cells(group, self.size), on_moves(group)

        def on_states(g: Any, positions: Any) -> np.ndarray:
            flat = [move(g, (int(i), int(j))) for i, j in np.reshape(positions, (-1, 2))]
            return np.array(flat).reshape(np.shape(positions))

        turned = [moves.matrices[g].argmax(axis=0) for g in group]  # move m becomes turned[g][m]
        images = [[4 * k + int(m) for k in range(self.objects) for m in turned[g]] for g in group]
        return Symmetry(group, on_states, permutation(group, images), "turns of the board")

    def _seen(self) -> tuple[np.ndarray, dict[str, Any]]:
        return self.images(self.positions[None])[0], {"state": self.positions.copy()}


class PushingCopies(VectorEnv[Any, Any, Any]):
    """n boards side by side; each has a random stream of its own. See `Pushing` for the rules.

    An episode that has ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, board: Pushing, num_envs: int) -> None:
        self.board, self.num_envs = board, whole_number(num_envs, "num_envs")
        self._streams: Streams | None = None
        self.single_action_space: Discrete[Any] = Discrete(4 * board.objects)
        self.single_observation_space = board.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        options["positions"], (num_envs, K, 2), says on which cells.

        Raises:
            ValueError: positions for another number of boards, or cells that `Pushing.set_state` refuses.
        """
        given = known_options(options, "positions")
        self._streams = continued(self._streams, seed, self.num_envs)
        self._positions = self._start(np.arange(self.num_envs))
        if "positions" in given:
            if len(given["positions"]) != self.num_envs:
                raise ValueError(f"there are {len(given['positions'])} positions for {self.num_envs} boards")
            self._positions = np.stack([self.board.placed(cells) for cells in given["positions"]])
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        return self._seen()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One push on every board.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        new = np.flatnonzero(self._steps >= self.board.max_steps)
        self._positions = pushed(self._positions, chosen, self.board.size)
        self._steps += 1
        if len(new):
            self._positions[new], self._steps[new] = self._start(new), 0
        seen, info = self._seen()
        ended = np.zeros(self.num_envs, dtype=bool)
        return seen, np.zeros(self.num_envs), ended, self._steps >= self.board.max_steps, info

    def _start(self, which: np.ndarray) -> np.ndarray:
        assert self._streams is not None
        return _places(self._streams.draw(which, self.board.size**2), self.board.objects, self.board.size)

    def _seen(self) -> tuple[np.ndarray, dict[str, Any]]:
        return self.board.images(self._positions), {"state": self._positions.copy()}


def _places(uniform: np.ndarray, objects: int, size: int) -> np.ndarray:
    """Different cells from uniform numbers, one for each cell: (n, cells) -> (n, K, 2)."""
    cells = uniform.argsort(axis=1)[:, :objects]
    return np.stack(np.divmod(cells, size), axis=-1)
