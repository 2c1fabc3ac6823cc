"""`plan`: values of a latent plan, sweep by sweep, in latent space and in the room at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symrl_lite.actions import MOVES, Cell
from symrl_lite.plots.latent import SEEN, draw_latent_graph, draw_room_values, oblique
from symrl_lite.widgets.flipbooks import flipbook
from symrl_lite.widgets.prepared import Buttons, Prepared, Slider

__all__ = ["plan"]


def plan(
    room: Any,
    images: np.ndarray,
    planners: Mapping[Cell, Any],
    start: int,
    sweeps: Sequence[int] = (0, 1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 60),
    title: str = "Value iteration, in latent space and in the room",
) -> Prepared:
    """Values after some sweeps of value iteration on latent points, beside the room; choose the delivery cell.

    Args:
        room: a Room.
        images: of its places, (places, 3, height, width), the prototypes of the planners.
        planners: for each delivery cell a LatentPlanner.
        start: the place from which the plan is walked.
        sweeps: how many sweeps the slider offers.
        title: name of the widget.

    Returns:
        What the cell shows as its value: controls "goal" and "sweep".
    """
    views = {str(cell): _Plan(room, images, planner, cell, start, sweeps) for cell, planner in planners.items()}

    def caption(goal: str, sweep: str) -> str:
        return views[goal].caption(int(sweep))

    def show(figure: Any, goal: str, sweep: str) -> None:
        views[goal].draw(figure, int(sweep))

    controls: dict[str, Any] = {"goal": Buttons(list(views)), "sweep": Slider([str(k) for k in sweeps])}
    return flipbook(show, controls, caption, title, figsize=(5.0, 5.8))


class _Plan:
    """V_k of one goal, by place, and the walk that is best under it."""

    def __init__(
        self, room: Any, images: np.ndarray, planner: Any, cell: Cell, start: int, sweeps: Sequence[int]
    ) -> None:
        self.room, self.cell, self.moves = room, cell, room.moves()
        self.goal, self.start = room.place_of(cell, key=False), start
        nearest = planner.nearest(images)  # (places,)
        self.points = oblique(planner.encode(images), [floor[0] for floor, _ in room.places])
        self.values, self.q = {}, {}
        q, values = np.zeros_like(planner.q_values), np.zeros(len(planner.latents))
        for k in range(max(sweeps) + 1):
            if k in sweeps:
                self.values[k], self.q[k] = values[nearest], q[nearest]
            q = planner.mdp.q_values(values)
            values = q.max(axis=1)
        self.top = float(planner.values.max())

    def path(self, k: int) -> list[int]:
        """Places from the start to the goal under the best actions after k sweeps; empty if they don't get there."""
        best, place, path = self.q[k].argmax(axis=1), self.start, [self.start]
        while place != self.goal and len(path) < 40:
            place = int(self.moves[place, best[place]])
            path.append(place)
        return path if place == self.goal and self.q[k][self.start].max() > SEEN * self.top else []

    def caption(self, k: int) -> str:
        reached, n, path = int((self.values[k] > SEEN * self.top).sum()), len(self.values[k]), self.path(k)
        steps = " → ".join(MOVES[int(self.q[k][p].argmax())] for p in path[:-1])
        plan = f"The plan has {len(path) - 1} steps: {steps}." if path else "No plan from the start yet."
        return (
            f"Delivery to {self.cell}, {k} sweep{'s' if k != 1 else ''}: {reached} of {n} places have a value "
            f"above 0. {plan}"
        )

    def draw(self, figure: Any, k: int) -> None:
        figure.set_layout_engine("none")  # places by hand: 60 frames at a tenth of a second
        left = figure.add_axes((0.02, 0.5, 0.96, 0.44))
        middle, right = figure.add_axes((0.01, 0.01, 0.48, 0.43)), figure.add_axes((0.51, 0.01, 0.48, 0.43))
        values, path = self.values[k] / self.top, self.path(k)
        known = self.q[k].max(axis=1) > SEEN * self.top
        actions = np.where(known, self.q[k].argmax(axis=1), -1)
        ends = {"path": path, "start": self.start, "goal": self.goal}
        draw_latent_graph(left, self.points, self.moves, values, **ends)
        left.set_title("latent space")
        for axes, key, name in ((middle, True, "key on the floor"), (right, False, "key in the hand")):
            draw_room_values(axes, self.room, key, values, actions=actions, **ends)
            axes.set_title(name)
