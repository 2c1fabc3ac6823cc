"""`coarsest_homomorphism` against a refinement in fractions, where equal means equal.

Random processes are unfolded from a small one: each state becomes a few copies, the probability of a state is shared
out among its copies, and the actions of each copy are shuffled and some of them doubled. Thirds, fifths and sevenths
are no floating-point numbers, so sums of them differ in the last digit, and the refinement has to bridge that.
"""

from fractions import Fraction

import numpy as np
import pytest

from symrl_lite.homomorphism import coarsest_homomorphism
from symrl_lite.mdp import TabularMDP, policy_iteration


def shares(draw, n):
    """n fractions that sum to 1, some of them 0."""
    weights = draw.integers(0, 4, n)
    weights[draw.integers(n)] += 1
    return [Fraction(int(w), int(weights.sum())) for w in weights]


def unfolded(seed, shuffle):
    """Pairs (R(s, a), T(·|s, a)) of fractions, [s][a], None where there is no action; and each state's original."""
    draw = np.random.default_rng(seed)
    n, actions = int(draw.integers(2, 5)), int(draw.integers(1, 4))
    small = [[(Fraction(int(draw.integers(-2, 3)), 3), shares(draw, n)) for _ in range(actions)] for _ in range(n)]
    original = [k for k in range(n) for _ in range(draw.integers(1, 4))]
    copies = [[s for s, k in enumerate(original) if k == block] for block in range(n)]
    table = []
    for k in original:
        pairs = []
        for reward, row in small[k]:
            for _ in range(1 + int(shuffle and draw.random() < 0.3)):  # a second action that does the same
                wide = [Fraction(0)] * len(original)
                for block, p in enumerate(row):
                    for s, part in zip(copies[block], shares(draw, len(copies[block])), strict=True):
                        wide[s] += p * part
                pairs.append((reward, wide))
        if shuffle:
            pairs = [pairs[i] for i in draw.permutation(len(pairs))]
        table.append(pairs)
    width = max(len(pairs) for pairs in table)
    return [pairs + [None] * (width - len(pairs)) for pairs in table], original


def refined(table, relabel):
    """Blocks of states, by the definition: split until the states of a block have the same rows."""
    blocks = [0] * len(table)
    while True:
        signatures = []
        for s, pairs in enumerate(table):
            rows = []
            for pair in pairs:
                into = [Fraction(0)] * (max(blocks) + 1)
                for t, p in enumerate(pair[1] if pair else []):
                    into[blocks[t]] += p
                rows.append((pair[0], *into) if pair else None)
            signatures.append((blocks[s], frozenset(rows) - {None} if relabel else tuple(rows)))
        numbers = {}
        finer = [numbers.setdefault(signature, len(numbers)) for signature in signatures]
        if len(numbers) == max(blocks) + 1:
            return blocks
        blocks = finer


def as_mdp(table, as_sparse):
    S, A = len(table), len(table[0])
    P, R, exists = np.zeros((S, A, S)), np.zeros((S, A)), np.zeros((S, A), dtype=bool)
    for s, a in np.ndindex(S, A):
        if table[s][a]:
            R[s, a], P[s, a], exists[s, a] = float(table[s][a][0]), [float(p) for p in table[s][a][1]], True
    if as_sparse:
        from scipy import sparse

        return TabularMDP(sparse.csr_array(P.reshape(-1, S)), R, 0.9, exists)
    return TabularMDP(P, R, 0.9, exists)


def same_partition(first, second):
    return len({*zip(first, second, strict=True)}) == len({*first}) == len({*second})


@pytest.mark.parametrize("relabel", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_blocks_rewards_and_probabilities_are_those_of_fractions(relabel, shuffle):
    smaller, alike = 0, relabel or not shuffle  # copies of a state have then the same rows
    for seed in range(60):
        table, original = unfolded(seed, shuffle)
        mdp = as_mdp(table, as_sparse=seed % 2 == 1)
        found = coarsest_homomorphism(mdp, relabel_actions=relabel)
        blocks = refined(table, relabel)
        assert same_partition(found.state_map.tolist(), blocks)
        if alike:
            assert len({*blocks}) <= len({*original})
        smaller += len({*blocks}) < len(table)
        for s, a in np.argwhere(mdp.available):
            reward, row = table[s][a]
            into = [Fraction(0)] * found.image.n_states
            for t, p in enumerate(row):
                into[found.state_map[t]] += p
            k, b = int(found.state_map[s]), int(found.action_map[s, a])
            assert found.image.rewards[k, b] == pytest.approx(float(reward), abs=1e-12)
            np.testing.assert_allclose(found.image.row(k, b), [float(p) for p in into], atol=1e-12)
        values = policy_iteration(found.image).values
        np.testing.assert_allclose(found.lift_values(values), policy_iteration(mdp).values, atol=1e-9)
    assert smaller >= (50 if alike else 1)


def test_a_difference_that_is_there_splits_and_rounding_does_not():
    """0.1 + 0.2 ≠ 0.3 in floating point; a probability that is off by 1e-6 is another one."""
    half = Fraction(1, 10), Fraction(2, 10), Fraction(3, 10)
    rows = [[0, 0, half[0], half[1], Fraction(7, 10)], [0, 0, half[2], 0, Fraction(7, 10)]]
    loops = [[Fraction(int(t == s)) for t in range(5)] for s in range(5)]
    for shift, blocks in ((Fraction(0), 3), (Fraction(1, 10**6), 4)):
        first = [*rows[0][:2], rows[0][2] + shift, rows[0][3], rows[0][4] - shift]
        table = [[(Fraction(0), first)], [(Fraction(0), rows[1])]]
        table += [[(Fraction(1), loops[s])] for s in (2, 3)] + [[(Fraction(2), loops[4])]]
        assert len({*refined(table, True)}) == blocks
        assert coarsest_homomorphism(as_mdp(table, False)).image.n_states == blocks
