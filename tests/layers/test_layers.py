"""Equivariant layers are ordinary torch modules, obey the symmetry on every element, and refuse what would not."""

import copy
import io
import pickle
import re
from functools import partial

import numpy as np
import pytest
import torch
import torch.fx.experimental.proxy_tensor
from torch import nn

from symrl_lite.actions import on_images, on_moves
from symrl_lite.envs.cartpole import reflection
from symrl_lite.equivariance import assert_equivariant, equivariance_error
from symrl_lite.groups import (
    FiniteGroup,
    Representation,
    cyclic,
    dihedral,
    permutation,
    regular,
    rotation_2d,
    symmetric,
    trivial,
)
from symrl_lite.layers import (
    BasisConv2d,
    EquivariantLinear,
    EquivariantSequential,
    GroupConv2d,
    GroupPool,
    LiftingConv2d,
    NormNonlinearity,
)
from symrl_lite.policies import equivariant_mlp
from symrl_lite.symmetrizer import equivariant_basis

C2, C3, C4, D4, S3 = cyclic(2), cyclic(3), cyclic(4), dihedral(4), symmetric(3)
SIGN = Representation(C2, [[[1]], [[-1]]], name="sign")
PAIRS = {
    "C4 regular": (regular(C4), regular(C4)),
    "D4 regular": (regular(D4), regular(D4)),
    "S3 regular to points": (regular(S3), permutation(S3, S3.permutations)),
    "D4 plane to regular": (rotation_2d(D4), regular(D4)),
    "C3 plane": (rotation_2d(C3), rotation_2d(C3)),
    "signs": (SIGN + SIGN, regular(C2) + SIGN),
    "to invariants": (regular(S3), trivial(S3)),
}
each = pytest.mark.parametrize(("rho_in", "rho_out"), PAIRS.values(), ids=PAIRS.keys())


def inputs(layer, batch=5, dtype=torch.float32):
    torch.manual_seed(0)
    return torch.randn(batch, layer.channels_in, layer.rho_in.dimension, dtype=dtype)


def rounding(layer, x):
    """2 n ε Σ|w||x|: by how much two sums of n products may differ, whatever the order of the additions.

    The basis is kept in double precision and rounded to the dtype of x.
    """
    weight = layer.weight().detach().abs()
    rows = x.detach().abs().reshape(len(x), -1) @ weight.T
    epsilon = torch.finfo(x.dtype).eps
    terms = weight.shape[1] + (len(layer.basis) or 1)  # in the product, and in each entry of the weight
    bias = 0 if layer.bias is None else float(layer.bias.detach().abs().max())
    return 2 * terms * epsilon * (float(rows.max()) + bias)


def same_on(x, one, other):
    """Two ways of one computation: apart by rounding at most, for its dtype and the size of its numbers."""
    size = max(1.0, float(other.detach().abs().max()))
    terms = x[0].numel()  # no sum here is longer
    assert (one - other).detach().abs().max() <= 2 * terms * torch.finfo(x.dtype).eps * size


def swapped_in(layer, theta):
    """The layer with other coefficients, through which gradients flow."""
    twin = copy.deepcopy(layer)
    del twin.coefficients
    twin.coefficients = theta
    return twin


def always_in_blocks(monkeypatch):
    """Layers of every size go through the irreducible representations."""
    monkeypatch.setattr("symrl_lite.layers.linear._SAVED_IN_A_CALL", 0)
    monkeypatch.setattr("symrl_lite.layers.linear._SAVED_FOR_A_UNIT", float("-inf"))


def filled(layer):
    """With biases that are not zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


# --- linear


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equivariant_on_every_element(rho_in, rho_out, dtype):
    layer = filled(EquivariantLinear(rho_in, rho_out, 3, 4)).to(dtype)
    x = inputs(layer, dtype=dtype)
    assert rounding(layer, x) < 1e-3
    assert_equivariant(layer, x, rho_in, rho_out, atol=rounding(layer, x))


def test_exact_in_double_precision():
    layer = filled(EquivariantLinear(regular(D4), regular(D4), 2, 2)).double()
    x = inputs(layer, dtype=torch.float64)
    assert equivariance_error(layer, x, regular(D4), regular(D4)).max() <= rounding(layer, x) < 1e-11


@each
def test_a_coefficient_off_the_subspace_is_caught(rho_in, rho_out):
    layer = filled(EquivariantLinear(rho_in, rho_out, 2, 2))
    x = inputs(layer)
    atol = rounding(layer, x)
    assert_equivariant(layer, x, rho_in, rho_out, atol=atol)
    if len(layer.places):
        layer.places[0] = layer.places[-1] + (layer.places[0] == layer.places[-1])  # one entry is another coefficient
    else:
        layer.basis[0, 0] += 0.1  # one entry of one basis element
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(layer, x, rho_in, rho_out, atol=10 * atol)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blocks_and_weights_give_the_same(rho_in, rho_out, dtype, monkeypatch):
    """Outputs, and the gradients of inputs, coefficients and bias; the same state; the symmetry as exactly."""
    torch.manual_seed(0)
    dense = EquivariantLinear(rho_in, rho_out, 3, 4)
    always_in_blocks(monkeypatch)
    torch.manual_seed(0)
    blocks = EquivariantLinear(rho_in, rho_out, 3, 4)
    assert dense._blocks is None and blocks._blocks is not None
    assert dense.state_dict().keys() == blocks.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(dense.parameters(), blocks.parameters(), strict=True))
    x, found = inputs(dense, dtype=dtype), []
    for layer in (filled(dense).to(dtype), filled(blocks).to(dtype)):
        seen = x.clone().requires_grad_()
        y = layer(seen)
        y.tanh().square().sum().backward()
        found.append([y, seen.grad, *(p.grad for p in layer.parameters())])
    for one, other in zip(*found, strict=True):
        size = max(1.0, float(other.detach().abs().max()))
        assert (one - other).abs().max() <= 100 * torch.finfo(dtype).eps * size
    assert_equivariant(blocks, x, rho_in, rho_out, atol=rounding(blocks, x))


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of torch itself
def test_blocks_are_for_all_transforms_and_second_derivatives(monkeypatch):
    always_in_blocks(monkeypatch)
    layer = filled(EquivariantLinear(regular(S3), regular(S3), 2, 2)).double()
    x = inputs(layer, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(layer, x) and torch.autograd.gradgradcheck(layer, x)
    assert torch.autograd.gradcheck(lambda theta: layer._blocks(x, theta), layer.coefficients)
    rows = torch.func.vmap(layer)(x[:, None].detach())
    same_on(x, rows[:, 0], layer(x))
    _, slope = torch.func.jvp(layer, (x.detach(),), (torch.ones_like(x),))
    same_on(x, slope, layer(torch.ones_like(x)) - layer(torch.zeros_like(x)))
    with torch.inference_mode():
        copy.deepcopy(layer).float()(x.float())
    twin = pickle.loads(pickle.dumps(layer))
    same_on(x, twin(x), layer(x))
    assert layer(x[:0]).shape == (0, 2, 6) and layer(x[0]).shape == (2, 6)


def test_large_layers_go_through_blocks_and_small_ones_do_not(monkeypatch):
    large = EquivariantLinear(regular(D4), regular(D4), 64, 64)
    assert large._blocks is not None and EquivariantLinear(regular(D4), regular(D4), 8, 8)._blocks is None
    monkeypatch.setattr(type(large), "weight", lambda layer: pytest.fail("the dense weight was made"))
    large(torch.zeros(256, 64, 8))
    for small in (torch.zeros(8, 64, 8), torch.zeros(64, 8)):
        with pytest.raises(pytest.fail.Exception, match="dense weight"):
            large(small)
    with pytest.raises(pytest.fail.Exception, match="dense weight"):
        large.half()(torch.zeros(256, 64, 8, dtype=torch.float16))


@pytest.mark.parametrize("space", ["nullspace", "random"])
def test_controls_are_not_equivariant(space):
    layer = EquivariantLinear(regular(D4), regular(D4), 2, 2, space=space, seed=0)
    assert equivariance_error(layer, inputs(layer), regular(D4), regular(D4)).max() > 0.05
    assert layer.coefficients.shape[2] == {"nullspace": 56, "random": 64}[space]


@each
def test_gathered_weights_are_those_of_the_basis(rho_in, rho_out):
    layer = filled(EquivariantLinear(rho_in, rho_out, 2, 3)).double()
    basis = torch.from_numpy(equivariant_basis(rho_in, rho_out))
    assert bool(len(layer.places)) is (rho_in.is_signed_permutation and rho_out.is_signed_permutation)
    expected = torch.einsum("oir,rab->oaib", layer.coefficients, basis).reshape(layer.weight().shape)
    same_on(layer.coefficients, layer.weight(), expected)
    assert torch.autograd.gradcheck(lambda theta: swapped_in(layer, theta).weight(), layer.coefficients)


def test_a_large_layer_makes_no_dense_basis():
    rho = regular(D4)
    for _ in range(6):
        rho = rho + rho  # 512 × 512, 32 768 orbits
    layer = EquivariantLinear(rho, rho, 1, 1)
    assert layer.basis.numel() == 0 and layer.weight().shape == (512, 512)
    x = inputs(layer, batch=2)
    assert rounding(layer, x) < 0.01
    assert_equivariant(layer, x, rho, rho, atol=rounding(layer, x))


def test_bias_lies_in_the_invariant_space():
    layer = filled(EquivariantLinear(regular(C4), regular(C4) + trivial(C4), 1, 2))
    bias = layer(torch.zeros(1, 1, 4))[0].detach()
    assert layer.bias.shape == (2, 2) and not torch.allclose(bias[:, 4], bias[:, 0])
    torch.testing.assert_close(bias[:, :4], bias[:, :1].expand(2, 4))
    assert EquivariantLinear(rotation_2d(C4), rotation_2d(C4), 1, 1).bias is None  # no vector stays in place
    assert EquivariantLinear(regular(C4), regular(C4), 1, 1, bias=False).bias is None


@pytest.mark.parametrize(("rho", "hidden"), [(regular(D4), 64), (regular(C4), 64), (regular(S3) + trivial(S3), 64)])
def test_activations_keep_their_size_at_depth_ten(rho, hidden):
    ratios = []
    for seed in range(6):
        torch.manual_seed(seed)
        layers = [EquivariantLinear(rho, rho, hidden, hidden) for _ in range(10)]
        x = torch.randn(64, hidden, rho.dimension)
        y = EquivariantSequential(*[m for layer in layers for m in (layer, nn.ReLU())])(x)
        ratios.append(((y**2).mean() / (x**2).mean()).item())
    assert 0.5 < np.median(ratios) < 2


def test_shapes_and_refusals():
    layer = EquivariantLinear(regular(C4), trivial(C4), 2, 3)
    assert layer(torch.zeros(2, 4)).shape == (3, 1) and layer(torch.zeros(7, 6, 2, 4)).shape == (7, 6, 3, 1)
    with pytest.raises(ValueError, match=re.escape("x has shape (2, 8), expected (..., 2, 4)")):
        layer(torch.zeros(2, 8))
    with pytest.raises(ValueError, match="two groups"):
        EquivariantLinear(regular(C4), regular(C2), 1, 1)
    with pytest.raises(ValueError, match="channels_out is 0"):
        EquivariantLinear(regular(C4), regular(C4), 1, 0)
    with pytest.raises(ValueError, match="no matrix but 0"):
        EquivariantLinear(trivial(C2), SIGN, 1, 1)
    with pytest.raises(TypeError, match="rho_in is 4"):
        EquivariantLinear(4, regular(C4), 1, 1)
    assert "C4: 2 × 4 → 3 × 1, rank 1" in repr(layer)


# --- ordinary modules


def modules():
    lift = LiftingConv2d(D4, 1, 2, 3, padding=1)
    return {
        "linear": (filled(EquivariantLinear(regular(D4), regular(D4), 2, 3)), torch.randn(4, 2, 8)),
        "lifting": (filled(lift), torch.randn(2, 1, 7, 7)),
        "group convolution": (filled(GroupConv2d(C4, 2, 3, 3, stride=2)), torch.randn(2, 2, 4, 7, 7)),
        "norm": (filled(NormNonlinearity(rotation_2d(C3), 2)), torch.randn(4, 2, 2)),
    }


MODULES = list(modules())


@pytest.mark.parametrize("name", MODULES)
def test_saved_copied_and_pickled(name):
    module, x = modules()[name]
    expected = module(x)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    fresh = type(module).__new__(type(module))
    fresh = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_()
    assert not torch.allclose(fresh(x), expected)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    same_on(x, fresh(x), expected)
    same_on(x, pickle.loads(pickle.dumps(module))(x), expected)
    assert set(module.state_dict()) == {key for key, _ in module.named_parameters()}  # no basis in it


@pytest.mark.parametrize("name", MODULES)
def test_double_precision_and_gradients(name):
    module, x = modules()[name]
    module, x = module.double(), x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: module(x), (x,), eps=1e-6, atol=1e-4)
    module(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize("name", MODULES)
def test_vmap_over_stacked_parameters(name):
    module, x = modules()[name]
    several = [copy.deepcopy(module) for _ in range(3)]
    for k, one in enumerate(several):
        with torch.no_grad():
            for parameter in one.parameters():
                parameter.mul_(k + 1)
    parameters, buffers = torch.func.stack_module_state(several)
    base = copy.deepcopy(module).to("meta") if name == "norm" else module

    def call(parameters, buffers, x):
        return torch.func.functional_call(base, (parameters, buffers), (x,))

    for mode in (True, False):  # in eval nothing stale may be kept
        base.train(mode)
        with torch.no_grad():
            together = torch.vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
        for k, one in enumerate(several):
            same_on(x, together[k], one(x))


@pytest.mark.parametrize("name", MODULES)
def test_compiled(name):
    module, x = modules()[name]
    torch.compiler.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    same_on(x, compiled(x), module(x))
    module.eval()
    with torch.no_grad():
        same_on(x, compiled(x), module(x))


def written_through_data(layer, new):
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.data.copy_(value)


def data_replaced(layer, new):
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.data = value.clone()


def from_one_vector(layer, new):
    nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(new), layer.parameters())


def loaded(layer, new, assign=False):
    layer.load_state_dict(dict(zip(layer.state_dict(), new, strict=True)), assign=assign)


def polyak(layer, new):
    """As other libraries update a target network, with tau = 1: `.data`, in place."""
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.data.mul_(0)
        torch.add(parameter.data, value, alpha=1, out=parameter.data)


def in_place(layer, new):
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), new, strict=True):
            parameter.copy_(value)


def in_inference_mode(layer, new):
    with torch.inference_mode():
        for parameter, value in zip(layer.parameters(), new, strict=True):
            parameter.data.copy_(value)


def through_numpy(layer, new):
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.detach().numpy()[...] = value.numpy()


def through_shared_memory(layer, new):
    layer.share_memory()
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.untyped_storage().copy_(value.untyped_storage())


def swapped(layer, new):
    for name, value in zip(dict(layer.named_parameters()), new, strict=True):
        setattr(layer, name, nn.Parameter(value.clone()))


def tensors_swapped(layer, new):
    for parameter, value in zip(layer.parameters(), new, strict=True):
        torch.utils.swap_tensors(parameter, nn.Parameter(value.clone()))


def by_an_optimizer(layer, new, foreach=True):
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0, foreach=foreach)
    for parameter, value in zip(layer.parameters(), new, strict=True):
        parameter.grad = parameter.detach() - value
    optimizer.step()


CHANGES = [
    written_through_data, data_replaced, from_one_vector, loaded, partial(loaded, assign=True), polyak, in_place,
    in_inference_mode, through_numpy, through_shared_memory, swapped, tensors_swapped, by_an_optimizer,
    partial(by_an_optimizer, foreach=False),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: getattr(c, "__name__", str(getattr(c, "keywords", c))))
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("kind", ["few", "many", "of a basis", "in blocks"])
def test_no_change_of_parameters_leaves_an_old_answer(change, mode, kind, monkeypatch):
    if kind == "in blocks":
        always_in_blocks(monkeypatch)
    rho = rotation_2d(D4) + trivial(D4) if kind == "of a basis" else regular(D4)
    layer = filled(EquivariantLinear(rho, rho, 2, 3)).eval()
    other = filled(copy.deepcopy(layer))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.5).add_(0.25)
    x = torch.randn(500 if kind == "many" else 1, 2, rho.dimension)
    with mode():
        before, wanted = layer(x), other(x)
        assert (layer._kept is not None) is (kind != "in blocks")
    change(layer, [p.detach().clone() for p in other.parameters()])
    with mode():
        after = layer(x)
    assert (after - before).abs().max() > 0.1
    same_on(x, after, wanted)


def test_a_target_network_follows_its_policy():
    """Polyak averages in place through `.data`, acting in between."""
    symmetry = reflection()
    torch.manual_seed(0)
    policy, target = equivariant_mlp(symmetry, (8, 8)), equivariant_mlp(symmetry, (8, 8)).eval()
    x = torch.randn(1, 4)
    for _ in range(60):
        with torch.no_grad():
            target(x)
            for theirs, mine in zip(policy.parameters(), target.parameters(), strict=True):
                mine.data.mul_(1 - 0.2)
                torch.add(mine.data, theirs.data, alpha=0.2, out=mine.data)
    with torch.no_grad():
        for got, wanted in zip(target(x), policy(x), strict=True):
            assert (got - wanted).abs().max() < 1e-4


def test_what_is_kept_is_used_while_all_numbers_are_the_same():
    layer, x = modules()["linear"]
    layer.eval()
    with torch.no_grad():
        layer(x)
        kept = layer._kept[1]
        layer(x)
        assert layer._kept[1] is kept
        layer.double()
        assert layer(x.double()).dtype == torch.float64
        with torch.inference_mode():
            layer(x.double())
        same_on(x, layer(x.double()), layer.train()(x.double()))
    assert layer._kept is None and copy.deepcopy(layer.eval())._kept is None


def test_recorded_graphs_hold_the_parameters_not_a_kept_weight():
    layer, x = modules()["linear"]
    layer.eval()
    with torch.no_grad():
        layer(x)
        traced = torch.fx.experimental.proxy_tensor.make_fx(
            lambda p, x: torch.func.functional_call(layer, p, (x,)), tracing_mode="real"
        )(dict(layer.named_parameters()), x)
        doubled = {name: 2 * p.detach() for name, p in layer.named_parameters()}
        same_on(x, traced(doubled, x), 2 * layer(x))
        with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as fake:
            assert layer(fake.from_tensor(x)).shape == (4, 3, 8)
        same_on(x, layer(x), traced(dict(layer.named_parameters()), x))


def test_other_parameters_for_one_call():
    """functional_call and stacked parameters, in eval: nothing of one call is seen in the next."""
    layer, x = modules()["linear"]
    layer.eval()
    doubled = {name: 2 * p.detach() for name, p in layer.named_parameters()}
    with torch.no_grad():
        first = layer(x[:1])
        same_on(x, torch.func.functional_call(layer, doubled, (x[:1],)), 2 * first)
        same_on(x, layer(x[:1]), first)
        layer.roots.data.mul_(3)  # tables too
        bias = layer.bias_vector().reshape(3, 8)
        same_on(x, layer(x[:1]), 3 * (first - bias) + bias)
        twin = copy.deepcopy(layer)
        twin.coefficients.data.zero_()
        same_on(x, twin(x[:1]), bias.expand(1, 3, 8))
    layer(x).sum().backward()
    assert layer.coefficients.grad.abs().sum() > 0


@each
def test_acting_and_training_give_the_same_numbers(rho_in, rho_out):
    layer = filled(EquivariantLinear(rho_in, rho_out, 3, 4))
    for shape in ((), (1,), (0,), (7,), (2, 3)):
        x = torch.randn(*shape, 3, rho_in.dimension)
        trained = layer.train()(x)
        with torch.no_grad():
            acted = layer.eval()(x)
        assert acted.shape == trained.shape == (*shape, 4, rho_out.dimension)
        if x.numel():
            same_on(x.reshape(-1, *x.shape[-2:]), acted, trained)


# --- precision

ROUND_TRIPS = {
    "double": lambda m: m.double(),
    "half and back": lambda m: m.half().double(),
    "bfloat16 and back": lambda m: m.to(torch.bfloat16).float().double(),
    "to": lambda m: m.to("cpu", torch.float64),
    "copied": lambda m: copy.deepcopy(m.float()).double(),
    "pickled": lambda m: pickle.loads(pickle.dumps(m.half())).double(),
    "type": lambda m: m.type(torch.float64),
}


@each
@pytest.mark.parametrize("way", ROUND_TRIPS)
@pytest.mark.parametrize("space", ["equivariant", "random"])
def test_the_basis_is_never_rounded(rho_in, rho_out, way, space):
    layer = filled(EquivariantLinear(rho_in, rho_out, 3, 4, space=space, seed=3))
    exact = torch.from_numpy(equivariant_basis(rho_in, rho_out, space, seed=3))
    layer = filled(ROUND_TRIPS[way](nn.Sequential(layer))[0])
    x = torch.randn(5, 3, rho_in.dimension, dtype=torch.float64)
    assert layer(x).dtype == layer.weight().dtype == torch.float64
    expected = torch.einsum("oir,rab->oaib", layer.coefficients, exact).reshape(layer.weight().shape)
    same_on(layer.coefficients, layer.weight(), expected)
    assert layer.places.dtype in (torch.int32, torch.int64)
    if space == "equivariant":
        assert_equivariant(layer, x, rho_in, rho_out)  # at the tolerance of double precision
        with torch.no_grad():
            assert_equivariant(layer.eval(), x[:1], rho_in, rho_out)


def test_filters_of_a_basis_are_never_rounded():
    conv = BasisConv2d(D4, 2, 3, 3, lifting=True).float().double()
    x = torch.randn(2, 2, 7, 7, dtype=torch.float64)
    maps = conv(x)
    for g in D4:
        assert (conv(move_image(D4, g, x)) - move_features(D4, g, maps)).abs().max() < 1e-12


@each
def test_single_precision_is_what_it_was(rho_in, rho_out):
    """The table is rounded where it is used, to the same float32 numbers as if it had been kept so."""
    layer = filled(EquivariantLinear(rho_in, rho_out, 3, 4))
    made = torch.from_numpy(equivariant_basis(rho_in, rho_out)).float()
    expected = torch.einsum("oir,rab->oaib", layer.coefficients, made).reshape(layer.weight().shape)
    same_on(layer.coefficients, layer.weight(), expected)


def test_double_as_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        lift, conv = LiftingConv2d(D4, 1, 2, 3), GroupConv2d(D4, 2, 2, 3)
        net = EquivariantSequential(
            EquivariantLinear(rotation_2d(C3), rotation_2d(C3), 1, 4), NormNonlinearity(rotation_2d(C3), 4),
            EquivariantLinear(rotation_2d(C3), rotation_2d(C3), 4, 1),
        )  # fmt: skip
        assert all(p.dtype == torch.float64 for p in [*net.parameters(), *lift.parameters()])
        assert_equivariant(net, torch.randn(5, 1, 2), rotation_2d(C3), rotation_2d(C3))
        x = torch.randn(1, 1, 7, 7)
        maps = conv(lift(x))
        for g in D4:
            assert (conv(lift(move_image(D4, g, x))) - move_features(D4, g, maps)).abs().max() < 1e-12
        random = EquivariantLinear(regular(C3), regular(C3), 1, 1, space="random", seed=0)
        assert random(torch.randn(2, 1, 3)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_device_without_double_precision():
    layer = EquivariantLinear(regular(C4), regular(C4), 1, 1)

    def move(t):
        if t.dtype == torch.float64:
            raise TypeError("this device has no float64")
        return t.clone()

    layer._apply(move)
    assert layer.basis.dtype == torch.float32 and layer(torch.ones(1, 1, 4)).shape == (1, 1, 4)


def test_tables_move_with_the_parameters():
    layer = EquivariantLinear(regular(C4), regular(C4), 1, 1).to("meta", torch.float32)
    assert {t.device.type for t in [*layer.parameters(), *layer.buffers()]} == {"meta"}
    assert layer.basis.dtype == torch.float64


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (EquivariantLinear(regular(C4), regular(C4), 1, 1), (2, 1, 4)),
        (LiftingConv2d(C4, 1, 1, 3), (1, 1, 5, 5)),
        (GroupConv2d(C4, 1, 1, 3), (1, 1, 4, 5, 5)),
        (BasisConv2d(C4, 1, 1, 3), (1, 1, 4, 5, 5)),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.uint8, torch.int64])
def test_numbers_of_another_kind_are_refused_or_converted(layer, shape, dtype):
    x = torch.ones(shape, dtype=dtype)
    with pytest.raises(TypeError, match=f"x has dtype {dtype}, expected that of the layer, torch.float32: convert"):
        layer(x)
    assert layer(x.float()).shape[0] == shape[0]
    if dtype == torch.float64:
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x.to(torch.bfloat16)).dtype == torch.bfloat16


# --- stacks


def test_stacks_that_are_right():
    rho = regular(D4)
    net = EquivariantSequential(
        EquivariantLinear(rotation_2d(D4), rho, 1, 4), nn.ReLU(), EquivariantLinear(rho, rho, 4, 4), nn.ELU(),
        EquivariantLinear(rho, trivial(D4), 4, 1),
    )  # fmt: skip
    x = torch.randn(6, 1, 2)
    assert_equivariant(net, x, rotation_2d(D4), trivial(D4), atol=1e-5)
    turning = EquivariantSequential(
        EquivariantLinear(rotation_2d(C3), rotation_2d(C3), 1, 3), NormNonlinearity(rotation_2d(C3), 3),
        EquivariantLinear(rotation_2d(C3), rotation_2d(C3), 3, 1),
    )  # fmt: skip
    assert_equivariant(turning, x, rotation_2d(C3), rotation_2d(C3), atol=1e-5)
    odd = EquivariantSequential(EquivariantLinear(SIGN, SIGN, 1, 8), nn.Tanh(), EquivariantLinear(SIGN, SIGN, 8, 1))
    assert_equivariant(odd, torch.randn(6, 1, 1), SIGN, SIGN, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), nn.ReLU()),
            "sign of C2 changes signs: f(−x) is not −f(x). Use an odd",
        ),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), nn.GELU()), "changes signs"),
        (lambda: (EquivariantLinear(regular(C3), rotation_2d(C3), 1, 2), nn.ReLU()), "mixes numbers"),
        (
            lambda: (EquivariantLinear(regular(C3), rotation_2d(C3), 1, 2), nn.Tanh()),
            "Use NormNonlinearity, or a permutation",
        ),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), EquivariantLinear(SIGN, SIGN, 3, 1)), "layer 1 takes 3 ×"),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), EquivariantLinear(regular(C2), SIGN, 2, 1)), "layer 1 takes"),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), NormNonlinearity(SIGN, 3)), "layer 1, the norm"),
        (lambda: (nn.Linear(2, 2),), "layer 0, Linear"),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), nn.BatchNorm1d(2)), "is not known to be equivariant"),
    ],
)
def test_stacks_that_are_refused(layers, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EquivariantSequential(*layers())


PLANE = rotation_2d(C3)


def turning(channels_in=1, channels_out=1):
    return EquivariantLinear(PLANE, PLANE, channels_in, channels_out)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda: (nn.ReLU(), turning()), "layer 0, ReLU(), acts on each number, and rotation_2d of C3 mixes numbers"),
        (lambda: (nn.Identity(), nn.Tanh(), turning()), "layer 1, Tanh(), acts on each number"),
        (lambda: (nn.ReLU(), NormNonlinearity(PLANE, 1)), "layer 0, ReLU()"),
        (lambda: (nn.GELU(), EquivariantLinear(SIGN, SIGN, 1, 1)), "changes signs"),
        (lambda: (NormNonlinearity(PLANE, 2), turning()), "the one before gives 2 ×"),
        (lambda: (NormNonlinearity(PLANE, 2), NormNonlinearity(PLANE, 1)), "is for 1 ×"),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), nn.ReLU6()), "changes signs"),
        (lambda: (EquivariantLinear(SIGN, SIGN, 1, 2), nn.Hardtanh(-1, 2)), "changes signs"),
        (lambda: (turning(), nn.Dropout()), "mixes numbers"),
        (
            lambda: (EquivariantLinear(PLANE, PLANE, 1, 1, space="random", seed=0),),
            "is a control, space='random', which obeys nothing",
        ),
        (lambda: (turning(), torch.relu), "expected a torch module"),
    ],
)
def test_a_stack_is_checked_before_and_after_every_element(layers, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EquivariantSequential(*layers())


def test_stacks_that_begin_or_end_with_a_function():
    net = EquivariantSequential(nn.ReLU(), filled(EquivariantLinear(regular(D4), regular(D4), 1, 2)), nn.ReLU6())
    assert_equivariant(net, torch.randn(5, 1, 8), regular(D4), regular(D4), atol=1e-5)
    odd = EquivariantSequential(nn.Hardtanh(-2, 2), filled(EquivariantLinear(SIGN, SIGN, 1, 2)), nn.Dropout1d())
    assert_equivariant(odd.eval(), torch.randn(5, 1, 1), SIGN, SIGN, atol=1e-5)
    assert len(EquivariantSequential()) == 0 and len(EquivariantSequential(nn.ReLU())) == 1


STACK_CHANGES = {
    "append": lambda net: net.append(nn.ReLU()),
    "insert": lambda net: net.insert(0, nn.ReLU()),
    "insert in the middle": lambda net: net.insert(1, turning(3, 3)),
    "extend": lambda net: net.extend([turning(1, 4), nn.ReLU()]),
    "assign": lambda net: net.__setitem__(1, nn.ReLU()),
    "assign another size": lambda net: net.__setitem__(0, turning(1, 3)),
    "delete": lambda net: net.__delitem__(0) or net.__delitem__(0) or net.insert(1, nn.ReLU()),
    "delete in the middle": lambda net: net.__delitem__(2) or net.append(turning(5, 1)),
    "add": lambda net: net.__iadd__(nn.Sequential(nn.ReLU())),
    "multiply": lambda net: net.append(turning(1, 2)).__imul__(2),
    "module": lambda net: net.add_module("head", nn.ReLU()),
    "register": lambda net: net.register_module("head", nn.Tanh()),
    "attribute": lambda net: setattr(net, "head", nn.Linear(2, 2)),
}


@pytest.mark.parametrize("change", STACK_CHANGES)
def test_a_change_that_breaks_the_symmetry_is_refused_and_undone(change):
    net = EquivariantSequential(turning(1, 2), NormNonlinearity(PLANE, 2), turning(2, 1))
    x = torch.randn(4, 1, 2)
    if "delete" not in change and change != "multiply":
        expected, before = net(x), list(net)
        with pytest.raises(ValueError, match="layer"):
            STACK_CHANGES[change](net)
        assert list(net) == before
        same_on(x, net(x), expected)
    else:
        with pytest.raises(ValueError, match="layer"):
            STACK_CHANGES[change](net)
    if len(net) == 3:
        assert_equivariant(net, x, PLANE, PLANE, atol=1e-5)


def test_changes_by_the_back_door_are_found_when_the_stack_is_called():
    net = EquivariantSequential(turning(1, 2), NormNonlinearity(PLANE, 2), turning(2, 1))
    net._modules["1"] = nn.ReLU()
    with pytest.raises(ValueError, match="layer 1, ReLU"):
        net(torch.zeros(1, 1, 2))


def test_changes_that_are_right():
    net = EquivariantSequential(turning(1, 2), NormNonlinearity(PLANE, 2))
    net.append(turning(2, 2)).extend([NormNonlinearity(PLANE, 2), turning(2, 1)])
    net.insert(0, NormNonlinearity(PLANE, 1))
    del net[-1]
    net[-1] = nn.Identity()
    assert [name for name, _ in net.named_children()] == ["0", "1", "2", "3", "4"]
    head = net[:2]
    assert type(head) is EquivariantSequential and len(head) == 2
    assert type(head + net[2:]) is EquivariantSequential and len(EquivariantSequential(turning()) * 3) == 3
    with pytest.raises(ValueError, match="layer 5, ReLU"):
        _ = net + nn.Sequential(nn.ReLU())
    popped = net.pop(0)
    assert isinstance(popped, NormNonlinearity) and len(net) == 4
    x = torch.randn(3, 1, 2)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        same_on(x, twin(x), net(x))
        with pytest.raises(ValueError, match="layer 4"):
            twin.append(nn.ReLU())
    assert_equivariant(net, x, PLANE, PLANE, atol=1e-5)
    torch.compiler.reset()
    same_on(x, torch.compile(net, backend="aot_eager", fullgraph=True)(x), net(x))


def test_the_refused_ones_would_be_wrong():
    """The refusals are not over-careful: the same layers in a plain nn.Sequential break the symmetry."""
    torch.manual_seed(0)
    for rho, function in ((SIGN, nn.ReLU()), (rotation_2d(C3), nn.ReLU()), (rotation_2d(C3), nn.Tanh())):
        net = nn.Sequential(EquivariantLinear(rho, rho, 1, 4), function, EquivariantLinear(rho, rho, 4, 1))
        assert equivariance_error(net, torch.randn(6, 1, rho.dimension), rho, rho).max() > 0.01


def test_norms_need_orthogonal_representations():
    shear = np.array([[1.0, 2.0], [0.0, 1.0]])
    skew = Representation(C3, shear @ rotation_2d(C3).matrices @ np.linalg.inv(shear))
    with pytest.raises(ValueError, match="is not orthogonal"):
        NormNonlinearity(skew, 1)
    out = NormNonlinearity(rotation_2d(C3), 1)(torch.zeros(1, 1, 2, requires_grad=True))
    out.sum().backward()
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 3, 2), (4, 1, 2), (4, 2), (2,), ()])
def test_norms_refuse_another_shape(shape):
    norm = NormNonlinearity(rotation_2d(C3), 3 if shape != (4, 3, 2) else 2)
    with pytest.raises(ValueError, match=re.escape(f"x has shape {shape}, expected (..., ")):
        norm(torch.zeros(shape))


def test_norms_refuse_what_they_cannot_use():
    with pytest.raises(TypeError, match="expected floating-point"):
        NormNonlinearity(rotation_2d(C3), 1)(torch.ones(1, 1, 2, dtype=torch.int64))
    with pytest.raises(TypeError, match="rho is 3"):
        NormNonlinearity(3, 1)
    for channels in (0, 2.0, True):
        with pytest.raises(ValueError, match="channels is"):
            NormNonlinearity(rotation_2d(C3), channels)
    assert NormNonlinearity(rotation_2d(C3), 2)(torch.ones(0, 2, 2)).shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("dtype", "sizes"),
    [
        (torch.float16, (1e-3, 1, 200, 300, 3e4, 6e4)),
        (torch.bfloat16, (1e-3, 1, 1e19, 1e30)),
        (torch.float32, (1e-3, 1, 1e4, 1e19, 3e30)),
        (torch.float64, (1e-3, 1, 1e150, 1e200)),
    ],
)
def test_norms_of_long_vectors(dtype, sizes):
    """With bias 0 a ReLU of a length changes nothing, however long the vector is."""
    norm = NormNonlinearity(rotation_2d(C4), 1).to(dtype)
    for size in sizes:
        x = torch.tensor([[[0.6 * size, -0.8 * size]]], dtype=dtype).requires_grad_()
        y = norm(x)
        assert y.dtype == dtype
        torch.testing.assert_close(y.detach(), x.detach())
        y.sum().backward()
        assert torch.isfinite(x.grad).all()


def test_norms_of_short_vectors_are_what_they_were():
    torch.manual_seed(0)
    norm, x = filled(NormNonlinearity(rotation_2d(C3), 2)), torch.rand(50, 2, 2) - 0.5
    length = torch.sqrt((x * x).sum(dim=-1, keepdim=True) + torch.finfo(x.dtype).eps ** 2)
    same_on(x, norm(x), x * (torch.relu(length + norm.bias) / length))


# --- convolutions

FLIPS = {
    "top and bottom": D4.subgroup(["s"]),
    "left and right": D4.subgroup(["r2s"]),
    "both": D4.subgroup(["s", "r2s"]),
}
PLANES = {"C4": C4, "D4": D4} | FLIPS
plane = pytest.mark.parametrize("group", PLANES.values(), ids=PLANES.keys())


def move_image(group, g, x):
    """L_g of D4, by name, on the last two axes."""
    flips, turns = divmod(D4.element(group.names[g]), 4)
    return torch.rot90(x.flip(-2) if flips else x, turns, dims=(-2, -1))


def move_features(group, g, y):
    """Maps move as images do, and pose h goes to place gh."""
    moved = move_image(group, g, y)
    return torch.stack([moved[:, :, group.multiply(group.inverse(g), h)] for h in group], dim=2)


def networks(group, stride, padding, kernel=3):
    lift = filled(LiftingConv2d(group, 2, 3, kernel, padding=padding))
    conv = filled(GroupConv2d(group, 3, 4, kernel, stride=stride, padding=padding))
    return lift, conv


@plane
@pytest.mark.parametrize(
    ("size", "stride", "padding", "kernel"), [(7, 1, 0, 3), (8, 1, 1, 3), (9, 2, 1, 3), (8, 2, 0, 2)]
)
def test_convolutions_follow_every_move(group, size, stride, padding, kernel):
    torch.manual_seed(0)
    x = torch.rand(2, 2, size, size)
    lift, _ = networks(group, 1, padding, kernel)
    down = filled(GroupConv2d(group, 3, 4, kernel, stride=stride, padding=padding))
    with torch.no_grad():
        maps = lift(x)
        if (maps.shape[-1] + 2 * padding - kernel) % stride:
            with pytest.raises(ValueError, match="leave"):
                down(maps)
            return
        features, pooled = down(maps), GroupPool()(down(maps))
        scale = float(features.abs().max())
        for g in group:
            there = lift(move_image(group, g, x))
            assert (there - move_features(group, g, maps)).abs().max() <= 1e-5 * max(1, float(maps.abs().max()))
            assert (down(there) - move_features(group, g, features)).abs().max() <= 1e-5 * max(1, scale)
            assert (GroupPool()(down(there)) - move_image(group, g, pooled)).abs().max() <= 1e-5 * max(1, scale)


def renamed(group, names):
    return FiniteGroup(group.table, names)


OTHER_NAMES = {
    "letters": renamed(D4, list("abcdefgh")),
    "clockwise": renamed(D4, ["e", "r3", "r2", "r", "s", "r3s", "r2s", "rs"]),
    "another flip": renamed(D4, ["e", "r", "r2", "r3", "rs", "r2s", "r3s", "s"]),
    "some names": renamed(D4, ["id", "r", "r2", "r3", "f", "fr", "fr2", "fr3"]),
    "C4 clockwise": renamed(C4, ["e", "r3", "r2", "r"]),
    "C4 degrees": renamed(C4, ["0", "90", "180", "270"]),
    "flips in another order": renamed(FLIPS["both"], ["e", "r2s", "s", "r2"]),
}


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_convolutions_and_actions_read_a_group_alike(name):
    group = OTHER_NAMES[name]
    x, act = torch.randn(2, 1, 7, 7), on_images(group)
    lift, conv = filled(LiftingConv2d(group, 1, 2, 3)), filled(GroupConv2d(group, 2, 2, 3))

    def poses(g, y):
        moved = act(g, y)
        return torch.stack([moved[:, :, group.multiply(group.inverse(g), h)] for h in group], dim=2)

    assert_equivariant(lift, x, act, poses, atol=1e-4, group=group)
    assert_equivariant(lambda x: conv(lift(x)), x, act, poses, atol=1e-4, group=group)


@pytest.mark.parametrize(
    "group",
    [
        renamed(D4, ["e", "s", "r2", "r3", "r", "rs", "r2s", "r3s"]),
        renamed(C4, ["e", "r2", "r", "r3"]),
        renamed(C4, ["e", "r3", "x", "y"]),
        renamed(FLIPS["top and bottom"], ["e", "flip"]),
        renamed(cyclic(2), ["e", "r"]),
    ],
)
def test_names_that_contradict_or_say_nothing_are_refused(group):
    for make in (lambda g: LiftingConv2d(g, 1, 1, 3), lambda g: GroupConv2d(g, 1, 1, 3), on_images, on_moves):
        with pytest.raises(ValueError, match=r"expected cyclic\(4\), dihedral\(4\) or a subgroup"):
            make(group)


def test_basis_convolutions_refuse_maps_without_poses():
    conv = BasisConv2d(C4, 2, 3, 3)
    for shape in ((4, 2, 7, 7), (1, 2, 3, 7, 7), (7, 7), (1, 1, 4, 7, 7)):
        with pytest.raises(ValueError, match=re.escape(f"x has shape {shape}, expected (batch, 2, 4, height, width)")):
            conv(torch.zeros(shape))
    assert conv(torch.zeros(2, 4, 7, 7)).shape == (3, 4, 5, 5) and conv(torch.zeros(0, 2, 4, 7, 7)).shape[0] == 0
    with pytest.raises(ValueError, match="size is 0"):
        BasisConv2d(C4, 1, 1, 0)


def test_the_order_of_poses_matters():
    """With h⁻¹ g or without the inverse the test above fails for D4: poses are not moved by themselves alone."""
    torch.manual_seed(0)
    _, conv = networks(D4, 1, 1)
    x = torch.rand(1, 3, 8, 5, 5)
    wrong = copy.deepcopy(conv)
    index = torch.tensor([[D4.multiply(h, D4.inverse(g)) for h in D4] for g in D4])
    places = conv.places.view(conv.channels_out, 8, conv.channels_in, 8, 9)
    wrong.places = (places % 9 + 9 * (index[:, None, :, None] + places // 72 * 8)).flatten()
    r = D4.element("r")
    error = {}
    for name, layer in (("right", conv), ("wrong", wrong)):
        with torch.no_grad():
            gap = layer(move_features(D4, r, x)) - move_features(D4, r, layer(x))
        error[name] = float(gap.abs().max())
    assert error["right"] < 1e-4 < 0.1 < error["wrong"]


@plane
def test_a_filter_off_the_pattern_is_caught(group):
    lift, _ = networks(group, 1, 0)
    x = torch.rand(1, 2, 5, 5)
    with torch.no_grad():
        places = lift.places.clone().view(lift.channels_out, group.order, lift.channels_in, 9)
        places[:, -1, :, :2] = places[:, -1, :, :2].flip(-1)  # two entries of the last pose
        lift.places = places.flatten()
        gaps = [float((lift(move_image(group, g, x)) - move_features(group, g, lift(x))).abs().max()) for g in group]
    assert max(gaps) > 1e-3


def test_sizes_that_cannot_be_equivariant_are_refused():
    lift = LiftingConv2d(C4, 1, 1, 3, stride=2)
    assert lift(torch.zeros(1, 1, 7, 9)).shape[-2:] == (3, 4)
    with pytest.raises(ValueError, match="height 8, padding 0, filter 3 and stride 2 leave 1 rows over"):
        lift(torch.zeros(1, 1, 8, 7))
    with pytest.raises(ValueError, match="width 8"):
        lift(torch.zeros(1, 1, 7, 8))
    with pytest.raises(ValueError, match="smaller than the filter"):
        lift(torch.zeros(1, 1, 2, 7))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LiftingConv2d(cyclic(3), 1, 1, 3), "expected cyclic(4), dihedral(4) or a subgroup"),
        (lambda: GroupConv2d(symmetric(3), 1, 1, 3), "expected cyclic(4)"),
        (lambda: LiftingConv2d(cyclic(2), 1, 1, 3), "expected cyclic(4)"),
        (lambda: LiftingConv2d(C4, 0, 1, 3), "channels_in is 0"),
        (lambda: LiftingConv2d(C4, 1, 1, 0), "kernel_size is 0"),
        (lambda: GroupConv2d(C4, 1, 1, 2.5), "kernel_size is 2.5"),
        (lambda: GroupConv2d(C4, 1, 1, 3, stride=0), "stride is 0"),
        (lambda: LiftingConv2d(C4, 1, 1, 3)(torch.zeros(1, 2, 5, 5)), "expected (batch, 1, height, width)"),
        (lambda: GroupConv2d(C4, 1, 1, 3)(torch.zeros(1, 1, 5, 5)), "lift images first"),
        (lambda: GroupPool("sum"), 'expected "max" or "mean"'),
        (lambda: GroupPool()(torch.zeros(1, 1, 5, 5)), "expected (batch, channels, |G|"),
    ],
)
def test_convolutions_refuse(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_pooling():
    x = torch.arange(8.0).reshape(1, 1, 4, 1, 2)
    assert GroupPool()(x).tolist() == [[[[6, 7]]]] and GroupPool("mean")(x).tolist() == [[[[3, 4]]]]


def test_parameters_are_shared_by_the_poses():
    counts = {name: sum(p.numel() for p in GroupConv2d(group, 2, 3, 3).parameters()) for name, group in PLANES.items()}
    for name, group in PLANES.items():
        plain = nn.Conv2d(2 * group.order, 3 * group.order, 3)
        assert counts[name] == sum(p.numel() for p in plain.parameters()) // group.order, name


@each
@pytest.mark.parametrize("space", ["equivariant", "nullspace", "random"])
def test_every_output_starts_with_the_same_variance(rho_in, rho_out, space):
    """Over random weights and inputs: the variance of each output is that of the inputs."""
    if space == "nullspace" and rho_in.dimension * rho_out.dimension <= 6:
        return  # little is left there
    torch.manual_seed(0)
    layer = EquivariantLinear(rho_in, rho_out, 16, 400, space=space, init="linear", seed=0)
    with torch.no_grad():
        y = layer(torch.randn(500, 16, rho_in.dimension))
    assert torch.allclose((y**2).mean(dim=(0, 1)), torch.ones(rho_out.dimension), atol=0.2)
