"""The checks of chapter 8 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from symrl_lite.checks import chapter08 as check
from symrl_lite.envs import bowl
from symrl_lite.replay import mirror, moved
from symrl_lite.symmetry import audit

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08_symmetry_as_data.ipynb"


def cell(name):
    """The code of a cell of the chapter."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "".join(next(c["source"] for c in cells if c["id"] == name))


# --- Exercise A


def by_the_book(observations, goal, actions, angle, base):
    M = mirror(angle)
    p, v = observations[:, :2], observations[:, 2:]
    return np.hstack([(p - base) @ M.T + base, v @ M.T]), M @ (goal - base) + base, actions @ M.T


def with_complex_numbers(observations, goal, actions, angle, base):
    turn, b = np.exp(2j * angle), complex(*base)
    number = lambda x: x[..., 0] + 1j * x[..., 1]  # noqa: E731
    plane = lambda c: np.stack([c.real, c.imag], axis=-1)  # noqa: E731
    vector = lambda x: turn * number(x).conj()  # noqa: E731
    point = lambda x: turn * (number(x) - b).conj() + b  # noqa: E731
    seen = np.concatenate([plane(point(observations[:, :2])), plane(vector(observations[:, 2:]))], axis=1)
    return seen, plane(point(goal)), plane(vector(actions))


def householder_in_lists(observations, goal, actions, angle, base):
    n = np.array([-np.sin(angle), np.cos(angle)])  # upright on the line
    across = lambda x: [float(x[0] - 2 * (x @ n) * n[0]), float(x[1] - 2 * (x @ n) * n[1])]  # noqa: E731
    about = lambda x: [a + b for a, b in zip(across(np.asarray(x) - base), base, strict=True)]  # noqa: E731
    return [about(o[:2]) + across(o[2:]) for o in observations], about(goal), [across(a) for a in actions]


def by_the_package(observations, goal, actions, angle, base):
    parts = {"o": observations, "z": np.repeat(goal[None], len(observations), axis=0)}
    made = moved(parts, {"o": ["point", "vector"], "z": ["point"]}, mirror(angle), base)
    return made["o"], made["z"][0], moved({"a": actions}, {"a": "vector"}, mirror(angle))["a"]


@pytest.mark.parametrize(
    "answer", [by_the_book, with_complex_numbers, householder_in_lists, by_the_package], ids=lambda f: f.__name__
)
def test_reflected_accepts(answer):
    assert check.reflected(answer).passed, check.reflected(answer)


def velocities_about_the_base(o, z, a, angle, base):
    M = mirror(angle)
    move = lambda x: (x - base) @ M.T + base  # noqa: E731
    return np.hstack([move(o[:, :2]), move(o[:, 2:])]), move(z), a @ M.T


def without_the_base(o, z, a, angle, base):
    return by_the_book(o, z, a, angle, np.zeros(2))


def half_the_angle(o, z, a, angle, base):
    return by_the_book(o, z, a, angle / 2, base)


def upright(o, z, a, angle, base):
    return by_the_book(o, z, a, angle + np.pi / 2, base)


def a_turn(o, z, a, angle, base):
    c, s = np.cos(2 * angle), np.sin(2 * angle)
    M = np.array([[c, -s], [s, c]])
    return np.hstack([(o[:, :2] - base) @ M.T + base, o[:, 2:] @ M.T]), M @ (z - base) + base, a @ M.T


def forces_stay(o, z, a, angle, base):
    return (*by_the_book(o, z, a, angle, base)[:2], a)


def the_goal_stays(o, z, a, angle, base):
    seen, _, pushed = by_the_book(o, z, a, angle, base)
    return seen, z, pushed


def velocities_stay(o, z, a, angle, base):
    seen, goal, pushed = by_the_book(o, z, a, angle, base)
    return np.hstack([seen[:, :2], o[:, 2:]]), goal, pushed


def forces_about_the_base(o, z, a, angle, base):
    seen, goal, _ = by_the_book(o, z, a, angle, base)
    return seen, goal, (a - base) @ mirror(angle).T + base


def in_place(o, z, a, angle, base):
    made = by_the_book(o, z, a, angle, base)
    o[:] = made[0]
    return made


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (velocities_about_the_base, "the base drops out"),
        (without_the_base, "goes through the base"),
        (half_the_angle, "half the angle"),
        (upright, "stands upright on it"),
        (a_turn, "is a turn"),
        (forces_stay, "the actions stay as they were"),
        (the_goal_stays, "the goal stays as it was"),
        (velocities_stay, "they stay as they were"),
        (forces_about_the_base, "the actions begin with"),
        (in_place, "changes the observations"),
        (lambda *given: None, "is a `return` missing"),
        (lambda *given: given[0], "expected three arrays"),
    ],
)
def test_reflected_rejects(answer, says):
    found = check.reflected(answer)
    assert not found.passed and says in str(found), found


# --- Exercise B


def by_two_pictures(move, steps):
    def place(row, column):
        picture = np.zeros((5, 5))
        picture[row, column] = 1
        return np.argwhere(move(picture))[0]

    moved_steps = [tuple(place(2 + i, 2 + j) - place(2, 2)) for i, j in steps]
    return [[tuple(step) for step in steps].index(step) for step in moved_steps]


def by_numbered_pixels(move, steps):
    """Moves a picture of numbers once and looks up where each has gone."""
    gone = move(np.arange(25).reshape(5, 5))
    where = {int(n): np.array(index) for index, n in np.ndenumerate(gone)}
    middle = where[12]
    found = np.zeros(len(steps))
    for a, (i, j) in enumerate(steps):
        for b, step in enumerate(steps):
            if np.array_equal(where[12 + 5 * i + j] - middle, step):
                found[a] = b
    return found


@pytest.mark.parametrize("answer", [by_two_pictures, by_numbered_pixels])
def test_action_permutation_accepts(answer):
    assert check.action_permutation(answer).passed, check.action_permutation(answer)


def the_inverse(move, steps):
    return np.argsort(by_two_pictures(move, steps))


def always_left_and_right(move, steps):
    return [0, 3, 2, 1]


def nothing_moves(move, steps):
    return [0, 1, 2, 3]


def in_the_courses_order(move, steps):
    return by_two_pictures(move, [(-1, 0), (0, -1), (1, 0), (0, 1)])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (the_inverse, "that is the inverse"),
        (always_left_and_right, "for np.flipud"),
        (nothing_moves, "the picture does not"),
        (in_the_courses_order, "another order of actions ✗"),
        (lambda move, steps: [0, 3, 2], "expected (4,)"),
        (lambda move, steps: None, "is a `return` missing"),
    ],
)
def test_action_permutation_rejects(answer, says):
    found = check.action_permutation(answer)
    assert not found.passed and says in str(found), found


# --- Exercise C


def near_goals(n=60):
    draw = np.random.default_rng(0)
    states = draw.normal(size=(n, 6)) * 0.4
    states[:, 4:] = states[:, :2] + draw.uniform(-0.1, 0.1, size=(n, 2))
    return states


def by_audit(world, transforms):
    return [name for name, symmetry in transforms.items() if audit(world, symmetry, near_goals()).holds]


def by_hand(world, transforms):
    """Steps the world itself, one pair at a time, and gives a set."""
    draw, found = np.random.default_rng(1), set(transforms)

    def stepped(state, force):
        world.reset(options={"state": state})
        seen, reward, *_ = world.step(force)
        return np.append(seen, reward)

    for name, symmetry in transforms.items():
        for state in near_goals(40):
            force = draw.normal(size=2)
            here = stepped(state, force)
            for g in symmetry.group:
                there = stepped(symmetry.act_on_state(g, state), symmetry.act_on_action(g, force))
                if not np.allclose(there, np.append(symmetry.act_on_state(g, here[:6]), here[6]), atol=1e-6):
                    found.discard(name)
    return found


@pytest.mark.parametrize("answer", [by_audit, by_hand], ids=["audit", "by hand"])
def test_usable_accepts(answer):
    assert check.usable(answer).passed, check.usable(answer)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda w, t: [n for n, s in t.items() if audit(w, s).holds], "near a goal"),
        (lambda w, t: [n for n in t if n in ("turn by a third", "mirror")], "swirl ✗"),
        (lambda w, t: [], "leave out"),
        (lambda w, t: list(t), "you take"),
        (lambda w, t: "mirror", "expected some of the names"),
        (lambda w, t: ["a shift"], "expected some of the names"),
        (lambda w, t: {n: audit(w, s, near_goals()).holds for n, s in t.items()}, "a mapping"),
        (lambda w, t: None, "is a `return` missing"),
        (lambda w, t: [n for n in by_audit(w, t) if len(n) > 1], "with the names w, x, y, z"),
    ],
)
def test_usable_rejects(answer, says):
    found = check.usable(answer)
    assert not found.passed and says in str(found), found


def test_the_four_transforms_are_what_their_names_say():
    four = check.transforms(0.3)
    world = bowl.Bowl(bounded=False)
    holds = {name: audit(world, symmetry, near_goals()).holds for name, symmetry in four.items()}
    assert holds == {
        "turn by a third": True,
        "mirror": True,
        "mirror without goals": False,
        "mirror without forces": False,
    }
    assert audit(world, four["mirror without goals"], samples=20).holds  # far from goals nothing tells
