"""A walled room with a key and perhaps mail: fetch the key and bring it to a cell that changes with the episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Box, Discrete

from symrl_lite.actions import MOVES, STEPS, Cell
from symrl_lite.door import a_cell, a_number, require_text, whole_number
from symrl_lite.envs._door import known_options, whole_numbers
from symrl_lite.envs._finite import FiniteEnv, FiniteEnvs, Outcome
from symrl_lite.envs._pictures import SERVED, enlarged, known_mode

__all__ = ["Room"]

SIZE = 8  # with the walls
KEY, MAIL = (5, 5), (3, 3)
# Shapes of 6 × 6 pixels, so that robot, key and mail are told apart by more than their colour.
ROBOT_SHAPE = ("..##..", ".####.", "######", "######", ".####.", "##..##")
KEY_SHAPE = (".###..", ".#.#..", ".###..", "..#...", "..##..", "..##..")
MAIL_SHAPE = ("......", "######", "##..##", "#.##.#", "######", "......")


class Room(FiniteEnv):
    """8 × 8 cells with walls at the border. Entering the cell of an object picks it up; the key must be delivered.

    Picking up the key earns 1, the mail −1, entering the delivery cell with the key 1 (and ends the episode), every
    other step −0.1. Actions are up, left, down, right (0 to 3). The delivery cell is drawn at every start; it is not in
    the picture. What is wanted is shown by another picture, `goal()`: the robot on the delivery cell, the key gone.

    What can be seen is a *place*: where the robot is, and what still lies on the floor. There are 71 with a key, 140
    with a key and mail. A state is a place and a delivery cell: delivery · places + place.

    Args:
        objects: 1 for the key, 2 for key and mail.
        deliveries: cells (row, column) in 1 to 6, without those of the objects; "corners" or "everywhere".
        slip: probability that the direction is drawn at random from all four.
        pixels: of a cell, 1 to 6. The paper has 6: pictures of 3 × 48 × 48.
        observation: "image", (3, 8·pixels, 8·pixels) with values 0 or 1, or "place", its number.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: a number of objects, a cell, a slip, a size or a kind of observation that does not fit.

    >>> room = Room()
    >>> room.n_places, room.reset(seed=0)[0].shape, room.cells[0]
    (71, (3, 48, 48), (1, 1))

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms; settings from its code.
    """

    metadata = SERVED

    def __init__(
        self,
        objects: int = 1,
        deliveries: Sequence[Cell] | Literal["corners", "everywhere"] = "corners",
        slip: float = 0.0,
        pixels: int = 6,
        observation: Literal["image", "place"] = "image",
        max_steps: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        max_steps, pixels, slip = (
            whole_number(max_steps, "max_steps"),
            whole_number(pixels, "pixels", 1, 6),
            a_number(slip, "slip", 0, 1),
        )
        objects = whole_number(objects, "objects", 0)
        if objects not in (1, 2):
            raise ValueError(f"objects is {objects}, expected 1 (the key) or 2 (key and mail)")
        if observation not in ("image", "place"):
            raise ValueError(f"observation is {observation!r}, expected 'image' or 'place'")
        self.objects = (KEY, MAIL)[:objects]
        self.slip, self.pixels, self.max_steps = slip, pixels, max_steps
        self.cells = [(i, j) for i in range(1, SIZE - 1) for j in range(1, SIZE - 1)]
        free = [cell for cell in self.cells if cell not in self.objects]
        named = {"corners": [(1, 1), (1, 6), (6, 1), (6, 6)], "everywhere": free}
        if isinstance(deliveries, str):
            require_text(deliveries, "deliveries", tuple(named))
        elif not isinstance(deliveries, Sequence):
            raise TypeError(f'deliveries is {deliveries!r}, expected a list of cells, "corners" or "everywhere"')
        self.deliveries = list(named[deliveries] if isinstance(deliveries, str) else deliveries)
        wrong = [cell for cell in self.deliveries if cell not in free]
        if wrong or not self.deliveries:
            raise ValueError(f"deliveries are {self.deliveries}, expected cells in 1 to 6 that hold no object")
        # A place: which objects lie on the floor (all of them first, the key gone last), and where the robot is.
        lying: list[tuple[bool, ...]] = (
            [(True, True), (True, False), (False, True), (False, False)] if objects == 2 else [(True,), (False,)]
        )
        self.places = [
            (floor, cell)
            for floor in lying
            for cell in self.cells
            if not any(on and cell == where for on, where in zip(floor, self.objects, strict=True))
        ]
        self._place = {place: k for k, place in enumerate(self.places)}
        self.n_places = len(self.places)
        self._moves = self._next_places()
        self.n_states = self.n_places * len(self.deliveries)
        self.action_names = MOVES
        starts = [k for k, (floor, _) in enumerate(self.places) if all(floor)]
        self.start_states = np.array([d * self.n_places + k for d in range(len(self.deliveries)) for k in starts])
        self.terminal = frozenset(
            d * self.n_places + k
            for d, cell in enumerate(self.deliveries)
            for k, (floor, robot) in enumerate(self.places)
            if not floor[0] and robot == cell
        )
        self.shows_images = observation == "image"
        self._images = np.stack([self._image(*place) for place in self.places])
        self._by_image = {image.tobytes(): k for k, image in enumerate(self._images)}
        self.action_space = Discrete(4)
        self.observation_space: Any = Discrete(self.n_places)
        if self.shows_images:
            self.observation_space = Box(0, 1, self._images.shape[1:], np.float32)
        self.state = int(self.start_states[0])

    def picture(self) -> np.ndarray:
        """The room from above, enlarged, (rows, columns, 3)."""
        return enlarged(self._images[self.state % self.n_places])

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """Probability, next state and reward of all that can follow."""
        state, action = self._pair(state, action)
        if state in self.terminal:
            return [(1.0, state, 0.0)]
        delivery, k = divmod(state, self.n_places)
        chances = np.full(4, self.slip / 4)
        chances[action] += 1 - self.slip
        found = []
        for after, chance in zip(self._moves[k].tolist(), chances.tolist(), strict=True):
            if chance > 0:
                state_after = delivery * self.n_places + after
                picked = [a != b for a, b in zip(self.places[k][0], self.places[after][0], strict=True)]
                if picked[0] or state_after in self.terminal:
                    reward = 1.0
                else:
                    reward = -1.0 if any(picked) else -0.1
                found.append((chance, state_after, reward))
        return found

    def observe(self, state: int) -> Any:
        """The picture or the number of the place."""
        place = whole_number(state, "state", 0, self.n_states - 1) % self.n_places
        return self._images[place].copy() if self.shows_images else np.int64(place)

    def index_of(self, observation: Any) -> int:
        """The state that is shown, with the delivery cell of this episode.

        Raises:
            ValueError: an image that shows no place, or a number that is not one of a place.
        """
        if self.shows_images:
            image = np.ascontiguousarray(observation, dtype=np.float32)
            if image.tobytes() not in self._by_image:
                raise ValueError(f"the image {image.shape} shows no place of this room")
            place = self._by_image[image.tobytes()]
        else:
            number = whole_numbers(observation, "place")
            if number.size != 1 or not 0 <= number.item() < self.n_places:
                raise ValueError(f"place is {str(observation)[:60]}, expected 0 to {self.n_places - 1}")
            place = int(number.item())
        return self.state // self.n_places * self.n_places + place

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start with all objects on the floor; info["goal"] shows what is wanted. options["delivery"] may be a cell.

        Raises:
            ValueError: a delivery cell that is not one of `deliveries`.
        """
        given = known_options(options, "delivery", "state")
        delivery = tuple(given.get("delivery", self.deliveries[0]))
        if delivery not in self.deliveries:
            raise ValueError(f'options["delivery"] is {given["delivery"]}, expected one of {self.deliveries}')
        seen, info = super().reset(seed=seed)
        if "delivery" in given:
            self.state = self.deliveries.index(delivery) * self.n_places + self.state % self.n_places
        if "state" in given:
            self.set_state(given["state"])
        seen = self.observe(self.state)
        return seen, info | {"goal": self.goal()}

    def goal(self, delivery: Cell | None = None) -> Any:
        """What is wanted: the robot on the delivery cell, the key gone, the mail where it was."""
        cell = self.deliveries[self.state // self.n_places] if delivery is None else delivery
        return self.observe(self.place_of(cell, key=False))

    def place_of(self, cell: Cell, key: bool = True) -> int:
        """The number of a place: the robot's cell, and whether the key lies on the floor.

        Raises:
            ValueError: a cell where the robot can't be.
        """
        cell = a_cell(cell, "cell")
        floor = (key, *(True for _ in self.objects[1:]))
        if (floor, cell) not in self._place:
            raise ValueError(f"the robot can't be in cell {cell} with key={key}")
        return self._place[floor, cell]

    def moves(self) -> np.ndarray:
        """(places, 4), the place after each action where nothing slips; for `walk` and `shortest`."""
        return self._moves.copy()

    def _next_places(self) -> np.ndarray:
        moves = np.empty((self.n_places, 4), dtype=np.int64)
        for k, (floor, (i, j)) in enumerate(self.places):
            for a, (rows, columns) in enumerate(STEPS):
                cell = (i + rows, j + columns)
                cell = cell if cell in self.cells else (i, j)
                after = tuple(on and cell != where for on, where in zip(floor, self.objects, strict=True))
                moves[k, a] = self._place[after, cell]
        return moves

    def images(self) -> np.ndarray:
        """The pictures of all places, (places, 3, 8·pixels, 8·pixels)."""
        return self._images.copy()

    def copies(self, num_envs: int) -> FiniteEnvs:
        """So many rooms side by side, which show the number of the place."""
        return FiniteEnvs(self, num_envs, shows=np.arange(self.n_states) % self.n_places)

    def _image(self, floor: tuple[bool, ...], robot: Cell) -> np.ndarray:
        n = self.pixels
        image = np.zeros((3, SIZE * n, SIZE * n), dtype=np.float32)
        image[:, :n] = image[:, -n:] = image[:, :, :n] = image[:, :, -n:] = 1
        lying = [where for on, where in zip(floor, self.objects, strict=True) if on]
        for channel, shape, cell in (
            (0, ROBOT_SHAPE, robot),
            (1, KEY_SHAPE, KEY if KEY in lying else None),
            (2, MAIL_SHAPE, MAIL if MAIL in lying else None),
        ):
            if cell is not None:
                image[channel, cell[0] * n : (cell[0] + 1) * n, cell[1] * n : (cell[1] + 1) * n] = _shape(shape, n)
        return image


def _shape(rows: Sequence[str], pixels: int) -> np.ndarray:
    """A shape of 6 × 6 in fewer pixels; at one pixel a full one."""
    full = np.array([[letter == "#" for letter in row] for row in rows], dtype=np.float32)
    if pixels == 1:
        return np.ones((1, 1), dtype=np.float32)
    near = (np.arange(pixels) * 6 // pixels).clip(max=5)
    return full[np.ix_(near, near)]
