"""Cloning: a seed does the same alone as among others, views and contrast do what they say, refusals."""

import numpy as np
import pytest
import torch
from torch import nn

from symrl_lite.envs import catch
from symrl_lite.equivariance import equivariance_error
from symrl_lite.policies import cnn_policy, equivariant_cnn, mlp_policy
from symrl_lite.seeds import count_parameters
from symrl_lite.views import NETWORK, CloneSettings, flip, random_crop, train_clones

SHORT = CloneSettings(updates=12, batch_size=8)
SEEN, DONE = catch.demonstrations(8, seed=1)


def crop(pictures, actions, random):
    return random_crop(pictures, 2, random), actions


def both(pictures, actions, random):
    return crop(*flip(pictures, actions, [2, 1, 0], random), random)


def trained(seeds, settings=SHORT, **more):
    given = more.pop("data", (SEEN, DONE))
    return train_clones(*given, seeds, settings, progress=False, **more)


def gap(one, other):
    return max(float((p - q).detach().abs().max()) for p, q in zip(one.parameters(), other.parameters(), strict=True))


def equivariant():
    return equivariant_cnn(catch.flip(), (2, 16, 16), **NETWORK)


@pytest.mark.parametrize(
    "more", [{}, {"view": both}, {"view": crop, "contrast": crop}, {"build_network": equivariant, "contrast": crop}]
)
def test_a_seed_among_others_is_the_seed_alone_up_to_rounding(more):
    several, (alone,) = trained([3, 5, 9], **more), trained([5], **more)
    assert gap(several[1], alone) < 1e-4 < 1e-2 < gap(several[0], alone)


def test_each_seed_may_have_data_of_its_own():
    sets = [catch.demonstrations(8, seed=s) for s in (1, 2)]
    data = tuple(np.stack(part) for part in zip(*sets, strict=True))
    several = trained([3, 5], data=data)
    assert gap(several[1], trained([5], data=sets[1])[0]) < 1e-4 < gap(several[1], trained([5])[0])


def test_it_learns_what_was_done():
    """Of pictures without noise, from a camera that stands still."""
    states = np.array([[r, c, 0, p, 2, 2] for r in range(10) for c in range(12) for p in range(12)])
    seen, done = catch.pictures(states), catch.expert(states)
    (network,) = trained([0], CloneSettings(updates=200, learning_rate=0.003), data=(seen, done))
    assert (network.probabilities(seen).argmax(axis=1) == done).mean() > 0.9


def test_the_same_minibatches_with_and_without_contrast():
    """With the weight 0 nothing of the contrastive loss is left in the policy."""
    plain, beside = trained([4]), trained([4], CloneSettings(12, 8, contrast_weight=0.0), contrast=crop)
    assert gap(plain[0], beside[0]) < 1e-4
    assert gap(plain[0], trained([4], contrast=crop)[0]) > 1e-2


def test_contrast_tells_pictures_apart():
    """After it, the features of one view find those of another view of the same picture."""

    def share_found(network):
        codes = []
        for s in (0, 1):
            seen = torch.from_numpy(random_crop(SEEN[::3], 1, np.random.default_rng(s)))
            code = network.body(seen).flatten(1).detach()
            codes.append(code - code.mean(dim=0))
        similar = nn.functional.normalize(codes[0]) @ nn.functional.normalize(codes[1]).T
        return float((similar.argmax(dim=1) == torch.arange(len(similar))).float().mean())

    settings = CloneSettings(updates=300, contrast_weight=5.0)
    with_it, without = trained([0], settings, contrast=crop), trained([0], settings)
    assert share_found(with_it[0]) > share_found(without[0]) + 0.1


def test_the_equivariant_network_obeys_before_and_after():
    (network,) = trained([0], build_network=equivariant)
    flips = catch.flip()
    error = equivariance_error(lambda x: network(x)[0], torch.from_numpy(SEEN), flips.on_states, flips.on_actions)
    (plain,) = trained([0])
    assert error.max() < 1e-5
    wrong = equivariance_error(lambda x: plain(x)[0], torch.from_numpy(SEEN), flips.on_states, flips.on_actions)
    assert wrong.max() > 1e-3
    ratio = count_parameters(network) / count_parameters(plain)
    assert 0.8 < ratio < 1.2


def test_networks_are_those_that_were_built_and_are_told_on_the_way():
    told = []
    made = trained(
        [0, 1],
        build_network=lambda: nn.Sequential(nn.Flatten(), nn.Linear(512, 3)),
        every=6,
        after=lambda update, networks: told.append((update, len(networks), type(networks[0]))),
    )
    assert told == [(0, 2, nn.Sequential), (6, 2, nn.Sequential), (12, 2, nn.Sequential)]
    assert made[0](torch.zeros(4, 2, 16, 16)).shape == (4, 3)


def test_a_view_is_given_pictures_and_actions_and_both_are_used():
    def nonsense(pictures, actions, random):
        assert pictures.shape == (8, 2, 16, 16) and actions.shape == (8,)
        assert isinstance(random, np.random.Generator)
        return np.ones_like(pictures), np.full_like(actions, 2)

    (network,) = trained([0], CloneSettings(60, 8, 0.01), view=nonsense)
    assert network.probabilities(np.ones((2, 16, 16)))[2] > 0.9


def test_a_view_that_writes_into_what_it_gets_changes_nothing_else():
    def writes(pictures, actions, random):
        shifted, taken = random_crop(pictures, 2, random), actions.copy()
        pictures[:], actions[:] = 0, 0
        return shifted, taken

    seen = SEEN.copy()
    (written,) = trained([0], data=(seen, DONE), view=writes, contrast=writes)
    assert np.array_equal(seen, SEEN) and gap(written, trained([0], view=crop, contrast=crop)[0]) < 1e-6


def test_a_larger_picture_needs_a_network_for_it():
    def larger(pictures, actions, random):
        return np.pad(pictures, [(0, 0), (0, 0), (1, 1), (1, 1)]), actions

    with pytest.raises(ValueError, match=r"\(8, 2, 18, 18\) .* give build_network"):
        trained([0], view=larger)
    sizes = NETWORK | {"kernels": (4, 2)}
    assert trained([0], view=larger, build_network=lambda: cnn_policy(3, (2, 18, 18), **sizes))


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"data": (SEEN, DONE[:-1])}, ValueError, r"pictures have shape \(88, .* and actions \(87,\)"),
        ({"data": (SEEN[None], DONE[None])}, ValueError, "1 sets of pictures and 2 seeds"),
        ({"data": (SEEN[:0], DONE[:0])}, ValueError, "expected at least one"),
        ({"data": (np.where(SEEN > 0.99, np.nan, SEEN), DONE)}, ValueError, "not finite"),
        ({"data": (SEEN, DONE - 1)}, ValueError, "actions hold -1"),
        ({"data": (SEEN, DONE + 0.5)}, ValueError, "expected whole numbers"),
        ({"n_actions": 2}, ValueError, "actions hold 2, expected whole numbers from 0 to 1"),
        ({"view": lambda x, a, r: x}, TypeError, "view returns ndarray"),
        ({"view": lambda x, a, r: (x[1:], a[1:])}, ValueError, "view makes pictures"),
        ({"view": lambda x, a, r: (x, a + 9)}, ValueError, "actions of view hold"),
        ({"contrast": lambda x, a, r: (x[:, :1], a)}, ValueError, "contrast makes pictures"),
        ({"build_network": lambda: mlp_policy(512, 2)}, ValueError, "512"),
        ({"build_network": lambda: cnn_policy(2, (2, 16, 16), **NETWORK)}, ValueError, "gives 2 scores, expected 3"),
        (
            {"build_network": lambda: nn.Sequential(nn.Flatten(), nn.Linear(512, 3)), "contrast": crop},
            TypeError,
            "the network is Sequential, expected an ActorCritic",
        ),
    ],
)
def test_refusals(more, error, message):
    with pytest.raises(error, match=message):
        trained([0, 1], **more)
