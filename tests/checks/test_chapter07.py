"""The checks of chapter 7 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from symrl_lite.checks import chapter07 as check
from symrl_lite.structured import contrastive_energy_loss, energy, ranking_metrics

# --- Exercise A


def by_the_book(p, a, o, now, sigma, hinge):
    def H(x, y):
        return (x - y).square().sum(dim=2).mean(dim=1) / (2 * sigma**2)

    return H(p, a).mean() + (hinge - H(o, now)).clamp(min=0).mean()


def by_the_package(p, a, o, now, sigma, hinge):
    return contrastive_energy_loss(energy(p, a, sigma), energy(o, now, sigma), hinge)


def in_loops(p, a, o, now, sigma, hinge):
    n, K, _ = p.shape
    total = torch.zeros(())
    for i in range(n):
        close = apart = 0
        for k in range(K):
            close = close + (p[i, k] - a[i, k]).norm() ** 2 / K / 2 / sigma / sigma
            apart = apart + (o[i, k] - now[i, k]).norm() ** 2 / K / 2 / sigma / sigma
        total = total + close + torch.maximum(torch.zeros(()), hinge - apart)
    return total / n


def by_einsum(p, a, o, now, sigma, hinge):
    close, apart = (
        torch.einsum("nkd,nkd->n", x - y, x - y) / (2 * p.shape[1] * sigma**2) for x, y in ((a, p), (now, o))
    )
    return close.sum() / len(p) + torch.relu(hinge - apart).sum() / len(p)


def from_products(p, a, o, now, sigma, hinge):
    """|x|² + |y|² − 2 x·y; and max(γ, H) − H in place of the hinge; one number in a tensor of float32."""

    def H(x, y):
        both = (x * x).sum(-1) + (y * y).sum(-1) - 2 * (x[:, :, None] @ y[..., None])[:, :, 0, 0]
        return both.mean(-1) / 2 / sigma**2

    apart = H(o, now)
    return (H(p, a).mean() + (apart.clamp(min=hinge) - apart).mean()).float()


@pytest.mark.parametrize("answer", [by_the_book, by_the_package, in_loops, by_einsum, from_products])
def test_a_accepts(answer):
    assert check.loss(answer).passed, check.loss(answer)


def H(x, y, s=0.5):
    return squares(x, y).mean(dim=1) / (2 * s**2)


def squares(x, y):
    return (x - y).square().sum(dim=2)


def loss_of(of=H, both=lambda close, apart, g: close.mean() + (g - apart).clamp(min=0).mean()):
    """The loss with another energy of (x, y, σ), or with another sum of the energies and the hinge."""
    return lambda p, a, o, now, s, g: both(of(p, a, s), of(o, now, s), g)


def root(x, y, s):
    """The right energy, by way of a distance whose gradient at 0 is no number."""
    return (squares(x, y).sqrt() ** 2).mean(dim=1) / (2 * s**2)


def per_object(p, a, o, now, s, g):
    return H(p, a, s).mean() + (g - squares(o, now) / (2 * s**2)).clamp(min=0).mean()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (loss_of(both=lambda c, d, g: c + (g - d).clamp(min=0)), "has shape (6,), expected ()"),
        (loss_of(both=lambda c, d, g: c.mean() + (g - d).mean()), "that is the hinge"),
        (loss_of(both=lambda c, d, g: c.mean() - d.mean()), "that is the hinge"),
        (loss_of(both=lambda c, d, g: c.mean() + (d - g).clamp(min=0).mean()), "not H − γ"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / 2), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1)), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / (2 * s)), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / s**2), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / 2 * s**2), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) * 2 * s**2), "with the 2 and the square"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / s), "σ = 2 and γ = 0.5, the loss is"),
        (loss_of(lambda x, y, s: squares(x, y).mean(1) / s), "with the 2 and the square"),
        (loss_of(lambda x, y, s: (x - y).norm(dim=2).mean(1) / (2 * s**2)), "*squared*"),
        (loss_of(both=lambda c, d, g: c.mean()), "it costs γ"),
        (loss_of(both=lambda c, d, g: c.mean() + ((g - d).clamp(min=0) * (d > 0)).mean()), "it costs γ"),
        (
            loss_of(both=lambda c, d, g: c.mean() + torch.nn.functional.softplus(g - d).mean()),
            "the same code the loss is 1.313",
        ),
        (loss_of(both=lambda c, d, g: (g - d).clamp(min=0).mean()), "the loss is 0, expected 2"),
        (loss_of(lambda x, y, s: (squares(x, y) / (2 * s**2)).sum(1)), "not the sum"),
        (loss_of(lambda x, y, s: (x - y).square().mean(dim=(1, 2)) / (2 * s**2)), "sum over the numbers of a code"),
        (loss_of(lambda x, y, s: (x - y).square().mean(2).sum(1) / (2 * s**2)), "sum over the numbers of a code"),
        (loss_of(lambda x, y, s: (x - y).norm(dim=2).mean(1) ** 2 / (2 * s**2)), "the loss is 0.5, expected 1"),
        (per_object, "energy of the whole board"),
        (loss_of(both=lambda c, d, g: c.mean() + (g - d.mean()).clamp(min=0)), "own hinge"),
        (loss_of(both=lambda c, d, g: c.sum() + (g - d).clamp(min=0).sum()), "mean over the boards"),
        (loss_of(both=lambda c, d, g: c.mean() + (g - d).clamp(min=0).sum()), "5 boards of 3 objects"),
        (loss_of(both=lambda c, d, g: c.mean() + (1 - d).clamp(min=0).mean()), "use the hinge that you are given"),
        (loss_of(lambda x, y, s: H(x, y)), "use the sigma that you are given"),
        (lambda p, a, o, now, s, g: by_the_book(p, a, o, a, s, g), "away from the code of now"),
        (lambda p, a, o, now, s, g: by_the_book(p, a, o, p, s, g), "away from the code of now"),
        (lambda *all_of_it: by_the_book(*all_of_it).item(), "no gradient flows"),
        (lambda *all_of_it: by_the_book(*all_of_it).detach().numpy(), "no gradient flows"),
        (lambda p, a, o, now, s, g: by_the_book(p.detach(), a, o, now, s, g), "the prediction gets no pull"),
        (lambda p, a, o, now, s, g: by_the_book(p, a.detach(), o, now, s, g), "seen next gets no pull"),
        (lambda p, a, o, now, s, g: by_the_book(p, a, o.detach(), now, s, g), "the negative gets no push"),
        (lambda p, a, o, now, s, g: by_the_book(p, a, o, now.detach(), s, g), "the code of now gets no push"),
        (loss_of(root), "without a root"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.loss(answer)
    assert result.solved and not result.passed and reason in repr(result), result


# --- Exercise B


def from_the_table(predicted, true, states):
    return 1 + (near(predicted, true) & others(states)).sum(axis=1)


def one_by_one(predicted, true, states):
    found = []
    for i in range(len(true)):
        own, rank = np.linalg.norm(predicted[i] - true[i]), 1
        for j in range(len(true)):
            if states[j] != states[i] and np.linalg.norm(predicted[i] - true[j]) <= own:
                rank += 1
        found.append(rank)
    return found


def by_sorting(predicted, true, states):
    """Ranks of scipy, the largest where there are ties; those with the same state are put infinitely far away."""
    d = cdist(predicted, true)
    d[(states[:, None] == states) & ~np.eye(len(d), dtype=bool)] = np.inf
    return np.diag(rankdata(d, method="max", axis=1))  # floats


def from_products_of_codes(predicted, true, states):
    d = torch.tensor(true).square().sum(dim=1) - 2 * torch.tensor(predicted @ true.T)  # without |predicted|²
    near = (d <= d.diagonal()[:, None]) & torch.tensor(states[:, None] != states)
    return 1 + near.sum(dim=1)


def by_ranking_metrics(predicted, true, states):
    return ranking_metrics(predicted, true, states).ranks


@pytest.mark.parametrize("answer", [from_the_table, one_by_one, by_sorting, from_products_of_codes, by_ranking_metrics])
def test_b_accepts(answer):
    assert check.ranks(answer).passed, check.ranks(answer)


def table(p, t, power=2):
    return (np.abs(p[:, None] - t) ** power).sum(axis=2)


def near(p, t, power=2):
    d = table(p, t, power)
    return d <= np.diag(d)[:, None]


def others(s):
    return s[:, None] != s


def each_state_once(p, t, s):
    """Counts states that are at least as near, not candidates."""
    return [1 + len(set(s[row & other])) for row, other in zip(near(p, t), others(s), strict=True)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda p, t, s: np.mean(1 / (1 + (near(p, t) & others(s)).sum(1))), "has shape ()"),
        (lambda p, t, s: near(p, t) & others(s), "has shape (5, 5)"),
        (lambda p, t, s: (near(p, t) & others(s)).sum(1), "the best rank is 1"),
        (lambda p, t, s: np.diag(table(p, t).argsort(axis=1).argsort(axis=1)), "the best rank is 1"),
        (lambda p, t, s: 1 + near(p, t).sum(1), "don't count it"),
        (lambda p, t, s: 1 + (near(t, p) & others(s)).sum(1), "not the other way round"),
        (lambda p, t, s: 1 + ((table(p, t) <= np.diag(table(p, t))) & others(s)).sum(1), "np.diag(d)[:, None]"),
        (lambda p, t, s: 1 + (near(p, t) & others(s)).sum(0), "axis 1"),
        (lambda p, t, s: table(p, t).argmin(axis=1), "are 0, 1, 1, expected 1, 1, 2"),
        (lambda p, t, s: 1 + ((table(p, t) < np.diag(table(p, t))[:, None]) & others(s)).sum(1), "counts as nearer"),
        (lambda p, t, s: 1 + np.diag(table(p, t).argsort(1, kind="stable").argsort(1)), "are 1, 2, 3, 4"),
        (lambda p, t, s: np.diag(rankdata(table(p, t), axis=1)), "are 2.5, 2.5, 2.5, 2.5"),
        (lambda p, t, s: near(p, t).sum(1), "leave it out"),
        (lambda p, t, s: 1 + near(p, t).sum(1) - (~others(s)).sum(1), "are 1, 1, 0, 0, expected 1, 1, 1, 1"),
        (lambda p, t, s: 1 + (near(p, t, power=1) & others(s)).sum(1), "square the differences"),
        (each_state_once, "for 30 random codes with ties"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.ranks(answer)
    assert result.solved and not result.passed and reason in repr(result), result


# --- Exercise C

STEPS = np.array([[-1, 0], [0, -1], [1, 0], [0, 1]])


def rules(steps=STEPS, inside=lambda wish: ((wish >= 0) & (wish < 5)).all(axis=1), ways=None):
    """The solution, with other steps, another table or another meaning of "in the way"."""

    def step(z, told):
        wish = z + told @ steps
        says = (wish[:, None] == z).all(axis=2) if ways is None else ways(wish, z)
        says = says & ~np.eye(len(z), dtype=bool)
        free = inside(wish) & ~says.any(axis=1)
        return np.where(free[:, None], wish, z)

    return step


def the_one_that_is_pushed(z, told):
    """Finds the object first; whole numbers in a list."""
    k, m = np.argwhere(told)[0]
    places = [(int(i), int(j)) for i, j in z]
    i, j = places[k][0] + (-1, 0, 1, 0)[m], places[k][1] + (0, -1, 0, 1)[m]
    if 0 <= i <= 4 and 0 <= j <= 4 and (i, j) not in places:
        places[k] = (i, j)
    return [list(place) for place in places]


def as_a_network(z, told):
    """Messages in torch, in single precision: those of others and of oneself, whom an unpushed object does not need."""
    z, told = torch.tensor(z, dtype=torch.float32), torch.tensor(told, dtype=torch.float32)
    wish = z + torch.einsum("km,md->kd", told, torch.tensor(STEPS, dtype=torch.float32))
    messages = torch.relu(1 - (wish[:, None] - z).abs().sum(dim=2)).sum(dim=1)  # 1 if one lies there
    wall = (wish - wish.clamp(0, 4)).abs().sum(dim=1)
    return z + (wish - z) * torch.relu(1 - messages - wall)[:, None]


def on_a_larger_table(z, told):
    """A wall of ones around the table, and the objects are ones too."""
    taken = np.ones((7, 7))
    taken[1:6, 1:6] = 0
    for i, j in z.astype(int):
        taken[i + 1, j + 1] = 1
    for k, m in zip(*told.nonzero(), strict=True):
        i, j = (z[k] + STEPS[m]).astype(int)
        z[k] += STEPS[m] * (1 - taken[i + 1, j + 1])
    return z


@pytest.mark.parametrize("answer", [rules(), the_one_that_is_pushed, as_a_network, on_a_larger_table])
def test_c_accepts(answer):
    assert check.my_step(answer).passed, check.my_step(answer)


def everybody_moves(z, told):
    wish = z + told.sum(axis=0) @ STEPS
    return np.where(((wish >= 0) & (wish < 5)).all(axis=1)[:, None], wish, z)


def pushes_on(z, told):
    """The one that is hit is pushed too."""
    wish = z + told @ STEPS
    hit = (wish[:, None] == z).all(axis=2) & (told.sum(axis=1) > 0)[:, None]
    return np.clip(wish + hit.T @ (told @ STEPS), 0, 4)


def later_ones_only(z, told):
    """A loop over j > k."""
    return rules(ways=lambda wish, z: np.triu((wish[:, None] == z).all(axis=2)))(z, told)


def the_first_other_only(z, told):
    """One message, of the first of the others."""
    wish = z + told @ STEPS
    first = np.array([z[1 if k == 0 and len(z) > 1 else 0] for k in range(len(z))])
    free = ((wish >= 0) & (wish < 5)).all(axis=1) & ~((wish == first).all(axis=1) & (wish != z).any(axis=1))
    return np.where(free[:, None], wish, z)


def mean_of_messages(z, told):
    """In the way is who fills more than a fifth of the messages."""
    wish = z + told @ STEPS
    says = (wish[:, None] == z).all(axis=2).mean(axis=1)
    return np.where((((wish >= 0) & (wish < 5)).all(axis=1) & (says < 0.2))[:, None], wish, z)


def distances(wish, z):
    return np.abs(wish[:, None] - z).sum(axis=2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda z, told: rules()(z, told)[told.any(axis=1)], "has shape (1, 2), expected (3, 2)"),
        (lambda z, told: np.zeros((5, 2)) + rules()(z[:1], told[:1]), "has shape (5, 2), expected (3, 2)"),
        (rules(steps=-STEPS), "up is one row less"),
        (rules(steps=STEPS[:, ::-1]), "up is one row less"),
        (rules(steps=STEPS[[0, 2, 1, 3]]), "object 0 is pushed left"),
        (everybody_moves, "only the one that is pushed moves"),
        (lambda z, told: np.concatenate([rules()(z[:1], told[:1]), z[1:]]), "only the one that is pushed moves"),
        (lambda z, told: z + told @ STEPS, "nothing leaves it"),
        (lambda z, told: (z + told @ STEPS) % 5, "nothing leaves it"),
        (rules(inside=lambda wish: ((wish > 0) & (wish < 5)).all(axis=1)), "the cells at the edge"),
        (rules(inside=lambda wish: ((wish >= 0) & (wish < 4)).all(axis=1)), "the cells at the edge"),
        (lambda z, told: np.clip(z + told @ STEPS, 0, 4), "is in the way"),
        (pushes_on, "is in the way"),
        (later_ones_only, "objects at [[1, 2], [2, 2]], object 1 is pushed up"),
        (later_ones_only, "is in the way"),
        (rules(ways=lambda wish, z: distances(wish, z) <= 1), "in nobody's way"),
        (rules(ways=lambda wish, z: (wish[:, None] == z).any(axis=2)), "in nobody's way"),
        (rules(ways=lambda wish, z: distances(z, z) == 1), "not where the push leads"),
        (the_first_other_only, "in another order"),
        (mean_of_messages, "any order ✓ · any board ✗"),
    ],
)
def test_c_rejects(answer, reason):
    result = check.my_step(answer)
    assert result.solved and not result.passed and reason in repr(result), result
