"""Steps elsewhere: each array by its own rule, mirrors of an episode, frames of their own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from symrl_lite.envs.bowl import KINDS, Bowl, Bowls, frames
from symrl_lite.replay import GoalEpisodes, framed, hindsight, mirror, moved, reflections

few = settings(deadline=None, max_examples=25)  # a busy machine does not decide
angles = st.floats(0, 2 * np.pi)


def turn(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def lived(E=2, T=25, seed=0, **settings):
    """Episodes of the bowl under random forces, as a batch of single steps with all arrays."""
    bowls = Bowls(E, observation="goals", max_steps=T, **settings)
    seen, draw = [bowls.reset(seed=seed)[0]], np.random.default_rng(seed)
    actions = []
    for _ in range(T):
        actions.append(1.5 * draw.normal(size=(E, 2)))
        seen.append(bowls.step(actions[-1])[0])
    parts = [np.stack([one[name] for one in seen], axis=1) for name in ("observation", "achieved_goal")]
    episodes = GoalEpisodes(*parts, seen[0]["desired_goal"], np.stack(actions, axis=1))
    return episodes, hindsight(episodes, 60, np.random.default_rng(seed), bowls.compute_reward)


def is_lived(batch, tolerance=1e-9, **settings):
    """Whether every step is one that the bowl itself makes: same next state, same reward."""
    env = Bowl(**settings)
    env.reset(seed=0)
    for k in range(len(batch["rewards"])):
        env.set_state([*batch["observations"][k], *batch["goals"][k]])
        seen, reward, *_ = env.step(batch["actions"][k])
        if np.abs(seen[:4] - batch["next_observations"][k]).max() > tolerance or reward != batch["rewards"][k]:
            return False
        if np.abs(seen[:2] - batch["achieved"][k]).max() > tolerance:
            return False
    return True


# --- mirror


@few
@given(angles)
def test_a_mirror_keeps_its_line_and_turns_over_what_stands_upright_on_it(angle):
    M = mirror(angle)
    along, upright = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    np.testing.assert_allclose(M @ along, along, atol=1e-12)
    np.testing.assert_allclose(M @ upright, -upright, atol=1e-12)
    np.testing.assert_allclose(M, turn(angle) @ np.diag([1.0, -1.0]) @ turn(-angle), atol=1e-12)


def test_mirrors_of_many_angles():
    many = mirror(np.linspace(0, 3, 6).reshape(2, 3))
    assert many.shape == (2, 3, 2, 2) and np.array_equal(many[1, 0], mirror(np.linspace(0, 3, 6)[3]))
    with pytest.raises(TypeError, match="angles have dtype"):
        mirror("up")


# --- moved


@few
@given(st.integers(0, 10**6), angles, st.booleans(), st.floats(-2, 2), st.floats(-2, 2))
def test_against_a_loop_over_single_numbers(seed, angle, mirrored, x, y):
    draw = np.random.default_rng(seed)
    kinds = {"seen": ["point", "number", "vector", "turn"], "forces": "vector"}
    batch = {"seen": draw.normal(size=(3, 6)), "forces": draw.normal(size=(3, 2)), "rewards": draw.normal(size=3)}
    M = (mirror if mirrored else turn)(angle)
    found = moved(batch, kinds, M, base=(x, y))
    for k in range(3):
        px, py, number, vx, vy, spin = batch["seen"][k].tolist()
        a, b, c, d = M.ravel().tolist()
        expected = [a * (px - x) + b * (py - y) + x, c * (px - x) + d * (py - y) + y, number]
        expected += [a * vx + b * vy, c * vx + d * vy, -spin if mirrored else spin]
        np.testing.assert_allclose(found["seen"][k], expected, atol=1e-9)
        fx, fy = batch["forces"][k].tolist()
        np.testing.assert_allclose(found["forces"][k], [a * fx + b * fy, c * fx + d * fy], atol=1e-9)
    assert np.array_equal(found["rewards"], batch["rewards"]) and found["rewards"] is not batch["rewards"]


@few
@given(angles, angles)
def test_one_after_the_other_is_their_product(one, other):
    _, batch = lived(1, 5)
    M, N = mirror(one), turn(other)
    twice, at_once = moved(moved(batch, KINDS, M), KINDS, N), moved(batch, KINDS, N @ M)
    assert all(np.allclose(twice[name], at_once[name], atol=1e-12) for name in batch)
    back = moved(moved(batch, KINDS, M, base=(1, 2)), KINDS, M, base=(1, 2))
    assert all(np.allclose(back[name], batch[name], atol=1e-12) for name in batch)


def test_a_matrix_for_each_row_and_three_dimensions():
    draw = np.random.default_rng(0)
    M = np.linalg.qr(draw.normal(size=(4, 3, 3)))[0]
    batch = {"places": draw.normal(size=(4, 3)), "torques": draw.normal(size=(4, 1))}
    found = moved(batch, {"places": ["point"], "torques": ["turn"]}, M)
    for k in range(4):
        np.testing.assert_allclose(found["places"][k], M[k] @ batch["places"][k], atol=1e-12)
        np.testing.assert_allclose(found["torques"][k], np.linalg.det(M[k]) * batch["torques"][k], atol=1e-12)


def test_types_are_kept_or_widened_and_nothing_is_written_into():
    batch = {"whole": np.array([[1, 0]]), "narrow": np.array([[1, 0]], dtype=np.float32)}
    before = {name: values.copy() for name, values in batch.items()}
    found = moved(batch, {"whole": "vector", "narrow": "vector"}, turn(np.pi / 4))
    assert found["whole"].dtype == np.float64 and found["narrow"].dtype == np.float32
    np.testing.assert_allclose(found["whole"], [[np.sqrt(0.5)] * 2])  # whole numbers are not cut
    assert all(np.array_equal(batch[name], before[name]) for name in batch)


ONE = {"seen": np.zeros((2, 4)), "rewards": np.zeros(2)}


@pytest.mark.parametrize(
    ("batch", "kinds", "M", "base", "error", "message"),
    [
        (ONE, {}, np.eye(2), None, ValueError, r"seen \(2, 4\) have no rule: give kinds\['seen'\]"),
        ({**ONE, "speeds": np.zeros((2, 2))}, {"seen": "point"}, np.eye(2), None, ValueError, "speeds .*have no rule"),
        (ONE, {"seen": ["point"]}, np.eye(2), None, ValueError, r"seen have shape \(2, 4\), and .* rules for \(n, 2\)"),
        (ONE, {"seen": ["point", "pt"]}, np.eye(2), None, ValueError, r"kinds\['seen'\] has 'pt', expected 'point'"),
        (ONE, {"seen": ["point", ["vector"]]}, np.eye(2), None, ValueError, r"has \['vector'\], expected"),
        (ONE, {"seen": {"point", "vector"}}, np.eye(2), None, TypeError, "expected a list of 'point'"),
        (ONE, {"seen": 3}, np.eye(2), None, TypeError, "is 3, expected a list"),
        (ONE, ["point"], np.eye(2), None, TypeError, "kinds is .*expected a mapping"),
        ({"seen": np.zeros((2, 2, 2))}, {"seen": "point"}, np.eye(2), None, ValueError, r"shape \(2, 2, 2\)"),
        (ONE, {"seen": ["point", "vector"]}, 2 * np.eye(2), None, ValueError, "change lengths .*off by 3"),
        (ONE, {"seen": ["point", "vector"]}, np.full((2, 2), np.nan), None, ValueError, "change lengths"),
        (ONE, {"seen": ["point", "vector"]}, np.eye(2)[None], None, ValueError, r"expected \(m, m\) or \(2, m, m\)"),
        (ONE, {"seen": ["point", "vector"]}, np.zeros((2, 3)), None, ValueError, r"matrices have shape \(2, 3\)"),
        (ONE, {"seen": ["point", "vector"]}, np.eye(2), (1, 2, 3), ValueError, "base is .*expected 2 finite"),
        (ONE, {"seen": ["point", "vector"]}, np.eye(2), (1, np.inf), ValueError, "base is .*expected 2 finite"),
        ({}, {}, np.eye(2), None, ValueError, "batch has"),
        ({"seen": np.zeros((0, 4))}, {"seen": "point"}, np.eye(2), None, ValueError, "one step or more"),
    ],
)
def test_what_has_no_rule_or_no_place_is_refused(batch, kinds, M, base, error, message):
    with pytest.raises(error, match=message):
        moved(batch, kinds, M, base)


# --- an image of an episode of the bowl is an episode of the bowl


@few
@given(angles)
def test_a_mirrored_or_turned_episode_is_an_episode(angle):
    _, batch = lived()
    assert is_lived(moved(batch, KINDS, mirror(angle)))
    assert is_lived(moved(batch, KINDS, turn(angle)))


@few
@given(st.integers(0, 1000))
def test_reflections_of_a_replay_are_episodes(seed):
    _, batch = lived(seed=seed % 7)
    draw = np.random.default_rng(seed)
    for mirrors in (1, 8, None):
        assert is_lived(reflections(batch, KINDS, draw, mirrors))


WRONG = [0.3, 1.0, 2.0, 2.8]


@pytest.mark.parametrize("angle", WRONG)
def test_what_is_no_symmetry_is_no_episode(angle):
    """Tests of the tester: a plain force, a wrong base, a velocity or a goal that stays."""
    _, batch = lived()
    found = moved(batch, KINDS, mirror(angle))
    assert is_lived(found)
    assert not is_lived({**found, "actions": batch["actions"]})
    assert not is_lived({**found, "goals": batch["goals"]})
    assert not is_lived(moved(batch, KINDS, mirror(angle), base=(0.3, -0.4)))
    still = {**KINDS, "observations": ("point", "number", "number"), "next_observations": ("point", "number", "number")}
    assert not is_lived(moved(batch, still, mirror(angle)))


@pytest.mark.parametrize("angle", WRONG)
def test_a_swirl_keeps_turns_and_breaks_mirrors(angle):
    _, batch = lived(swirl=2.0)
    assert is_lived(batch, swirl=2.0) and not is_lived(batch)
    assert is_lived(moved(batch, KINDS, turn(angle)), swirl=2.0)
    assert not is_lived(moved(batch, KINDS, mirror(angle)), swirl=2.0)


# --- reflections


def images(batch, numbers, mirrors):
    """What a replay would hold that stored every episode 1 + mirrors times: the mirrors of an episode, by number."""
    return {e: [np.eye(2), *mirror(np.pi * np.random.default_rng([e, 8]).random(mirrors))] for e in numbers}


def test_reflections_draw_what_a_larger_replay_would_hold():
    n, mirrors, numbers = 30_000, 3, [4, 9]
    draw = np.random.default_rng(0)
    which = draw.integers(2, size=n)
    batch = {"forces": np.tile([1.0, 0.5], (n, 1)), "numbers": np.array(numbers)[which]}
    found = reflections(batch, {"forces": ["vector"]}, np.random.default_rng(1), mirrors)
    assert np.array_equal(found["numbers"], batch["numbers"])
    stored = images(batch, numbers, mirrors)
    for k, e in enumerate(numbers):
        possible = np.stack([M @ [1.0, 0.5] for M in stored[e]])
        apart = np.abs(found["forces"][which == k][:, None] - possible).max(axis=-1)  # (rows, images)
        assert (apart.min(axis=1) < 1e-12).all()  # nothing else is drawn
        counts = np.bincount(apart.argmin(axis=1), minlength=mirrors + 1)
        assert chisquare(counts).pvalue > 1e-3  # each as often
        assert np.array_equal(found["forces"][which == k][apart.argmin(axis=1) == 0][0], [1.0, 0.5])


def test_a_step_is_moved_as_one():
    """All arrays of a step by one and the same mirror."""
    _, batch = lived()
    found = reflections(batch, KINDS, np.random.default_rng(0), 4)
    stored = images(batch, np.unique(batch["numbers"]).tolist(), 4)
    seen = set()
    for k, e in enumerate(batch["numbers"].tolist()):
        errors = []
        for M in stored[e]:
            step = moved({name: values[k : k + 1] for name, values in batch.items()}, KINDS, M)
            errors.append(max(np.abs(step[name][0] - found[name][k]).max() for name in batch))
        assert min(errors) < 1e-12
        seen.add(int(np.argmin(errors)))
    assert len(seen) == 5


def test_numbers_decide_mirrors_and_not_the_batch_or_the_draw():
    def possible(numbers, seed):
        batch = {"forces": np.tile([1.0, 0.0], (len(numbers), 1)), "numbers": numbers}
        found = reflections(batch, {"forces": "vector"}, np.random.default_rng(seed), 2)["forces"]
        return {tuple(row.round(9) + 0.0) for row, e in zip(found, numbers, strict=True) if e == 5}

    assert possible([5] * 200, 0) == possible([7, 5] * 200, 1)
    other = {"forces": np.tile([1.0, 0.0], (200, 1)), "numbers": [6] * 200}
    found = reflections(other, {"forces": "vector"}, np.random.default_rng(0), 2)["forces"]
    assert possible([5] * 200, 0) & {tuple(row.round(9) + 0.0) for row in found} == {(1.0, 0.0)}


def test_angles_of_all_mirrors_are_even():
    numbers = np.arange(4000)
    batch = {"forces": np.tile([1.0, 0.0], (4000, 1)), "numbers": numbers}
    for mirrors in (1, None):
        found = reflections(batch, {"forces": "vector"}, np.random.default_rng(3), mirrors)["forces"]
        changed = found[(found != [1.0, 0.0]).any(axis=1)]
        assert len(changed) == 4000 or mirrors == 1
        if mirrors == 1:
            assert chisquare([len(changed), 4000 - len(changed)]).pvalue > 1e-3
        twice = np.arctan2(changed[:, 1], changed[:, 0]) % (2 * np.pi)  # 2 θ
        assert chisquare(np.histogram(twice, bins=12, range=(0, 2 * np.pi))[0]).pvalue > 1e-3


def test_memory_does_not_grow_with_the_mirrors():
    _, batch = lived()
    for mirrors in (0, 1, 300, None):
        found = reflections(batch, KINDS, np.random.default_rng(0), mirrors)
        assert {name: values.shape for name, values in found.items()} == {
            name: values.shape for name, values in batch.items()
        }
    same = reflections(batch, KINDS, np.random.default_rng(0), 0)
    assert all(np.array_equal(same[name], batch[name]) for name in batch)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch": {"forces": np.zeros((1, 2))}}, ValueError, r"expected numbers \(n,\) as well"),
        ({"batch": {"forces": np.zeros((1, 2)), "numbers": [[0]]}}, ValueError, r"expected numbers \(n,\) as well"),
        ({"batch": {"forces": np.zeros((1, 2)), "numbers": [0.5]}}, ValueError, "numbers hold 0.5"),
        ({"batch": {"forces": np.zeros((1, 2)), "numbers": [-1]}}, ValueError, "numbers hold -1"),
        ({"kinds": {}}, ValueError, "forces .*have no rule"),
        ({"random": 3}, TypeError, "random is 3"),
        ({"mirrors": -1}, ValueError, "mirrors is -1"),
        ({"mirrors": 1.5}, ValueError, "mirrors is 1.5"),
        ({"base": 3}, ValueError, "base is 3"),
    ],
)
def test_reflections_refuse(change, error, message):
    plain = {"batch": {"forces": np.zeros((1, 2)), "numbers": [0]}, "kinds": {"forces": "vector"}}
    with pytest.raises(error, match=message):
        reflections(**{**plain, "random": np.random.default_rng(0), **change})


# --- frames


def agree(one, other, tolerance=1e-9):
    return all(np.allclose(one[name], other[name], atol=tolerance) for name in one)


def of_one_orbit(batch, M):
    return agree(framed(batch, KINDS, frames), framed(moved(batch, KINDS, M), KINDS, frames))


@few
@given(angles, st.integers(0, 5))
def test_a_step_and_its_image_are_one_in_their_frames(angle, seed):
    _, batch = lived(seed=seed)
    assert of_one_orbit(batch, turn(angle)) and of_one_orbit(batch, mirror(angle))
    assert not agree(framed(batch, KINDS, frames), batch)  # and it is no copy of what was given


def single(position, velocity, goal, after, velocity_after=(0.3, -0.2), action=(0.7, 0.4)):
    rows = {"observations": [*position, *velocity], "goals": goal, "actions": action, "rewards": 0.0}
    rows["next_observations"] = [*after, *velocity_after]
    return {name: np.array([row], dtype=float) for name, row in rows.items()}


ODD = {
    "at its goal": single((0.6, 0.3), (0.2, 0.5), (0.6, 0.3), (0.62, 0.35)),
    "at its goal afterwards": single((0.5, 0.3), (0.2, 0.5), (0.62, 0.35), (0.62, 0.35)),
    "on one line with goal and middle": single((0.6, 0.3), (0.2, 0.5), (1.0, 0.5), (0.62, 0.35)),
    "in the middle": single((0.0, 0.0), (0.2, 0.5), (0.6, 0.3), (0.02, 0.05)),
    "goal and point in the middle": single((0.0, 0.0), (0.2, 0.5), (0.0, 0.0), (0.02, 0.05), action=(0.2, 0.5)),
}


@pytest.mark.parametrize("name", ODD)
def test_frames_where_there_is_no_way_or_no_side(name):
    for angle in np.linspace(0, 6, 25):
        assert of_one_orbit(ODD[name], turn(angle)), angle
        assert of_one_orbit(ODD[name], mirror(angle)), angle


def test_nothing_at_all_has_a_frame_too():
    F = frames(np.zeros((3, 4)), np.zeros((3, 2)))
    assert np.array_equal(F, np.tile(np.eye(2), (3, 1, 1)))


@few
@given(st.integers(0, 10**6))
def test_frames_against_a_loop(seed):
    draw = np.random.default_rng(seed)
    seen, goals = draw.normal(size=(3, 4)), draw.normal(size=(3, 2))
    for F, (x, y, *_), (zx, zy) in zip(frames(seen, goals), seen.tolist(), goals.tolist(), strict=True):
        length = math.hypot(zx - x, zy - y)
        c, s = (zx - x) / length, (zy - y) / length
        side = 1 if -s * x + c * y >= 0 else -1
        np.testing.assert_allclose(F, [[c, s], [-s * side, c * side]], atol=1e-12)


def test_the_goal_of_the_next_state_is_seen_from_there():
    _, batch = lived()
    found = framed(batch, KINDS, frames)
    F = frames(batch["next_observations"], batch["goals"])
    np.testing.assert_allclose(found["next_goals"], np.einsum("nij,nj->ni", F, batch["goals"]), atol=1e-12)
    assert np.array_equal(found["rewards"], batch["rewards"])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda b: framed(b, KINDS, None), TypeError, "frames is None"),
        (lambda b: framed({"goals": b["goals"]}, KINDS, frames), ValueError, "expected observations and next_obs"),
        (lambda b: framed(b, KINDS, lambda s, z: np.zeros((len(s), 2, 2))), ValueError, "change lengths"),
        (lambda b: framed(b, KINDS, lambda s, z: np.eye(2)[None]), ValueError, r"matrices have shape \(1, 2, 2\)"),
        (lambda b: framed(b, {"goals": "point"}, frames), ValueError, "have no rule"),
        (lambda b: frames(b["observations"][:, :3], b["goals"]), ValueError, r"observations have shape \(60, 3\)"),
        (lambda b: frames(b["observations"], b["goals"][:1]), ValueError, r"goals \(1, 2\)"),
        (lambda b: frames(np.nan * b["observations"], b["goals"]), ValueError, "NaN"),
    ],
)
def test_frames_that_are_none_are_refused(act, error, message):
    _, batch = lived()
    with pytest.raises(error, match=message):
        act(batch)
