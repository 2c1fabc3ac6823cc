"""Networks of many seeds by one product for each layer: the same as vmap, and vmap where a module is not known."""

import pytest
import torch
from torch import nn

from symrl_lite.envs.cartpole import reflection
from symrl_lite.groups import Representation, cyclic, dihedral, permutation, regular, rotation_2d, trivial
from symrl_lite.layers import EquivariantLinear
from symrl_lite.policies import ActorCritic, equivariant_mlp, mlp_policy
from symrl_lite.policies.parts import Copies, Pool, Scale
from symrl_lite.seeds import SeedBatch
from symrl_lite.symmetry import Symmetry

SEEDS = [3, 5, 8]


def turned_plane(group):
    """C4 or D3 on vectors of the plane, twice over, and on actions as on its own elements: g ≠ g⁻¹, or not abelian."""
    plane = rotation_2d(group)
    actions = permutation(group, [[group.multiply(g, a) for a in group] for g in group])
    return Symmetry(group, plane + plane, actions, "turned plane")


def policy(body, width=3):
    return ActorCritic(body, nn.Linear(width, 2), nn.Linear(width, 1), (4,))


def tied():
    layer = nn.Linear(4, 4)
    return policy(nn.Sequential(layer, nn.Tanh(), layer), 4)


def without_bias():
    group = dihedral(3)
    layers = [EquivariantLinear(regular(group), out, 1, 1, bias=False) for out in (regular(group), trivial(group))]
    return ActorCritic(nn.Sequential(Copies(), nn.ReLU()), *layers)


def signed():
    """Entries that are equal, opposite, and 0: from (trivial, sign) to (sign, trivial, regular)."""
    sign, one = Representation(cyclic(2), [[[1]], [[-1]]]), trivial(cyclic(2))
    layers = [EquivariantLinear(one + sign, sign + one + regular(cyclic(2)), 1, c) for c in (2, 1)]
    assert len(layers[0].places) and not bool(layers[0].weight().all())
    return ActorCritic(Copies(), layers[0], EquivariantLinear(one + sign, one, 1, 1))


POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Softplus, nn.Identity)
KNOWN = {
    "linear": (lambda: policy(nn.Linear(4, 3)), (4,)),
    "no bias": (lambda: policy(nn.Linear(4, 3, bias=False)), (4,)),
    "one layer twice": (tied, (4,)),
    "scale": (lambda: policy(nn.Sequential(Scale(0.5), nn.Linear(4, 3))), (4,)),
    "mlp": (lambda: mlp_policy(4, 2, (8, 8)), (4,)),
    "separate": (lambda: mlp_policy(4, 2, (8, 8), separate=True), (4,)),
    "one unit": (lambda: mlp_policy(4, 2, (1,)), (4,)),
    "double": (lambda: mlp_policy(4, 2, (8,)).double(), (4,)),
    "mirror": (lambda: equivariant_mlp(reflection(), (6, 5), bias_std=0.5), (4,)),
    "mirror, separate": (lambda: equivariant_mlp(reflection(), (6, 5), separate=True), (4,)),
    "null space": (lambda: equivariant_mlp(reflection(), (6, 5), "nullspace", bias_std=0.5), (4,)),
    "random": (lambda: equivariant_mlp(reflection(), (6, 5), "random", bias_std=0.5), (4,)),  # a basis for each seed
    "C4": (lambda: equivariant_mlp(turned_plane(cyclic(4)), (3, 4), bias_std=0.5), (4,)),
    "D3": (lambda: equivariant_mlp(turned_plane(dihedral(3)), (3, 4), bias_std=0.5), (4,)),
    "equivariant, no bias": (without_bias, (6,)),
    "signs and zeros": (signed, (2,)),
    "pool": (lambda: ActorCritic(Pool("max", -3), nn.Linear(3, 2), nn.Linear(3, 1)), (3, 2, 2)),
    "places": (lambda: ActorCritic(Pool("none", -3), nn.Linear(12, 2), nn.Linear(12, 1)), (3, 2, 2)),
    **{k.__name__: (lambda k=k: policy(nn.Sequential(nn.Linear(4, 3), k())), (4,)) for k in POINTWISE},
}


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Louder(ActorCritic):
    def forward(self, x):
        scores, values = super().forward(x)
        return 10 * scores, values


class Named(ActorCritic):
    """A subclass that computes what its parent does."""


def loud():
    small = mlp_policy(4, 2, (8,))
    return Louder(small.body, small.actor, small.critic, (4,))


def hooked():
    network = mlp_policy(4, 2, (8,))
    network.body[0].register_forward_hook(lambda module, given, out: out + 1)
    return network


def patched():
    network = mlp_policy(4, 2, (8,))
    network.body[1].forward = torch.cos
    return network


def squared():
    """With a weight that is made anew from another at every call."""
    return policy(nn.utils.parametrize.register_parametrization(nn.Linear(4, 3), "weight", Square()))


class Square(nn.Module):
    def forward(self, weight):
        return weight**2


UNKNOWN = {
    "a layer of one's own": lambda: policy(Doubled(4, 3)),
    "a network of one's own": loud,
    "a module without a rule": lambda: policy(nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))),
    "a hook": hooked,
    "a forward of its own": patched,
    "a parametrization": squared,
}


def answers(batch, x, call):
    """Scores, values, and the gradient of a number made of both."""
    for p in batch.parameters.values():
        p.grad = None
    scores, values = call(x)
    (scores.square().mean() + values.sin().mean()).backward()
    return scores, values, {name: p.grad for name, p in batch.parameters.items()}


def one_by_one(batch, x):
    return batch._call(batch.parameters, batch._buffers, x)


def shifted(build):
    """A batch whose parameters are not those of the start, so that no bias is 0."""
    batch, draw = SeedBatch(build, SEEDS), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in batch.parameters.values():
            p.add_(0.3 * torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return batch


@pytest.fixture
def vmap_is_broken(monkeypatch):
    def broken(self, *given):
        raise AssertionError("vmap was asked")

    def broken_batch(build):
        batch = shifted(build)
        monkeypatch.setattr(batch, "_call", broken.__get__(batch))
        return batch

    return broken_batch


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize("name", KNOWN)
def test_known_modules_answer_as_under_vmap_and_have_its_gradients(name, gathered, vmap_is_broken, monkeypatch):
    if gathered:  # as layers of large representations are
        monkeypatch.setattr("symrl_lite.policies.stacks._SMALL", 0)
    build, shape = KNOWN[name]
    batch, fast = shifted(build), vmap_is_broken(build)
    x = torch.randn(3, 7, *shape, generator=torch.Generator().manual_seed(1))
    expected = answers(batch, x, lambda x: one_by_one(batch, x))
    tolerance = {"atol": 1e-5, "rtol": 1e-4}
    for got, wanted in zip(answers(fast, x, fast), expected, strict=True):
        torch.testing.assert_close(got, wanted, **tolerance)
    with torch.no_grad():
        frozen = fast.frozen()
        for n in (7, 1, 0):
            torch.testing.assert_close(frozen(x[:, :n]), tuple(y[:, :n] for y in expected[:2]), **tolerance)
    assert not frozen(x)[0].requires_grad


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_left_to_vmap(name, vmap_is_broken):
    build, x = UNKNOWN[name], torch.randn(3, 7, 4)
    batch = shifted(build)
    for call in (batch, batch.frozen()):
        for got, wanted in zip(call(x), one_by_one(batch, x), strict=True):
            torch.testing.assert_close(got, wanted, rtol=0, atol=0)
    for s, network in enumerate(batch.networks()):
        torch.testing.assert_close(batch(x)[0][s], network(x[s])[0], atol=1e-5, rtol=1e-4)
    with pytest.raises(AssertionError, match="vmap was asked"):
        vmap_is_broken(build)(x)


def test_a_subclass_that_computes_the_same_is_known(vmap_is_broken):
    small = mlp_policy(4, 2, (8,))
    batch = vmap_is_broken(lambda: Named(small.body, small.actor, small.critic, (4,)))
    assert batch(torch.zeros(3, 2, 4))[0].shape == (3, 2, 2)


def test_a_hook_that_comes_later_is_called():
    made = []

    def build():
        made.append(mlp_policy(4, 2, (8,)))
        return made[-1]

    batch, x = SeedBatch(build, SEEDS), torch.randn(3, 2, 4)
    before, called = batch(x)[0], []
    handle = made[0].register_forward_hook(lambda module, given, out: called.append(1))
    torch.testing.assert_close(batch(x)[0], before)
    batch.frozen()(x)
    assert called == [1, 1]
    handle.remove()
    batch(x)
    assert called == [1, 1]


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(3, 7, 5), ValueError, "x has shape .*, expected"),
        (torch.zeros(3, 4), ValueError, "x has shape .*, expected"),
        (torch.zeros(2, 7, 4), ValueError, "size"),
        (torch.zeros(3, 7, 4, dtype=torch.complex64), TypeError, "expected real numbers"),
    ],
)
@pytest.mark.parametrize("name", ["mlp", "mirror"])
def test_what_does_not_fit_is_refused_in_the_networks_own_words(name, x, error, message):
    batch = SeedBatch(KNOWN[name][0], SEEDS)
    for call in (batch, batch.frozen()):
        with pytest.raises(error, match=message):
            call(x)


@pytest.mark.parametrize("name", ["mlp", "mirror"])
def test_a_frozen_batch_keeps_its_weights_and_a_live_one_does_not(name):
    batch, x = SeedBatch(KNOWN[name][0], SEEDS), torch.randn(3, 2, 4)
    with torch.no_grad():
        frozen, before = batch.frozen(), batch(x)[0]
        for p in batch.parameters.values():
            p.mul_(2).add_(1)
        torch.testing.assert_close(frozen(x)[0], before)
        assert not torch.allclose(batch(x)[0], before)


def test_states_of_whole_numbers_and_other_floats_meet_the_parameters():
    batch = SeedBatch(KNOWN["mlp"][0], SEEDS)
    x = torch.randint(0, 5, (3, 7, 4))
    for kind in (torch.uint8, torch.int64, torch.float64, torch.float16):
        torch.testing.assert_close(batch(x.to(kind))[0], batch(x.float())[0])


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of torch itself
@pytest.mark.parametrize("name", ["mlp", "mirror"])
def test_transforms_of_torch_go_through(name):
    """Derivatives in forward mode, and a batch of batches, as under vmap."""
    build, shape = KNOWN[name]
    batch = SeedBatch(build, SEEDS)
    x, slope = torch.randn(2, len(SEEDS), 5, *shape)
    by_vmap = lambda x: batch._call(batch.parameters, batch._buffers, x)  # noqa: E731
    for one, other in zip(torch.func.jvp(batch, (x,), (slope,)), torch.func.jvp(by_vmap, (x,), (slope,)), strict=True):
        for mine, theirs in zip(one, other, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    several = torch.stack([x, slope])
    for mine, theirs in zip(torch.func.vmap(batch)(several), torch.func.vmap(by_vmap)(several), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
