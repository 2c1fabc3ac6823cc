"""Checks for chapter 8, *Symmetry as data: is it enough to show an agent the mirror image?*."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symrl_lite.actions import MOVES, STEPS
from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer
from symrl_lite.envs.bowl import Bowl, reflect
from symrl_lite.groups import Representation, cyclic, rotation_2d
from symrl_lite.symmetry import Symmetry

__all__ = ["action_permutation", "reflected", "usable"]


def _across(angle: float) -> np.ndarray:
    """1 − 2 n nᵀ with n upright on the line: not the package's formula, so that a slip there is not taken over."""
    n = np.array([-np.sin(angle), np.cos(angle)])
    found: np.ndarray = np.eye(2) - 2 * np.outer(n, n)
    return found


# --- Exercise A -------------------------------------------------------------------------------------------------


def reflected(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: positions about the base, velocities and forces without it; then the mirror's own laws."""
    draw = np.random.default_rng(2)
    names = ("observations", "goal", "actions")

    def episode(T: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return draw.normal(size=(T + 1, 4)), draw.normal(size=2), draw.normal(size=(T, 2))

    def answer(lived: tuple[np.ndarray, ...], angle: float, base: Any) -> list[np.ndarray]:
        given = [part.copy() for part in lived]
        made = function(*given, angle, np.array(base))
        if made is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not isinstance(made, tuple | list) or len(made) != 3:
            raise Wrong("expected three arrays: observations, goal, actions")
        for before, after, name in zip(lived, given, names, strict=True):
            if not np.array_equal(before, after):
                raise Wrong(f"your function changes the {name} that it is given: work on a copy")
        return [as_array(part, was.shape, name) for part, was, name in zip(made, lived, names, strict=True)]

    def right(lived: tuple[np.ndarray, ...], angle: float, base: Any) -> list[np.ndarray]:
        M, b = _across(angle), np.asarray(base)
        p, v = lived[0][:, :2], lived[0][:, 2:]
        return [np.hstack([(p - b) @ M.T + b, v @ M.T]), M @ (lived[1] - b) + b, lived[2] @ M.T]

    def compare(angle: float, base: Any) -> None:
        lived = episode()
        got, expected = answer(lived, angle, base), right(lived, angle, base)
        where = f"for a mirror at {angle:.3g} rad through {_show(base)}"
        for name, mine, wanted, was in zip(names, got, expected, lived, strict=True):
            if same_answer(mine, wanted):
                continue
            if name == "observations":
                if same_answer(mine[:, :2], wanted[:, :2]):
                    about = mine[:, 2:] - wanted[:, 2:]
                    why = "the positions are right, the velocities are not"
                    if same_answer(about, np.broadcast_to(about[0], about.shape)) and np.abs(base).max() > 0:
                        why += ": a velocity is a difference of positions, and the base drops out of it"
                    elif same_answer(mine[:, 2:], was[:, 2:]):
                        why += ": they stay as they were"
                    raise Wrong(f"{where}, {why}")
                text = f"{where}, the first position {_show(was[0, :2])} becomes {_show(mine[0, :2])}, expected "
                text += _show(wanted[0, :2])
                c, s = np.cos(angle), np.sin(angle)
                half = np.array([[c, s], [s, -c]])
                if same_answer(mine[:, :2], (was[:, :2] - base) @ half.T + base):
                    text += ": that is the mirror in the line at half the angle. A mirror at θ turns by 2θ"
                elif same_answer(mine[:, :2], (was[:, :2] - base) @ -_across(angle) + base):
                    text += ": that is the mirror in the line that stands upright on it"
                elif abs(np.linalg.det(_linear(lived, mine)) - 1) < 1e-3:
                    text += ": your map is a turn, and keeps the hands of a clock"
                elif np.abs(base).max() > 0 and same_answer(mine[:, :2], was[:, :2] @ _across(angle).T):
                    text += ": the mirror goes through the base. Take it off before, and add it again"
                raise Wrong(text)
            stays, begins = ("stays as it was", "is") if name == "goal" else ("stay as they were", "begin with")
            why = stays if same_answer(mine, was) else f"{begins} {_show(mine.ravel()[:2])}"
            text = f"{where}, the {name} {why}, expected "
            text += f"{_show(wanted.ravel()[:2])}"
            if name == "actions":
                text += ": a force is a vector, and moves as a velocity does"
            raise Wrong(text)

    def shape() -> None:
        answer(episode(3), 0.3, [0.0, 0.0])

    def values() -> None:
        compare(0.0, [0.0, 0.0])
        compare(0.7, [0.0, 0.0])

    def lives() -> None:
        """What is returned can be lived: the bowl, stepped from each mirrored state, goes where it says."""
        world = Bowl(bounded=False)
        world.reset(seed=4)
        seen, done = [world.state], []
        for _ in range(8):
            done.append(draw.normal(size=2))
            seen.append(world.step(done[-1])[0])
        states = np.array(seen, dtype=float)
        observations, goal, actions = answer((states[:, :4], states[0, 4:], np.array(done)), 1.1, [0.0, 0.0])
        for t, action in enumerate(actions):
            world.set_state(np.concatenate([observations[t], goal]))
            if not same_answer(world.step(action)[0][:4], observations[t + 1]):
                raise Wrong(f"the bowl does not go where your mirrored episode goes in step {t}")

    steps = [
        ("shape", shape),
        ("values", values),
        ("any base", lambda: compare(2.1, [0.4, -0.3])),
        ("it can be lived", lives),
    ]
    return run_steps("Exercise A", steps)


def _linear(lived: tuple[np.ndarray, ...], mine: np.ndarray) -> np.ndarray:
    """The linear part of the map of positions, by least squares."""
    p, q = lived[0][:, :2], mine[:, :2]
    found: np.ndarray = np.linalg.lstsq(p - p.mean(axis=0), q - q.mean(axis=0), rcond=None)[0]
    return found


# --- Exercise B -------------------------------------------------------------------------------------------------


def action_permutation(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: which action does in the moved picture what a does in the picture; flips, then turns."""
    flips: dict[str, Callable[[Any], Any]] = {
        "np.fliplr": np.fliplr,
        "np.flipud": np.flipud,
        "np.transpose": np.transpose,
    }
    turns: dict[str, Callable[[Any], Any]] = {
        "np.rot90": np.rot90,
        "three times np.rot90": lambda image: np.rot90(image, 3),
        "a flip at the other diagonal": lambda image: np.rot90(image, 2).T,
    }

    def answer(move: Callable[[Any], Any], steps: Any = STEPS) -> np.ndarray:
        made = function(move, steps)
        if made is None:
            raise Wrong("your function returns None: is a `return` missing?")
        return as_array(made, (len(steps),), "the permutation")

    def right(move: Callable[[Any], Any], steps: Any) -> list[int]:
        def place(image: np.ndarray) -> np.ndarray:
            found: np.ndarray = np.argwhere(image)[0]
            return found

        there = []
        for step in steps:
            before, after = np.zeros((5, 5)), np.zeros((5, 5))
            before[2, 2] = after[2 + step[0], 2 + step[1]] = 1
            there.append(tuple(int(n) for n in place(move(after)) - place(move(before))))
        return [list(map(tuple, steps)).index(step) for step in there]

    def compare(moves: Mapping[str, Callable[[Any], Any]], steps: Any = STEPS) -> None:
        names = [MOVES[STEPS.index(tuple(step))] for step in steps]
        for name, move in moves.items():
            got, expected = answer(move, steps), right(move, steps)
            if same_answer(got, np.array(expected, dtype=float)):
                continue
            wrong = int(np.flatnonzero(got != expected)[0])
            text = f"for {name}, action {wrong} ({names[wrong]}) becomes {got[wrong]:g}, expected {expected[wrong]} "
            text += f"({names[expected[wrong]]})"
            if same_answer(got, np.argsort(expected).astype(float)):
                text += ": that is the inverse. Entry a is what a becomes"
            elif same_answer(got, np.arange(len(steps))):
                text += ": your actions stay as they are, and the picture does not"
            raise Wrong(text)

    def shape() -> None:
        answer(np.fliplr)

    def other_order() -> None:
        """Down, right, up, left: what was worked out by hand for the course's order is wrong here."""
        compare({**flips, **turns}, steps=(STEPS[2], STEPS[3], STEPS[0], STEPS[1]))
        compare({**flips, **turns}, steps=(STEPS[0], STEPS[2], STEPS[1], STEPS[3]))

    return run_steps(
        "Exercise B",
        [
            ("shape", shape),
            ("flips", lambda: compare(flips)),
            ("turns", lambda: compare(turns)),
            ("another order of actions", other_order),
        ],
    )


# --- Exercise C -------------------------------------------------------------------------------------------------


class _Slope(Bowl):
    """A bowl that hangs down to one side: of all mirrors only the one along the slope is left."""

    def __init__(self, angle: float) -> None:
        super().__init__(bounded=False)
        self._pull = 0.05 * np.array([np.cos(angle), np.sin(angle)])

    def step(self, action: Any) -> Any:
        seen, reward, ended, cut, info = super().step(action)
        assert self.state is not None
        self.state[:4] += np.concatenate([0.1 * self._pull, self._pull])
        seen = self.state.copy()
        reward = float(self.compute_reward(seen[:2], seen[4:]))
        return seen, reward, ended, cut, info


def transforms(angle: float = 0.5) -> dict[str, Symmetry]:
    """Four that the chapter asks about: a turn, a mirror, a mirror that leaves goals, and one that leaves forces.

    Args:
        angle: of the mirrors, in radians.

    >>> list(transforms())
    ['turn by a third', 'mirror', 'mirror without goals', 'mirror without forces']
    """
    third, whole = cyclic(3), reflect(angle)
    rho, group = rotation_2d(third), whole.group
    M = _across(angle)
    parts = Representation.from_generators(group, {"r": M}), Representation.from_generators(group, {"r": np.eye(2)})
    moves, stays = parts
    return {
        "turn by a third": Symmetry(third, rho + rho + rho, rho, "turn by a third"),
        "mirror": Symmetry(group, whole.on_states, whole.on_actions, "mirror"),
        "mirror without goals": Symmetry(group, moves + moves + stays, moves, "mirror without goals"),
        "mirror without forces": Symmetry(group, whole.on_states, stays, "mirror without forces"),
    }


def usable(function: Callable[..., Any]) -> CheckResult:
    """Exercise C: the names of the transforms under which steps of a world are steps of it, rewards included."""
    worlds: dict[str, tuple[Bowl, float, set[str]]] = {
        "the bowl": (Bowl(bounded=False), 0.5, {"turn by a third", "mirror"}),
        "a bowl with a swirl": (Bowl(bounded=False, swirl=1.5), 0.5, {"turn by a third"}),
        "a bowl on a slope": (_Slope(0.9), 0.9, {"mirror"}),
        "a bowl on another slope": (_Slope(0.2), 0.9, set()),
    }

    def answer(which: str) -> set[str]:
        world, angle, _ = worlds[which]
        given = transforms(angle)
        made = function(world, dict(given))
        if made is None:
            raise Wrong("your function returns None: is a `return` missing?")
        try:
            names = {str(name) for name in made}
        except TypeError:
            raise Wrong(f"you return {made!r}, expected the names of transforms, such as ['mirror']") from None
        if isinstance(made, str) or names - set(given):
            raise Wrong(f"you return {made!r}, expected some of the names {sorted(given)}")
        if isinstance(made, Mapping):
            raise Wrong("you return a mapping, expected the names alone, in a list or a set")
        return names

    def compare(which: str) -> None:
        got, expected = answer(which), worlds[which][2]
        claimed, missed = sorted(got - expected), sorted(expected - got)
        if "mirror without goals" in claimed:
            raise Wrong(
                f"in {which} you take 'mirror without goals': it moves every state rightly and only rewards tell. Did "
                "the states that you tried include some near a goal?"
            )
        if claimed:
            raise Wrong(f"in {which} you take {', '.join(claimed)}, and its steps are no steps of that world")
        if missed:
            raise Wrong(
                f"in {which} you leave out {', '.join(missed)}, of which every step is a step of that world. (Forces "
                "are unbounded there: no bound is in the way.)"
            )

    def names() -> None:
        answer("the bowl")

    def slopes() -> None:
        compare("a bowl on a slope")
        compare("a bowl on another slope")

    def other_names() -> None:
        """The same under names that say nothing."""
        world, given = Bowl(bounded=False), list(transforms(1.0).values())
        made = function(world, dict(zip("wxyz", given, strict=True)))
        if {str(name) for name in made} != {"w", "x"}:
            raise Wrong(f"with the names w, x, y, z in the place of the four you return {made!r}, expected w and x")

    return run_steps(
        "Exercise C",
        [
            ("names", names),
            ("the bowl", lambda: compare("the bowl")),
            ("a swirl", lambda: compare("a bowl with a swirl")),
            ("slopes", slopes),
            ("other names", other_names),
        ],
        praise="what may be shown as data is what an audit lets pass, rewards included",
    )


def _show(numbers: Any) -> str:
    return str((np.round(np.asarray(numbers, dtype=np.float64), 4) + 0.0).tolist())
