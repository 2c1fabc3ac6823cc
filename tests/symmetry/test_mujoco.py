"""Bodies of MuJoCo: which of them are symmetric to rounding, and which only look so. (Extra `mujoco`.)

A state is (qpos, qvel). What is not symmetric here is so in the models that Gymnasium ships: a pole that leans by
1.7 mrad, gravity with 1e-5 sideways, one stiffer knee.
"""

import gymnasium
import numpy as np
import pytest

from symrl_lite.groups import Representation, cyclic
from symrl_lite.symmetry import Symmetry, audit

pytest.importorskip("mujoco", reason="the extra [mujoco] is not installed")

EXACT = 1e-9


def moved(entries):
    """The matrix of y[i] = ±x[j], written as a text of ±j."""
    entries = entries.split()
    M = np.zeros((len(entries), len(entries)))
    for i, entry in enumerate(entries):
        M[i, abs(int(entry))] = -1 if entry.startswith("-") else 1
    return M


def made_by(group, states, actions, name=""):
    """The action of a cyclic group whose generator moves states and actions so."""
    return Symmetry(
        group, *(Representation.from_generators(group, {"r": moved(text)}) for text in (states, actions)), name
    )


def contacts(env, states):
    """In how many of the states something touches."""
    env.reset(seed=0)
    found = 0
    for state in states:
        env.unwrapped.set_state(state[: env.unwrapped.model.nq], state[env.unwrapped.model.nq :])
        found += env.unwrapped.data.ncon > 0
    return found


def played(env, count, seed=0):
    """States from random play, every fifth of some episodes."""
    env.action_space.seed(seed)
    found = []
    while len(found) < 5 * count:
        env.reset(seed=seed + len(found))
        for _ in range(60):
            data = env.unwrapped.data
            found.append(np.concatenate([data.qpos, data.qvel]))
            if any(env.step(env.action_space.sample())[2:4]):
                break
    return found[::5][:count]


C2, C4 = cyclic(2), cyclic(4)
WALKER = made_by(C2, "0 1 2 6 7 8 3 4 5 9 10 11 15 16 17 12 13 14", "3 4 5 0 1 2", "legs exchanged")
SWIMMER = made_by(C2, "0 -1 -2 -3 -4 5 -6 -7 -8 -9", "-0 -1", "left and right")
REACHER = made_by(C2, "-0 -1 2 -3 -4 -5 6 -7", "-0 -1", "left and right")
# Places x, y, z, a quaternion, hip and ankle of legs 1 to 4; velocities, angular velocities, hips and ankles.
ANT = made_by(
    C2,
    "0 -1 2 3 -4 5 -6 -13 14 -11 12 -9 10 -7 8 15 -16 17 -18 19 -20 -27 28 -25 26 -23 24 -21 22",
    "-2 3 -0 1 -6 7 -4 5",
    "left and right",
)
ANT_TURNS = made_by(
    C4,
    "-1 0 2 3 -5 4 6 13 14 7 -8 9 10 11 -12 -16 15 17 -19 18 20 27 28 21 -22 23 24 25 -26",
    "6 -7 0 1 2 -3 4 5",
    "quarter turns",
)
HUMANOID = made_by(
    C2,
    "0 -1 2 3 -4 5 -6 -7 8 -9 14 15 16 17 10 11 12 13 -21 -22 23 -18 -19 20 "
    "24 -25 26 -27 28 -29 -30 31 -32 37 38 39 40 33 34 35 36 -44 -45 46 -41 -42 43",
    "0 -1 -2 7 8 9 10 3 4 5 6 -14 -15 16 -11 -12 13",
    "left and right",
)


@pytest.mark.parametrize(
    ("name", "symmetry", "touching"),
    [("Walker2d-v5", WALKER, 8), ("Ant-v5", ANT, 8), ("Swimmer-v5", SWIMMER, 0), ("Reacher-v5", REACHER, 0)],
)
def test_exact_to_rounding(name, symmetry, touching):
    env = gymnasium.make(name)
    states = played(env, 40)
    assert contacts(env, states) >= touching
    report = audit(env, symmetry, states, draws=3, atol=EXACT)
    assert report.holds, report
    deaf = Symmetry(symmetry.group, symmetry.on_states, None)
    assert audit(env, deaf, states[:10], draws=2, atol=EXACT).broken_by == ("r",)


def test_an_ant_that_turns_is_paid_for_one_direction():
    env = gymnasium.make("Ant-v5")
    report = audit(env, ANT_TURNS, played(env, 15), draws=2, atol=EXACT)
    assert report.broken_by == ("r", "r2", "r3")
    assert report.transitions.max() < EXACT and report.rewards[1:].min() > 0.1


@pytest.mark.parametrize(
    ("name", "symmetry", "least"),
    [
        ("InvertedPendulum-v5", made_by(C2, "-0 -1 -2 -3", "-0"), 1e-3),
        ("InvertedDoublePendulum-v5", made_by(C2, "-0 -1 -2 -3 -4 -5", "-0"), 1e-7),
        ("Humanoid-v5", HUMANOID, 1e-2),
    ],
)
def test_those_that_only_look_so(name, symmetry, least):
    env = gymnasium.make(name)
    states = played(env, 20)
    report = audit(env, symmetry, states, draws=3, atol=EXACT)
    assert report.broken_by == ("r",) and report.transitions[1] > least
    if least == 1e-7:
        assert audit(env, symmetry, states, draws=3).holds  # the default of 1e-5 does not see it


def test_a_wrong_pairing_of_legs_is_seen():
    env = gymnasium.make("Ant-v5")
    wrong = Symmetry(
        C2, ANT.on_states, made_by(C2, "0", "-0 1 -2 3 -4 5 -6 7").on_actions, "torques stay on their legs"
    )
    report = audit(env, wrong, played(env, 10), draws=2, atol=EXACT)
    assert report.broken_by == ("r",) and "of the next state)" in report.worst[1]


def test_states_have_all_places_and_speeds():
    with pytest.raises(ValueError, match=r"a state has shape \(17,\), expected the 9 positions \(qpos\) and 9"):
        audit(gymnasium.make("Walker2d-v5"), WALKER, np.zeros((2, 17)))
