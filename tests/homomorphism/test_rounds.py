"""Partition refinement against the textbook's, with tuples and loops: every round, and the last one on its own."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.homomorphism import coarsest_homomorphism, last_round, maps, refine
from symrl_lite.homomorphism.refinement import Round, _ranks
from symrl_lite.mdp import TabularMDP


def ranks(keys):
    """The place of each key among the different keys, in order."""
    place = {key: n for n, key in enumerate(sorted(set(keys)))}
    return [place[key] for key in keys]


def levels(values, atol):
    """{value: number of its cluster}; neighbours at most atol apart are in one."""
    ordered = sorted(set(values))
    steps = [b - a > atol for a, b in itertools.pairwise(ordered)]
    return dict(zip(ordered, itertools.accumulate(steps, initial=0), strict=bool(ordered)))


def by_tuples(mdp, relabel, atol):
    """All rounds: (block of each state, number of each pair's row), with every row made anew in every round."""
    S, A = mdp.rewards.shape
    raw = sparse.csr_array(mdp.rows)
    entries = [list(zip(raw[[k]].indices.tolist(), raw[[k]].data.tolist(), strict=True)) for k in range(S * A)]
    of_reward, blocks = levels(mdp.rewards.ravel().tolist(), atol), [0] * S
    while True:
        into = []
        for row in entries:
            sums = {}
            for state, probability in row:
                sums[blocks[state]] = sums.get(blocks[state], 0.0) + probability
            into.append({block: total for block, total in sums.items() if total > atol})
        level = levels([total for sums in into for total in sums.values()], atol)
        rows = [
            (of_reward[reward], len(sums), *sorted((block, level[total]) for block, total in sums.items()))
            for reward, sums in zip(mdp.rewards.ravel().tolist(), into, strict=True)
        ]
        ids = np.where(mdp.available, np.array(ranks(rows)).reshape(S, A), -1)
        yield np.array(blocks), ids
        keys = [sorted(set(row)) if relabel else list(row) for row in ids.tolist()]
        new = ranks([(block, *[-1] * (A - len(key)), *key) for block, key in zip(blocks, keys, strict=True)])
        if max(new) == max(blocks):
            return
        blocks = new


def same_classes(a, b):
    """Whether two labellings put the same things together."""
    pairs = len(set(zip(a, b, strict=True)))
    return pairs == len(set(a)) == len(set(b))


def require_the_same(mdp, relabel, atol):
    """Every round of `refine`, number by number; the last round up to names; the maps number by number."""
    expected, found = list(by_tuples(mdp, relabel, atol)), list(refine(mdp, relabel, atol))
    assert len(expected) == len(found)
    for (blocks, ids), partition in zip(expected, found, strict=True):
        assert partition.state_map.tolist() == blocks.tolist()
        assert partition.row_ids.tolist() == ids.tolist()
    (blocks, ids), last = expected[-1], last_round.last_round(mdp, relabel, atol)
    s, a = np.nonzero(mdp.available)
    assert same_classes(blocks.tolist(), last.state_map.tolist()) and last.n_blocks == blocks.max() + 1
    assert (last.row_ids[~mdp.available] == -1).all()
    pairs = [list(zip(partition[s].tolist(), rows[s, a].tolist(), strict=True))
             for partition, rows in ((blocks, ids), (last.state_map, last.row_ids))]  # fmt: skip
    assert same_classes(*pairs)
    old, new = maps._fold(mdp, blocks, ids), coarsest_homomorphism(mdp, relabel, atol)
    assert old.state_map.tolist() == new.state_map.tolist() and old.action_map.tolist() == new.action_map.tolist()
    assert abs(sparse.csr_array(old.image.rows) - sparse.csr_array(new.image.rows)).sum() == 0
    assert (old.image.rewards == new.image.rewards).all() and (old.image.available == new.image.available).all()
    return len(expected)


def random_process(seed, steps=4, tiny=0.0, missing=0.0, as_sparse=True, residue=0.0):
    """Few different numbers, so that states agree; `tiny` moves some probability about, `missing` leaves out actions.

    `residue` is what the rows of those sum to: a table may leave up to 1e-9 there.
    """
    random = np.random.default_rng(seed)
    S, A = int(random.integers(2, 25)), int(random.integers(1, 5))
    P = np.zeros((S, A, S))
    for s, a, _ in itertools.product(range(S), range(A), range(steps)):
        P[s, a, random.integers(max(1, S // int(random.integers(1, 4))))] += 1 / steps
    if tiny:
        moved = tiny * random.uniform(0, 2, size=(S, A)) * (random.random((S, A)) < 0.5)
        P *= 1 - moved[..., None]
        np.add.at(P, (*np.indices((S, A)), random.integers(S, size=(S, A))), moved)
    R = random.integers(0, 2, size=(S, A)) * (random.random((S, 1)) < 0.2) * 1.0
    available = random.random((S, A)) >= missing
    available[np.arange(S), random.integers(A, size=S)] = True
    P[~available] = 0
    s, a = np.nonzero(~available)
    P[s, a, random.integers(S, size=len(s))] = residue
    return TabularMDP(sparse.csr_array(P.reshape(-1, S)) if as_sparse else P, R, 0.9, available)


WORLDS = {
    "middle": GridWorld(7),
    "corner": GridWorld(8, (0, 0)),
    "slippery": GridWorld(7, (1, 2), slip=0.3),
    "walls": GridWorld(6, (5, 0), walls=[(1, 1), (2, 3), (4, 4)], slip=0.1),
    "torus": GridWorld(6, torus=True),
    "chase": PredatorPrey(observation="index"),
}


@pytest.mark.parametrize("relabel", [True, False])
@pytest.mark.parametrize("atol", [0.0, 1e-9, 0.05])
@pytest.mark.parametrize("name", WORLDS)
def test_worlds(name, atol, relabel):
    assert require_the_same(WORLDS[name].tabular(), relabel, atol) > 2


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 2, 4, 12]),
    st.sampled_from([0.0, 0.0, 1e-9, 1e-3, 0.1]),
    st.sampled_from([0.0, 0.3]),
    st.booleans(),
    st.sampled_from([0.0, 1e-10]),
    st.booleans(),
    st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 0.3]),
)
def test_random_processes(seed, steps, tiny, missing, as_sparse, residue, relabel, atol):
    require_the_same(random_process(seed, steps, tiny, missing, as_sparse, residue), relabel, atol)


@pytest.mark.parametrize("atol", [0.0, 1e-9])
def test_rows_of_actions_that_do_not_exist_split_nothing(atol):
    for seed in range(60):
        require_the_same(random_process(seed, steps=1, missing=0.5, residue=1e-10), True, atol)


def chain(weights, rewards=(0, 0)):
    """States in a row; from each to the next, and with some weight to the one after it; the last earns."""
    n = len(weights)
    P = np.zeros((n, 1, n))
    for s, weight in enumerate(weights):
        P[s, 0, min(s + 1, n - 1)] += 1 - weight
        P[s, 0, min(s + 2, n - 1)] += weight
    R = np.zeros((n, 1))
    R[-1] = 1
    return TabularMDP(sparse.csr_array(P.reshape(n, n)), R, 0.9)


def full_rounds(monkeypatch, mdp, atol):
    """How often `last_round` made all rows anew, and in how many rounds."""
    sizes, to_blocks = [], last_round.to_blocks

    def counted(rows, *rest):
        sizes.append(rows.shape[0])
        return to_blocks(rows, *rest)

    monkeypatch.setattr(last_round, "to_blocks", counted)
    last_round.last_round(mdp, True, atol)
    monkeypatch.undo()
    return sizes.count(mdp.rewards.size), len(list(refine(mdp, True, atol)))


def test_closeness_that_is_passed_on(monkeypatch):
    """Probabilities 0.1, 0.2, ..., 0.9 are one number for an atol of 0.15: then no row is kept from round to round."""
    mdp = chain(np.linspace(0.1, 0.9, 9))
    require_the_same(mdp, True, 0.15)
    full, rounds = full_rounds(monkeypatch, mdp, 0.15)
    assert 3 < full <= rounds
    require_the_same(mdp, True, 1e-9)
    full, rounds = full_rounds(monkeypatch, mdp, 1e-9)
    assert full == 1 and rounds > 3


def test_probabilities_that_are_taken_for_none(monkeypatch):
    """A state of weight 1e-10 gets a new number: the rows that enter it are as they were, and are compared with all."""
    mdp = chain([1e-10] * 9)
    assert last_round.last_round(mdp, True, 1e-9).n_blocks == 9
    require_the_same(mdp, True, 1e-9)
    full, rounds = full_rounds(monkeypatch, mdp, 1e-9)
    assert 1 < full <= rounds


@pytest.mark.parametrize("hashed", [lambda numbers: numbers * 0, lambda numbers: numbers])
def test_rows_of_one_hash_are_compared(monkeypatch, hashed):
    """With a hash that says nothing, or next to nothing, the result is the same."""
    processes = [world.tabular() for world in WORLDS.values()] + [random_process(seed) for seed in range(20)]
    by_sorting, sorted_rows = last_round.ordered_ids, []

    def counted(*arguments):
        sorted_rows.append(arguments)
        return by_sorting(*arguments)

    monkeypatch.setattr(last_round, "ordered_ids", counted)
    for mdp in processes:
        require_the_same(mdp, True, 1e-9)
    assert not sorted_rows
    monkeypatch.setattr(last_round, "scrambled", hashed)
    for mdp in processes:
        require_the_same(mdp, True, 1e-9)
    assert sorted_rows


def test_a_round_looks_at_what_has_changed(monkeypatch):
    """On a grid, each state is renamed a few times: the rows that are made add up to a few times the pairs."""
    made, to_blocks = [], last_round.to_blocks

    def counted(rows, *rest):
        made.append(rows.shape[0])
        return to_blocks(rows, *rest)

    monkeypatch.setattr(last_round, "to_blocks", counted)
    mdp = GridWorld(30, (0, 0)).tabular()
    last_round.last_round(mdp)
    assert len(made) > 50 and sum(made) < 8 * mdp.rewards.size


@pytest.mark.parametrize("top", [1, 2**16, 2**16 + 1, 2**40, 2**62])
def test_places_among_the_different(top):
    keys = np.random.default_rng(0).integers(0, top, size=500)
    keys = np.concatenate([keys, keys[::3], [top - 1]])
    assert _ranks(keys).tolist() == ranks(keys.tolist())
    assert _ranks(keys[:0]).tolist() == []


def test_the_comparison_sees_a_wrong_partition():
    world = GridWorld(5)
    *_, (blocks, ids) = by_tuples(world.tabular(), True, 1e-9)
    assert same_classes(blocks.tolist(), (7 - blocks).tolist())
    assert not same_classes(blocks.tolist(), (blocks // 2).tolist())
    assert not same_classes(blocks.tolist(), [*blocks[:-1].tolist(), 99])
    assert Round(blocks, ids).n_blocks == 6
