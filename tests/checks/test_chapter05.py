"""The checks of chapter 5 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from symrl_lite.checks import chapter05 as check
from symrl_lite.ppo import advantages_and_targets, clipped_objective
from symrl_lite.symmetry import augment

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "05_homomorphic_networks.ipynb"


def cell(name):
    """The code of a cell of the chapter."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "".join(next(c["source"] for c in cells if c["id"] == name))


# --- the chapter's own cells notice what they are there to notice


def run_loss_cell(objective=clipped_objective, advantages=advantages_and_targets):
    exec(cell("ppo-check"), {"torch": torch, "clipped_objective": objective, "advantages_and_targets": advantages})


def test_the_loss_cell_passes(capsys):
    run_loss_cell()
    assert capsys.readouterr().out.count("slope in u") == 2


@pytest.mark.parametrize(
    "objective",
    [
        lambda u, A, clip: u * A,
        lambda u, A, clip: u.clamp(1 - clip, 1 + clip) * A,
        lambda u, A, clip: torch.maximum(u * A, u.clamp(1 - clip, 1 + clip) * A),
        lambda u, A, clip: clipped_objective(u, A, 2 * clip),
        lambda u, A, clip: -clipped_objective(u, A, clip),
    ],
    ids=["no clip", "no minimum", "maximum", "another clip", "sign"],
)
def test_the_loss_cell_notices_another_loss(objective):
    with pytest.raises(AssertionError):
        run_loss_cell(objective)


def test_the_loss_cell_notices_other_advantages():
    def without_lambda(rewards, values, terminated, ended, discount, gae_lambda):
        return advantages_and_targets(rewards, values, terminated, ended, discount, 1.0)

    with pytest.raises(AssertionError):
        run_loss_cell(advantages=without_lambda)


# --- Exercise A


def by_the_book(states, actions, advantages, symmetry, values=None):
    G, ones = symmetry.group, np.eye(symmetry.on_actions.dimension)[actions]
    moved = [symmetry.act_on_state(g, states) for g in G]
    chosen = [symmetry.act_on_action_values(g, ones).argmax(axis=-1) for g in G]
    return np.concatenate(moved), np.concatenate(chosen), np.concatenate([advantages] * len(G))


def by_the_package(states, actions, advantages, symmetry):
    more = augment({"states": states, "actions": actions, "advantages": advantages}, symmetry)
    return more["states"], more["actions"], more["advantages"]


def in_a_loop_with_lists(states, actions, advantages, symmetry):
    rows = []
    for g in symmetry.group:
        for s, a, A in zip(states, actions, advantages, strict=True):
            column = symmetry.on_actions(g)[:, a]
            rows.append((list(symmetry.on_states(g) @ s), float(next(i for i, x in enumerate(column) if x)), A))
    return [list(part) for part in zip(*rows, strict=True)]


@pytest.mark.parametrize("answer", [by_the_book, by_the_package, in_a_loop_with_lists])
def test_a_accepts(answer):
    assert check.mirrored(answer).passed, check.mirrored(answer)


def actions_left_alone(states, actions, advantages, symmetry):
    moved, _, more = by_the_book(states, actions, advantages, symmetry)
    return moved, np.tile(actions, len(symmetry.group)), more


def inverse_on_actions(states, actions, advantages, symmetry):
    moved, _, more = by_the_book(states, actions, advantages, symmetry)
    found = [symmetry.on_actions(g).argmax(axis=1)[actions] for g in symmetry.group]
    return moved, np.concatenate(found), more


def advantages_change_sign(states, actions, advantages, symmetry):
    moved, chosen, _ = by_the_book(states, actions, advantages, symmetry)
    return moved, chosen, np.concatenate([advantages, *[-advantages] * (len(symmetry.group) - 1)])


def the_mirror_only(states, actions, advantages, symmetry):
    return np.concatenate([states, -states]), np.concatenate([actions, 1 - actions]), np.tile(advantages, 2)


def rows_interleaved(states, actions, advantages, symmetry):
    n, k = len(states), len(symmetry.group)
    order = np.arange(n * k).reshape(k, n).T.ravel()
    return [part[order] for part in by_the_book(states, actions, advantages, symmetry)]


def in_place(states, actions, advantages, symmetry):
    made = by_the_book(states, actions, advantages, symmetry)
    states *= -1
    return made


def without_the_identity(states, actions, advantages, symmetry):
    return [part[len(states) :] for part in by_the_book(states, actions, advantages, symmetry)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (actions_left_alone, "the actions have to move with the states"),
        (inverse_on_actions, "where the inverse of g takes it"),
        (advantages_change_sign, "its advantage keeps its sign"),
        (the_mirror_only, "states has shape"),
        (rows_interleaved, "The blocks come in the order"),
        (in_place, "work on a copy"),
        (without_the_identity, "states has shape (5, 4), expected (10, 4)"),
        (lambda *_: 3, "expected three arrays"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.mirrored(answer)
    assert not result.passed and reason in repr(result), result


# --- Exercise B


def ratio_and_interval(fast, slow, share=0.05, draws=2000, medians=np.median, seed=0):
    fast, slow = np.asarray(fast, dtype=float), np.asarray(slow, dtype=float)
    if np.isinf(np.median(fast)):
        return None
    draw, ratios = np.random.default_rng(seed), []
    for _ in range(draws):
        a = medians(draw.choice(fast, len(fast)))
        b = medians(draw.choice(slow, len(slow)))
        ratios.append(b / a if np.isfinite(a) and np.isfinite(b) else np.inf)
    ratios.sort()
    cut = round(share * draws)
    return medians(slow) / medians(fast), ratios[cut], ratios[draws - 1 - cut]


@pytest.mark.parametrize(
    "answer",
    [
        ratio_and_interval,
        lambda f, s: ratio_and_interval(f, s, seed=77),
        lambda f, s: None if (r := ratio_and_interval(f, s, draws=4000)) is None else np.array(r),
    ],
)
def test_b_accepts(answer):
    assert check.speed_up(answer).passed, check.speed_up(answer)


def drop_the_infinite(fast, slow):
    return ratio_and_interval(fast[np.isfinite(fast)], slow[np.isfinite(slow)])


def ratio_of_means(fast, slow):
    return ratio_and_interval(fast, slow, medians=np.mean)


def upside_down(fast, slow):
    return ratio_and_interval(slow, fast)


def normal_theory(fast, slow):
    if np.isinf(np.median(fast)):
        return None
    ratio = np.median(slow) / np.median(fast)
    width = 0.1 * ratio if np.ptp(fast) else 0.0
    return ratio, ratio - width, ratio + width


def ends_swapped(fast, slow):
    found = ratio_and_interval(fast, slow)
    return None if found is None else (found[0], found[2], found[1])


def drawn_short(fast, slow):
    """Draws of the shorter length from both."""
    if np.isinf(np.median(fast)):
        return None
    n, draw = min(len(fast), len(slow)), np.random.default_rng(0)
    a, b = (np.median(draw.choice(x, (2000, n)), axis=1) for x in (fast, slow))
    neither = np.isinf(a) & np.isinf(b)
    ratios = np.sort(np.divide(b, a, out=np.ones(2000), where=~neither))
    return np.median(slow) / np.median(fast), ratios[100], ratios[1899]


def the_same_places(fast, slow):
    """One generator for each array, with one seed: equal lengths are drawn in pairs."""
    if np.isinf(np.median(fast)):
        return None
    a, b = (np.median(np.random.default_rng(0).choice(x, (2000, len(x))), axis=1) for x in (fast, slow))
    neither = np.isinf(a) & np.isinf(b)
    ratios = np.sort(np.divide(b, a, out=np.ones(2000), where=~neither))
    return np.median(slow) / np.median(fast), ratios[100], ratios[1899]


def too_wide(fast, slow):
    return ratio_and_interval(fast, slow, share=0.001)


def no_refusal(fast, slow):
    return ratio_and_interval(np.where(np.isinf(fast), 1e9, fast), slow)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drop_the_infinite, "Do not leave out seeds that never got there"),
        (ratio_of_means, "that is the ratio of the means"),
        (upside_down, "it is slow over fast"),
        (normal_theory, "Draw both arrays anew with repetition"),
        (ends_swapped, "the ends are in the wrong order"),
        (too_wide, "too wide"),
        (lambda f, s: ratio_and_interval(f, s, share=0.025), "cut off 5 %"),
        (lambda f, s: ratio_and_interval(f, s, share=0.1), "too narrow"),
        (lambda f, s: ratio_and_interval(f[: len(s)], s[: len(f)]), "each of its own length"),
        (drawn_short, "each of its own length"),
        (the_same_places, "the same places were drawn from both arrays"),
        (no_refusal, "there is no ratio, return None"),
        (lambda f, s: (1.0, 2.0), "expected three numbers"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.speed_up(answer)
    assert not result.passed and reason in repr(result), result


# --- Exercise C


class Averaged(torch.nn.Module):
    """Σ_g K_g⁻¹ f(L_g x) / |G|, with switches that break it."""

    def __init__(self, plain, symmetry, inverse=True, move_back=True, grad=True, values=True):
        super().__init__()
        self.plain, self.symmetry = plain, symmetry
        self.inverse, self.move_back, self.grad, self.values = inverse, move_back, grad, values

    def forward(self, x):
        G, scores, values = self.symmetry.group, [], []
        for g in G:
            L = torch.tensor(self.symmetry.on_states(g), dtype=x.dtype)
            h = G.inverse(g) if self.inverse else g
            K = torch.tensor(self.symmetry.on_actions(h), dtype=x.dtype) if self.move_back else 1
            score, value = self.plain(x @ L.T)
            scores.append(score @ K.T if self.move_back else score)
            values.append(value)
        mean = torch.stack(scores).mean(0) if self.grad else torch.stack(scores).mean(0).detach()
        return mean, torch.stack(values).mean(0) if self.values else values[0]


class OtherWayRound(torch.nn.Module):
    """The same average, over g⁻¹ in place of g, all copies in one batch; a sum in place of a mean."""

    def __init__(self, plain, symmetry):
        super().__init__()
        self.plain = plain
        G = symmetry.group
        self.L = torch.tensor(np.stack([symmetry.on_states(G.inverse(g)) for g in G]), dtype=torch.float32)
        self.K = torch.tensor(np.stack([symmetry.on_actions(g) for g in G]), dtype=torch.float32)

    def forward(self, x):
        moved = torch.einsum("gij,bj->gbi", self.L, x)
        scores, values = self.plain(moved.flatten(0, 1))
        scores = torch.einsum("gij,gbj->bi", self.K, scores.unflatten(0, moved.shape[:2]))
        return scores, values.unflatten(0, moved.shape[:2]).amax(0)


@pytest.mark.parametrize("answer", [Averaged, OtherWayRound])
def test_c_accepts(answer):
    assert check.symmetric_policy(answer).passed, check.symmetric_policy(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda p, s: Averaged(p, s, inverse=False), "which of L and K gets the inverse"),
        (lambda p, s: Averaged(p, s, move_back=False), "they are invariant"),
        (lambda p, s: Averaged(p, s, values=False), "the values change"),
        (lambda p, s: Averaged(copy.deepcopy(p), s), "without a copy"),
        (lambda p, s: Averaged(p, s, grad=False), "no gradient reaches"),
        (lambda p, s: p, "scores differ from K_g"),
        (lambda p, s: lambda x: p(x), "expected a torch module"),
    ],
)
def test_c_rejects(answer, reason):
    result = check.symmetric_policy(answer)
    assert not result.passed and reason in repr(result), result


class Constant(torch.nn.Module):
    def __init__(self, plain, symmetry):
        super().__init__()
        self.plain, self.n = plain, symmetry.on_actions.dimension

    def forward(self, x):
        return torch.zeros(len(x), self.n) + 0 * self.plain(x)[0], 0 * self.plain(x)[1]


def test_c_rejects_what_never_prefers_an_action():
    assert "never prefers an action" in repr(check.symmetric_policy(Constant))
