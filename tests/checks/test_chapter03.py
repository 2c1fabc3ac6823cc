"""The checks of chapter 3 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest

from symrl_lite.checks import chapter03 as check

# --- Exercise A


def errors(P, R, P_image, R_image, sigma, alpha):
    reward, transition = 0.0, 0.0
    for s, a in np.ndindex(R.shape):
        image = sigma[s], alpha[s, a]
        into = np.array([P[s, a, sigma == B].sum() for B in range(len(R_image))])
        reward = max(reward, abs(R[s, a] - R_image[image]))
        transition = max(transition, abs(into - P_image[image]).sum())
    return reward, transition


def errors_without_loops(P, R, P_image, R_image, sigma, alpha):
    rows = P.reshape(-1, len(sigma)) @ (sigma[:, None] == np.arange(len(R_image)))
    image = sigma[:, None] * R_image.shape[1] + alpha
    gaps = np.abs(rows.reshape(*R.shape, -1) - P_image.reshape(-1, len(R_image))[image]).sum(-1)
    return [np.abs(R - R_image.ravel()[image]).max(), np.float32(gaps.max())]  # a list, with single precision


def errors_in_plain_python(P, R, P_image, R_image, sigma, alpha):
    worst = [0, 0]
    for s in range(len(sigma)):
        for a in range(len(alpha[0])):
            into = [0] * len(R_image)
            for t, p in enumerate(P[s][a].tolist()):
                into[sigma[t]] += p
            worst[0] = max(worst[0], abs(R[s][a] - R_image[sigma[s]][alpha[s][a]]))
            target = P_image[sigma[s]][alpha[s][a]]
            worst[1] = max(worst[1], sum(abs(x - y) for x, y in zip(into, target, strict=True)))
    return tuple(worst)


def both(P, R, P_image, R_image, sigma, alpha):
    into = P @ np.eye(len(R_image))[sigma]
    return R - R_image[sigma[:, None], alpha], into - P_image[sigma[:, None], alpha]


def errors_without_last_state(*fold):
    rewards, gaps = both(*fold)
    return np.abs(rewards[:-1]).max(), np.abs(gaps[:-1]).sum(-1).max()


def errors_signed(*fold):
    rewards, gaps = both(*fold)
    return rewards.max(), np.abs(gaps).sum(-1).max()


def errors_largest_entry(*fold):
    rewards, gaps = both(*fold)
    return np.abs(rewards).max(), np.abs(gaps).max()


def errors_halved(*fold):
    rewards, gaps = both(*fold)
    return np.abs(rewards).max(), np.abs(gaps).sum(-1).max() / 2


def errors_mean(*fold):
    rewards, gaps = both(*fold)
    return np.abs(rewards).mean(), np.abs(gaps).sum(-1).mean()


def errors_sum(*fold):
    rewards, gaps = both(*fold)
    return np.abs(rewards).sum(), np.abs(gaps).sum(-1).sum()


def errors_same_labels(P, R, P_image, R_image, sigma, alpha):
    """Forgets that actions are renamed."""
    n = R_image.shape[1]
    return errors(P[:, :n], R[:, :n], P_image, R_image, sigma, np.tile(np.arange(n), (len(sigma), 1)))


def errors_one_state(P, R, P_image, R_image, sigma, alpha):
    """Compares with one state of the block, not with the sum over it."""
    first = [int(np.argmax(sigma == B)) for B in range(len(R_image))]
    gaps = np.abs(P[..., first] - P_image[sigma[:, None], alpha]).sum(-1)
    return errors(P, R, P_image, R_image, sigma, alpha)[0], gaps.max()


def errors_representatives(P, R, P_image, R_image, sigma, alpha):
    """Looks at the first state of each block only."""
    first = [int(np.argmax(sigma == B)) for B in range(len(R_image))]
    rewards, gaps = both(P, R, P_image, R_image, sigma, alpha)
    return np.abs(rewards[first]).max(), np.abs(gaps[first]).sum(-1).max()


@pytest.mark.parametrize("answer", [errors, errors_without_loops, errors_in_plain_python])
def test_a_accepts(answer):
    assert check.homomorphism_errors(answer).passed, check.homomorphism_errors(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (errors_signed, "take the absolute value"),
        (errors_without_last_state, "the reward of s=5, a=0 is off"),
        (errors_largest_entry, "moves 0.3 of its weight"),
        (errors_halved, "half of the sum"),
        (errors_mean, "the reward of s=0, a=0 is off"),
        (errors_sum, "those are the sums over all pairs"),
        (errors_same_labels, "compare each pair"),
        (errors_one_state, "add up the probabilities of a block"),
        (errors_representatives, "is off by 0.25"),
        (lambda *fold: errors(*fold)[0], "expected two numbers"),
        (lambda *fold: (0.0, 0.0), "is off by 0.25"),
        (lambda P, *fold: (P.sort(), (0.0, 0.0))[1], "changes the arrays"),
        (lambda *fold: both(*fold), "the reward error has shape"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.homomorphism_errors(answer)
    assert not result.passed and result.solved and reason in repr(result), result


# --- Exercise B


def lift(policy, sigma, alpha):
    lifted = np.zeros(alpha.shape)
    for s, a in np.ndindex(alpha.shape):
        lifted[s, a] = policy[sigma[s], alpha[s, a]] / (alpha[s] == alpha[s, a]).sum()
    return lifted


def lift_by_matrices(policy, sigma, alpha):
    membership = np.eye(policy.shape[1])[alpha]  # (S, A, Ā)
    return np.einsum("sab,sb->sa", membership, policy[sigma] / membership.sum(axis=1)).tolist()


def lift_undivided(policy, sigma, alpha):
    return policy[sigma[:, None], alpha]


def lift_normalized(policy, sigma, alpha):
    """Divides by the sum of the row: an image action with many actions gets too much."""
    raw = policy[sigma[:, None], alpha]
    return raw / raw.sum(axis=1, keepdims=True)


def lift_first(policy, sigma, alpha):
    """Gives the first action of each image action everything."""
    lifted = np.zeros(alpha.shape)
    for s in range(len(sigma)):
        for b in range(policy.shape[1]):
            lifted[s, np.argmax(alpha[s] == b)] = policy[sigma[s], b]
    return lifted


def lift_counts_everywhere(policy, sigma, alpha):
    """Counts the actions of all states."""
    counts = np.bincount(alpha.ravel(), minlength=policy.shape[1])
    return policy[sigma[:, None], alpha] / counts[alpha]


def lift_greedy(policy, sigma, alpha):
    return np.eye(alpha.shape[1])[lift(policy, sigma, alpha).argmax(axis=1)]


@pytest.mark.parametrize("answer", [lift, lift_by_matrices])
def test_b_accepts(answer):
    assert check.lift(answer).passed, check.lift(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lift_undivided, "sum to more than 1"),
        (lift_normalized, "you return"),
        (lift_first, "you return"),
        (lift_counts_everywhere, "you return"),
        (lift_greedy, "you return"),
        (lambda policy, sigma, alpha: policy[sigma], "shape"),
        (lambda policy, sigma, alpha: (alpha.sort(), lift(policy, sigma, alpha))[1], "changes the arrays"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.lift(answer)
    assert not result.passed and result.solved and reason in repr(result), result


# --- Exercise C

CORRIDORS = [cell for cell in np.ndindex(5, 5) if cell not in [(2, 2), (2, 1), (2, 0), (1, 2), (1, 3)]]


def test_c_accepts():
    assert check.my_walls(lambda: CORRIDORS).passed
    assert check.my_walls(lambda: np.array(CORRIDORS)).passed
    assert check.my_walls(lambda: {(float(i), float(j)) for i, j in CORRIDORS}).passed
    # Another idea: corridors of three cells, bent at different places.
    free = [(2, 2), (1, 2), (0, 2), (0, 1), (3, 2), (3, 3), (3, 4)]
    assert check.my_walls(lambda: [cell for cell in np.ndindex(5, 5) if cell not in free]).passed


@pytest.mark.parametrize(
    ("walls", "reason"),
    [
        ([], "r takes your walls to themselves"),
        ([(0, 2)], "is a symmetry"),
        ([(0, 1)], "all 24 free cells are different"),
        ([(2, 2)], "must stay free"),
        ([(5, 0)], "is no cell"),
        ([(0, 1, 2)], "is no cell"),
        ([0, 1], "expected a list of cells"),
        ([(0.5, 1)], "expected a whole number"),
        ([cell for cell in np.ndindex(5, 5) if cell != (2, 2)], "no free cell beside the goal"),
        ([cell for cell in CORRIDORS if cell != (4, 4)], "from cell (4, 4) there is no way"),
    ],
)
def test_c_rejects(walls, reason):
    result = check.my_walls(lambda: walls)
    assert not result.passed and result.solved and reason in repr(result), result
