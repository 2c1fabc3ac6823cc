"""Many networks as one batch, and the statistics of many seeds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from symrl_lite.envs.cartpole import reflection
from symrl_lite.policies import equivariant_mlp, mlp_policy
from symrl_lite.seeds import (
    SeedBatch,
    area_under_curve,
    bootstrap,
    compare,
    count_parameters,
    interquartile_mean,
    steps_to,
)


def build_equivariant():
    return equivariant_mlp(reflection(), channels=(8,))


def build_random():
    return equivariant_mlp(reflection(), channels=(8,), space="random")


def build_plain():
    return mlp_policy(4, 2, (8,))


BUILDERS = [build_equivariant, build_random, build_plain]


@pytest.mark.parametrize("build", BUILDERS)
def test_a_batch_answers_as_its_networks_one_by_one(build):
    batch, x = SeedBatch(build, [3, 5, 8]), torch.randn(3, 6, 4)
    scores, values = batch(x)
    assert scores.shape == (3, 6, 2) and values.shape == (3, 6)
    for s, network in enumerate(batch.networks()):
        alone_scores, alone_values = network(x[s])
        torch.testing.assert_close(scores[s], alone_scores)
        torch.testing.assert_close(values[s], alone_values)


@pytest.mark.parametrize("build", BUILDERS)
def test_a_seed_does_not_depend_on_its_neighbours_nor_on_the_callers_random_numbers(build):
    torch.manual_seed(1)
    together = SeedBatch(build, [3, 5])
    before = torch.get_rng_state()
    alone = SeedBatch(build, [5])
    assert torch.equal(before, torch.get_rng_state())  # nor are those moved on
    x = torch.randn(2, 6, 4)
    torch.testing.assert_close(together(x)[0][1], alone(x[1:])[0][0])
    assert not torch.allclose(together(x[:1].expand(2, -1, -1))[0][0], together(x[:1].expand(2, -1, -1))[0][1])


def test_gradients_are_clipped_for_each_seed():
    batch = SeedBatch(lambda: nn.Linear(3, 1), [0, 1])
    x = torch.stack([torch.full((4, 3), 100.0), torch.full((4, 3), 0.01)])
    batch(x).sum().backward()
    small = {name: p.grad[1].clone() for name, p in batch.parameters.items()}
    batch.clip_gradients(5.0)
    lengths = torch.stack([p.grad.flatten(1).square().sum(1) for p in batch.parameters.values()]).sum(0).sqrt()
    assert lengths[0] == pytest.approx(5.0, rel=1e-4)
    for name, p in batch.parameters.items():
        torch.testing.assert_close(p.grad[1], small[name])  # short enough: left alone


@pytest.mark.parametrize(
    ("build", "seeds", "message"),
    [
        (build_plain, [], "at least one"),
        (build_plain, [2, 2], "each once"),
        (lambda: nn.Linear(int(torch.randint(1, 1000, ())), 2), [0, 1], "has parameters"),
    ],
)
def test_what_can_not_be_stacked_is_refused(build, seeds, message):
    with pytest.raises(ValueError, match=message):
        SeedBatch(build, seeds)


def test_steps_to_a_threshold():
    returns = [[0, 5, 4, 9], [0, 1, 2, 3], [7, 0, 0, 0]]
    assert steps_to([10, 20, 30, 40], returns, 5).tolist() == [20, np.inf, 10]
    assert float(steps_to([10, 20], [1, 5], 5)) == 20


def test_area_is_that_of_trapezoids_on_uneven_steps():
    steps, returns = np.array([0, 1, 4, 6]), np.random.default_rng(0).normal(size=(3, 4))
    expected = [np.trapezoid(r, steps) / 6 for r in returns]
    np.testing.assert_allclose(area_under_curve(steps, returns), expected)
    np.testing.assert_allclose(area_under_curve(steps, np.full((2, 4), 3.0)), [3, 3])


def test_interquartile_mean_cuts_a_quarter_off_each_end():
    values = np.array([100.0, 1, 2, 3, 4, 5, 6, -100])
    assert interquartile_mean(values) == pytest.approx(3.5)
    np.testing.assert_allclose(interquartile_mean(np.stack([values, values + 1])), [3.5, 4.5])


def test_bootstrap_intervals_hold_the_truth_about_as_often_as_they_say():
    draw, inside = np.random.default_rng(2), 0
    for k in range(200):
        a, b = draw.normal(1, 1, size=20), draw.normal(3, 1, size=25)
        found = bootstrap(lambda a, b: b.mean() - a.mean(), a, b, confidence=0.9, resamples=300, seed=k)
        inside += found.low <= 2 <= found.high
    assert 165 <= inside <= 195  # 180 expected; a bootstrap of 20 is a little narrow


def test_bootstrap_resamples_each_sample_on_its_own():
    found = bootstrap(lambda a, b: a.mean() - b.mean(), [1.0] * 5, [2.0] * 9)
    assert (found.value, found.low, found.high) == (-1, -1, -1)


def test_infinite_seeds_make_an_infinite_end_and_not_a_nan():
    found = bootstrap(np.median, [3.0, 4.0, 5.0, np.inf, np.inf])
    assert found.value == 5 and found.low == 3 and found.high == np.inf
    with pytest.raises(ValueError, match="at least 2"):
        bootstrap(np.mean, [1.0])


def test_compare_with_a_method_that_never_gets_there():
    class Run:
        def __init__(self, level):
            self.steps, self.returns = [0, 100, 200], [[0, level, 9 if level else 0]] * 5

    found = compare(Run(9), Run(0), threshold=5)
    assert found.steps == (100, np.inf) and found.ratio.value == np.inf and found.gain.low > 0
    assert "inf" in str(found)


@pytest.mark.parametrize("levels", [(120, 70), (120, 20), (10, 10), (5000, 60), (5000, 5000), (60, 5000)])
def test_compare_makes_its_intervals_from_the_draws_of_bootstrap(levels):
    """Bit for bit, and for seeds that never get there, or are there from the start."""
    draw, runs = np.random.default_rng(sum(levels)), []
    for level, n in zip(levels, (6, 7), strict=True):
        returns = np.cumsum(draw.random((n, 8)) * level, axis=1)
        returns[:, 0] = 500 if level == 5000 else 0
        runs.append(SimpleNamespace(steps=np.arange(8) * 100, returns=returns))

    def one_ratio(a, b):
        above, below = np.median(b), np.median(a)
        if np.isinf(above) and np.isinf(below):
            return 1.0
        return above / below if below else np.inf if above else 1.0

    found = compare(*runs, threshold=300)
    assert found.ratio == bootstrap(one_ratio, *(steps_to(r.steps, r.returns, 300) for r in runs))
    areas = [area_under_curve(r.steps, r.returns) for r in runs]
    assert found.gain == bootstrap(lambda a, b: interquartile_mean(a) - interquartile_mean(b), *areas)


def test_count_parameters_leaves_out_what_is_frozen():
    network = nn.Linear(4, 2)
    network.bias.requires_grad_(False)
    assert count_parameters(network) == 8
