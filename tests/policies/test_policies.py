"""Actor-critics from a symmetry: equivariant scores, invariant values, the paper's sizes, honest controls."""

import numpy as np
import pytest
import torch

from symrl_lite.envs.cartpole import reflection
from symrl_lite.envs.pong import Pongs, flip
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.equivariance import equivariance_error
from symrl_lite.groups import dihedral, permutation, rotation_2d
from symrl_lite.layers import BasisConv2d, GroupConv2d, LiftingConv2d
from symrl_lite.policies import ActorCritic, OnTable, cnn_policy, equivariant_cnn, equivariant_mlp, mlp_policy
from symrl_lite.seeds import SeedBatch, count_parameters
from symrl_lite.symmetry import Symmetry

CHASE = PredatorPrey()
# No sum in these networks has more than 1300 terms, and rounding grows with the root of their number: for numbers of
# size 1 about 36 units in the last place, of which four layers may add up.
ROUNDING = 4 * 1300**0.5 * float(np.finfo(np.float32).eps)
PONG = {"shape": (2, 11, 11), "units": (8, 16, 64), "kernels": (3, 3), "pooling": "none"}


def triangle():
    """D3, not abelian: turns and flips of the plane (twice over), and three actions at its corners."""
    group = dihedral(3)
    corners = np.stack([np.cos(2 * np.pi * np.arange(3) / 3), np.sin(2 * np.pi * np.arange(3) / 3)])
    plane = rotation_2d(group)
    images = [[int(np.argmax(corners.T @ (plane(g) @ corners[:, a]))) for a in range(3)] for g in group]
    return Symmetry(group, plane + plane, permutation(group, images), "triangle")


def pong_frames():
    courts = Pongs(40, size=11)
    seen, _ = courts.reset(seed=0)
    draw = np.random.default_rng(0)
    for _ in range(6):
        seen, *_ = courts.step(draw.integers(0, 3, 40))
    return seen


CASES = {
    "cart pole": (lambda **k: equivariant_mlp(reflection(), (16, 16), **k), reflection(), "normal"),
    "triangle": (lambda **k: equivariant_mlp(triangle(), (6, 6), **k), triangle(), "normal"),
    "chase C4": (lambda **k: equivariant_cnn(CHASE.rotations(), **k), CHASE.rotations(), "chase"),
    "chase D4": (lambda **k: equivariant_cnn(CHASE.symmetries(), **k), CHASE.symmetries(), "chase"),
    "pong": (lambda **k: equivariant_cnn(flip(), **PONG, **k), flip(), "pong"),
}


def states_of(kind):
    if kind == "normal":
        return np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    return CHASE.images()[::3] if kind == "chase" else pong_frames()


def scores(network, part=0):
    def f(x):
        with torch.no_grad():
            return network(torch.as_tensor(np.ascontiguousarray(x), dtype=torch.float32))[part].numpy()

    return f


OTHERS = {
    "cart pole, separate": (lambda: equivariant_mlp(reflection(), (8, 8), separate=True), reflection(), "normal"),
    "chase, mean": (lambda: equivariant_cnn(CHASE.rotations(), pooling="mean"), CHASE.rotations(), "chase"),
    "triangle, separate": (lambda: equivariant_mlp(triangle(), (6, 6), separate=True), triangle(), "normal"),
}


@pytest.mark.parametrize("name", CASES | OTHERS)
def test_scores_are_equivariant_and_values_invariant_for_any_parameters(name):
    build, symmetry, kind = (CASES | OTHERS)[name]
    network, x = build(), states_of(kind)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    size = max(1.0, float(np.abs(scores(network)(x)).max()))
    group = symmetry.group
    error = equivariance_error(scores(network), x, symmetry.on_states, symmetry.on_actions, group)
    assert error.max() < ROUNDING * size
    values = scores(network, 1)
    size = max(1.0, float(np.abs(values(x)).max()))
    assert equivariance_error(values, x, symmetry.on_states, lambda g, v: v, group).max() < ROUNDING * size
    assert np.ptp(values(x)) > 1e-3  # and not constant


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("space", ["nullspace", "random"])
def test_the_controls_obey_nothing(name, space):
    build, symmetry, kind = CASES[name]
    network, x = build(space=space, actor_gain=1.0), states_of(kind)
    f = scores(network)
    assert equivariance_error(f, x, symmetry.on_states, symmetry.on_actions, symmetry.group).max() > 1e-3


def test_sizes_are_those_of_the_paper():
    counts = [count_parameters(equivariant_mlp(reflection(), space=s)) for s in ("equivariant", "nullspace", "random")]
    assert counts == [8770, 8769, 17539]
    assert [count_parameters(mlp_policy(4, 2, u)) for u in ((64, 128), (128, 128))] == [9027, 17539]
    turns = CHASE.rotations()
    counts = [count_parameters(equivariant_cnn(turns, space=s)) for s in ("equivariant", "nullspace", "random")]
    assert counts == [31395, 94179, 125574]
    assert count_parameters(cnn_policy(5)) == 33606


@pytest.mark.parametrize("space", ["equivariant", "nullspace", "random"])
def test_all_spaces_start_with_weights_of_one_size(space):
    torch.manual_seed(0)
    network = equivariant_mlp(reflection(), (256, 256), space=space, actor_gain=1.0)
    hidden = network.body[3].weight().detach()
    assert float((hidden**2).mean()) == pytest.approx(2 / (512 + 512), rel=0.05)
    assert all(float(layer.bias.detach().abs().max()) == 0 for layer in (network.body[1], network.body[3]))


@pytest.mark.parametrize("symmetry", [reflection(), triangle()], ids=["cart pole", "triangle"])
def test_separate_networks_start_orthogonal_and_obey(symmetry):
    """W Wᵀ or Wᵀ W is 2 times the identity (of what the symmetry can reach), the last layer's gain² times."""
    torch.manual_seed(0)
    network = equivariant_mlp(symmetry, (5, 5), actor_gain=0.1, separate=True)
    assert isinstance(network.body, torch.nn.Module) and not list(network.body.parameters())
    for head, gain in ((network.actor, 0.1), (network.critic, 1.0)):
        first, tanh, second, _, last = head
        assert isinstance(tanh, torch.nn.Tanh)
        for layer, size in ((first, 2**0.5), (second, 2**0.5), (last, gain)):
            values = torch.linalg.svdvals(layer.weight().detach().double())
            used = values[values > 1e-3 * values[0]]
            assert torch.allclose(used, torch.full_like(used, size), rtol=1e-5)
            assert layer is not second or len(used) == 5 * symmetry.group.order  # square, and of full rank
    first = equivariant_mlp(symmetry, (5, 5), separate=True)
    assert not torch.equal(first.actor[0].coefficients, network.actor[0].coefficients)


def test_separate_networks_of_the_size_of_the_plain_ones_and_no_controls():
    assert count_parameters(equivariant_mlp(reflection(), (46, 46), separate=True)) == 9156
    assert count_parameters(mlp_policy(4, 2, (64, 64), separate=True)) == 9155
    with pytest.raises(ValueError, match="space is 'nullspace', expected \"equivariant\""):
        equivariant_mlp(reflection(), space="nullspace", separate=True)


def test_biases_can_start_as_in_the_papers_code():
    torch.manual_seed(0)
    network = equivariant_mlp(reflection(), bias_std=1.0)
    assert float(network.body[3].bias.detach().std()) == pytest.approx(1.0, rel=0.3)


def test_an_untrained_policy_is_nearly_uniform():
    for network, x in ((mlp_policy(4, 2), np.ones(4)), (equivariant_mlp(reflection()), np.ones(4))):
        assert np.abs(network.probabilities(x.astype(np.float32)) - 0.5).max() < 0.05


@pytest.mark.parametrize("lifting", [True, False])
@pytest.mark.parametrize("group", [CHASE.rotations().group, CHASE.symmetries().group, flip().group])
def test_basis_convolutions_are_the_group_convolutions_of_chapter_4(group, lifting):
    """They take any filter of LiftingConv2d and GroupConv2d: the spaces have one dimension, and the maps agree."""
    mine = BasisConv2d(group, 2, 3, kernel_size=3, lifting=lifting)
    theirs = (LiftingConv2d if lifting else GroupConv2d)(group, 2, 3, kernel_size=3)
    assert count_parameters(mine) == count_parameters(theirs)
    x = torch.randn(5, 2, 7, 7) if lifting else torch.randn(5, 2, group.order, 7, 7)
    assert mine(x).shape == theirs(x).shape
    # Fit my coefficients to their output: linear least squares has no residual.
    target = (theirs(x) - theirs(0 * x)).detach()
    columns = []
    with torch.no_grad():
        mine.filters.bias.zero_()
        flat = mine.filters.coefficients.view(-1)
        for i in range(len(flat)):
            flat.zero_()
            flat[i] = 1
            columns.append(mine(x).flatten())
    A = torch.stack(columns, dim=1).double()
    best = torch.linalg.lstsq(A, target.double().flatten()[:, None], driver="gelsd")
    residual = (A @ best.solution - target.double().flatten()[:, None]).abs().max()
    assert float(residual) < ROUNDING * max(1, float(target.abs().max()))


def test_on_table_is_the_network_on_the_images():
    images = CHASE.images()
    batch = SeedBatch(lambda: OnTable(equivariant_cnn(CHASE.rotations()), images), [0, 1])
    states = torch.tensor([[3, 48, 3, 11], [0, 7, 9, 2]])
    for answer in (batch, batch.frozen()):
        got, values = answer(states)
        for s, network in enumerate(batch.networks()):
            expected, value = network.network(torch.as_tensor(images)[states[s]])
            torch.testing.assert_close(got[s], expected, atol=ROUNDING, rtol=ROUNDING)
            torch.testing.assert_close(values[s], value, atol=ROUNDING, rtol=ROUNDING)


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="on_states"):
        equivariant_mlp(CHASE.rotations())
    with pytest.raises(ValueError, match="pooling"):
        cnn_policy(5, pooling="sum")
    with pytest.raises(ValueError, match="square"):
        cnn_policy(5, shape=(1, 21, 20))
    with pytest.raises(ValueError, match="too small"):
        cnn_policy(5, shape=(1, 9, 9))
    with pytest.raises(ValueError, match="leave 1 rows over"):
        equivariant_cnn(CHASE.rotations(), shape=(1, 20, 20))(torch.zeros(1, 1, 20, 20))


def test_separate_networks_do_not_touch_each_other():
    network, x = mlp_policy(4, 2, (8,), separate=True), torch.randn(5, 4)
    scores, values = network(x)
    assert scores.shape == (5, 2) and values.shape == (5,)
    values.sum().backward()
    assert all(p.grad is None for p in network.actor.parameters())
    assert all(p.grad is not None for p in network.critic.parameters())
    assert np.abs(network.probabilities(np.ones(4, dtype=np.float32)) - 0.5).max() < 0.05


POLICIES = {
    "mlp": (lambda: mlp_policy(4, 2), (4,), 2),
    "separate": (lambda: mlp_policy(4, 2, (8,), separate=True), (4,), 2),
    "cart pole": (lambda: equivariant_mlp(reflection(), (8,)), (4,), 2),
    "pictures": (lambda: cnn_policy(5), (1, 21, 21), 5),
    "chase": (lambda: equivariant_cnn(CHASE.rotations()), (1, 21, 21), 5),
    "pong": (lambda: equivariant_cnn(flip(), **PONG), (2, 11, 11), 3),
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("mode", [True, False])
def test_one_state_a_batch_and_an_empty_batch(name, mode):
    build, shape, actions = POLICIES[name]
    network = build().train(mode)
    x = np.random.default_rng(0).random((10, *shape))
    one, several, none = (network.probabilities(states) for states in (x[0], x, x[:0]))
    assert one.shape == (actions,) and several.shape == (10, actions) and none.shape == (0, actions)
    np.testing.assert_allclose(several.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(several[0], one, atol=1e-5)
    for same in (torch.as_tensor(x), x.astype(np.float32), x.tolist()):
        np.testing.assert_allclose(network.probabilities(same), several, atol=1e-5)
    with torch.no_grad():
        for n in (10, 1, 0):
            scores, values = network(torch.as_tensor(x[:n]))
            assert scores.shape == (n, actions) and values.shape == (n,)
    whole = (x * 3).astype(np.uint8)
    np.testing.assert_allclose(network.probabilities(whole), network.probabilities(whole.astype(float)), atol=1e-6)
    for wrong in (x[None], x[0][..., :-1] if len(shape) == 1 else x[0, 0], np.zeros(())):
        with pytest.raises(ValueError, match="expected a state, or"):
            network.probabilities(wrong)
    with pytest.raises(ValueError, match=r"expected \(batch, "):
        network(torch.as_tensor(x[0]))
    double = network.double().probabilities(x)
    assert double.dtype == np.float64 and np.allclose(double, several, atol=1e-4)


def test_a_network_that_does_not_know_its_states():
    known = mlp_policy(4, 2, (8,))
    plain = ActorCritic(known.body, known.actor, known.critic)
    np.testing.assert_allclose(plain.probabilities(np.ones(4)), known.probabilities(np.ones(4)), atol=1e-6)
    with pytest.raises(ValueError, match=r"scores of 1 states and 10 values.*state_shape"):
        plain.probabilities(np.ones((10, 4)))


@pytest.mark.parametrize("name", POLICIES)
def test_policies_with_double_as_the_default(name):
    torch.set_default_dtype(torch.float64)
    try:
        build, shape, actions = POLICIES[name]
        network = build()
        assert network.probabilities(np.zeros((3, *shape), dtype=np.float32)).dtype == np.float64
        assert network(torch.zeros(2, *shape, dtype=torch.uint8))[0].shape == (2, actions)
    finally:
        torch.set_default_dtype(torch.float32)


def test_numbers_of_states_do_not_wrap_round():
    table = OnTable(cnn_policy(5), CHASE.images())
    with torch.no_grad():
        assert table(torch.tensor([3, 48]))[0].shape == (2, 5) and table(torch.tensor(3))[0].shape == (5,)
        assert table(torch.zeros(0, dtype=torch.int64))[0].shape == (0, 5)
        for wrong in (-1, len(CHASE.images())):
            with pytest.raises(IndexError):
                table(torch.tensor([0, wrong]))
        for dtype in (torch.uint8, torch.bool, torch.float32):
            with pytest.raises(TypeError, match="expected whole numbers"):
                table(torch.ones(2).to(dtype))
