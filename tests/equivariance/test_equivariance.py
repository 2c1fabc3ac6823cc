"""The testers themselves are tested: they accept what is equivariant and reject what is not, by element."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrl_lite.actions import on_images
from symrl_lite.equivariance import apply_action, assert_equivariant, equivariance_error, fit_output_action
from symrl_lite.groups import (
    Representation,
    cyclic,
    dihedral,
    direct_product,
    permutation,
    regular,
    rotation_2d,
    symmetric,
    trivial,
)

C2, C3, C4, D4, S3 = cyclic(2), cyclic(3), cyclic(4), dihedral(4), symmetric(3)
GROUPS = [C2, C3, C4, D4, S3, direct_product(C2, C2), direct_product(S3, C2)]
REPRESENTATIONS = [
    *map(regular, GROUPS),
    *map(trivial, GROUPS),
    *map(rotation_2d, (C2, C3, C4, D4)),
    permutation(S3, S3.permutations),
]
PAIRS = [(a, b) for a in REPRESENTATIONS for b in REPRESENTATIONS if a.group is b.group]


def batch(dimension, seed=0, size=7):
    return np.random.default_rng(seed).normal(size=(size, dimension))


def averaged(weights, rho_in, rho_out, inverse=True):
    """1/|G| Σ_g K_g⁻¹ W L_g, with the sum written out: an independent way to an equivariant map."""
    G = rho_in.group

    def back(g):
        return rho_out(G.inverse(g)) if inverse else rho_out(g)

    return sum(back(g) @ weights @ rho_in(g) for g in G) / G.order


@given(st.sampled_from(PAIRS), st.integers(0, 1000))
def test_averaged_maps_pass(pair, seed):
    rho_in, rho_out = pair
    weights = averaged(np.random.default_rng(seed).normal(size=(rho_out.dimension, rho_in.dimension)), *pair)
    x = batch(rho_in.dimension, seed)
    assert equivariance_error(lambda x: x @ weights.T, x, rho_in, rho_out).max() < 1e-12
    assert_equivariant(lambda x: x @ weights.T, x, rho_in, rho_out)


@pytest.mark.parametrize("group", [C3, C4, D4, S3], ids=str)
def test_a_lost_inverse_is_rejected(group):
    rho = regular(group)
    weights = averaged(batch(rho.dimension, size=rho.dimension), rho, rho, inverse=False)
    with pytest.raises(AssertionError, match="f is not equivariant"):
        assert_equivariant(lambda x: x @ weights.T, batch(rho.dimension), rho, rho)


@pytest.mark.parametrize("group", [C3, C4, D4, S3], ids=str)
def test_an_inverted_output_action_is_rejected_where_g_is_not_its_own_inverse(group):
    rho = regular(group)

    def back(g, y):
        return y @ rho(group.inverse(g)).T

    errors = equivariance_error(lambda x: x, batch(group.order), rho, back)
    own_inverse = np.array([group.inverse(g) == g for g in group])
    assert (errors[own_inverse] == 0).all() and (errors[~own_inverse] > 0.1).all() and not own_inverse.all()
    with pytest.raises(AssertionError):
        assert_equivariant(lambda x: x, batch(group.order), rho, back)


def test_reversed_order_in_d4_is_rejected():
    """sr in place of rs: right for turns and for s, wrong for the flips that mix them."""
    image = np.random.default_rng(0).normal(size=(3, 4, 4))

    def move(g, x):
        return np.rot90(x[:, ::-1] if g >= 4 else x, g % 4, axes=(1, 2))

    def mixed(g, x):
        return np.rot90(x, g % 4, axes=(1, 2))[:, ::-1] if g >= 4 else move(g, x)

    assert_equivariant(np.tanh, image, move, move, group=D4)
    errors = equivariance_error(np.tanh, image, move, mixed, group=D4)
    assert [D4.names[g] for g in np.flatnonzero(errors)] == ["rs", "r3s"]


def test_the_message_names_element_input_size_and_tolerance():
    rho = regular(C3)

    def f(x):
        y = x.copy()
        y[2, 0] += 0.5 * (x[2, 0] == 5)
        return y

    x = np.ones((4, 3))
    x[2] = [4, 5, 6]  # r2 moves the 5 to the front
    assert equivariance_error(f, x, rho, rho).tolist() == [0, 0, 0.5]
    with pytest.raises(AssertionError) as caught:
        assert_equivariant(f, x, rho, rho, atol=0.25)
    text = str(caught.value)
    assert "= 0.5 at element 'r2', input 2 of the batch; tolerance 0.25" in text
    assert [line.split() for line in text.splitlines()[2:]] == [
        ["e", "0", "0"],
        ["r", "0", "0"],
        ["r2", "0.5", "2", "<-", "worst"],
    ]
    assert_equivariant(f, x, rho, rho, atol=0.5)
    with pytest.raises(AssertionError):
        assert_equivariant(f, x, rho, rho, atol=0.49999)


def test_a_large_group_prints_a_short_table():
    rho = regular(symmetric(4))
    with pytest.raises(AssertionError, match="and 8 elements with errors no larger"):
        assert_equivariant(lambda x: x * np.arange(24), batch(24), rho, rho)


def test_the_default_tolerance_follows_dtype_and_scale():
    rho = regular(C2)
    for dtype, scale in [(np.float64, 1), (np.float32, 1), (np.float64, 1e6)]:
        x = np.full((1, 2), scale, dtype=dtype)
        allowed = np.finfo(dtype).eps ** (2 / 3) * scale
        slightly, too_far = (np.array([k * allowed, 0], dtype=dtype) for k in (0.8, 1.2))
        assert_equivariant(partial(np.add, slightly), x, rho, rho)
        with pytest.raises(AssertionError):
            assert_equivariant(partial(np.add, too_far), x, rho, rho)
    for wrong in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="atol"):
            assert_equivariant(lambda x: x, x, rho, rho, atol=wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_pass(value):
    rho = regular(C2)
    x = np.array([[1.0, 2.0], [3.0, 4.0]])

    def everywhere(x):
        return np.full_like(x, value)

    def after_a_move(x):
        return np.where(x[:, :1] > x[:, 1:], value, x)

    for f in (everywhere, after_a_move):
        assert np.isinf(equivariance_error(f, x, rho, rho)).any()
        with pytest.raises(AssertionError, match="NaN or infinity"):
            assert_equivariant(f, x, rho, rho, atol=1e9)
    with pytest.raises(AssertionError):
        assert_equivariant(lambda x: x, np.full((1, 2), value), rho, rho)


def test_a_random_function_is_called_random():
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match=r"f is random: two calls .*eval"):
        assert_equivariant(lambda x: x + rng.normal(size=x.shape), batch(2), regular(C2), regular(C2))


def test_a_function_that_differs_in_one_call_is_called_random():
    calls = iter([0.0, 1.0, 0.0, 0.0])  # twice on the same input, then once for each element
    with pytest.raises(AssertionError, match="f is random: two calls with the same input differ by 1"):
        assert_equivariant(lambda x: x + next(calls), batch(2), regular(C2), regular(C2))


def test_functions_that_work_in_place_do_no_harm():
    def f(x):
        x *= 2
        return x

    def act(g, x):
        if g:
            x *= -1
        return x

    x = batch(2)
    before = x.copy()
    assert_equivariant(f, x, act, act, group=C2)
    assert np.array_equal(x, before)
    with pytest.raises(AssertionError):
        assert_equivariant(f, x, act, lambda g, y: y, group=C2)


def test_unsigned_integers_do_not_wrap_round():
    x = np.array([[0, 200]], dtype=np.uint8)

    def flip(g, x):
        return x[:, ::-1] if g else x

    assert equivariance_error(lambda x: x, x, flip, lambda g, y: y, group=C2).tolist() == [0, 200]


@pytest.mark.parametrize(
    ("f", "x", "act_in", "act_out", "group", "error", "message"),
    [
        (lambda x: x, np.ones((0, 2)), regular(C2), regular(C2), None, ValueError, "at least one input"),
        (lambda x: x, 1.0, regular(C2), regular(C2), None, ValueError, "at least one input"),
        (lambda x: x, batch(3), regular(C2), regular(C2), None, ValueError, "last axis of 2"),
        (lambda x: x[:, :1], batch(2), regular(C2), regular(C2), None, ValueError, "last axis of 2"),
        (lambda x: x, batch(2), regular(C2), regular(C3), None, ValueError, "two groups, C2 and C3"),
        (lambda x: x, batch(2), regular(C2), regular(C2), C3, ValueError, "two groups"),
        (lambda x: x, batch(2), lambda g, x: x, lambda g, x: x, None, ValueError, "say which group"),
        (lambda x: x, batch(2), lambda g, x: x, lambda g, x: x, "C2", TypeError, "group is 'C2'"),
        (lambda x: x, batch(2), regular(C2), 3, None, TypeError, "action is 3"),
        (lambda x: None, batch(2), regular(C2), regular(C2), None, TypeError, "is None"),
        (lambda x: "abc", batch(2), regular(C2), regular(C2), None, TypeError, "expected numbers"),
        (lambda x: x, [["a"]], regular(C2), regular(C2), None, TypeError, "expected numbers"),
        (lambda x: x, batch(2), lambda g, x: x + 1, lambda g, x: x, C2, ValueError, "act_in: the identity changes"),
        (lambda x: x, batch(2), lambda g, x: x, lambda g, x: -x, C2, ValueError, "act_out: the identity changes"),
        (lambda x: x, batch(2), lambda g, x: x[:1], lambda g, x: x, C2, ValueError, "changes the shape"),
        (lambda x: x[x[:, 0] > 0], np.array([[1.0, -1.0]]), regular(C2), regular(C2), None, ValueError, "'r'.*shape"),
    ],
)
def test_refusals(f, x, act_in, act_out, group, error, message):
    with pytest.raises(error, match=message):
        assert_equivariant(f, x, act_in, act_out, group=group)


def test_a_function_that_changes_shape_between_calls_is_named():
    sizes = iter([2, 1])
    with pytest.raises(ValueError, match=r"\(7, 2\) and then \(7, 1\) for the same input"):
        equivariance_error(lambda x: x[:, : next(sizes)], batch(2), regular(C2), regular(C2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    seen = set()

    def f(x):
        seen.add(x.dtype)
        return x

    equivariance_error(f, batch(4).astype(dtype), regular(C4), regular(C4))
    assert seen == {np.dtype(dtype)}


def test_torch_modules():
    torch = pytest.importorskip("torch")
    rho = regular(C4)
    seen = []

    class Circular(torch.nn.Module):
        def __init__(self, mirrored=False):
            super().__init__()
            self.weights = torch.nn.Parameter(torch.tensor([1.0, 2.0, 4.0, 0.5]))
            self.mirrored = mirrored

        def forward(self, x):
            seen.append((x.dtype, x.device.type, torch.is_grad_enabled()))
            y = sum(w * torch.roll(x, k, dims=-1) for k, w in enumerate(self.weights))
            return y.flip(-1) if self.mirrored else y

    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert_equivariant(Circular(), x, rho, rho)
    assert set(seen) == {(torch.float32, "cpu", False)} and torch.is_grad_enabled()
    with pytest.raises(AssertionError, match="at element 'r"):
        assert_equivariant(Circular(mirrored=True), x, rho, rho)
    dropout = torch.nn.Dropout(0.5)
    with pytest.raises(AssertionError, match="f is random"):
        assert_equivariant(dropout, x, rho, rho)
    assert_equivariant(dropout.eval(), x, rho, rho)

    def turn(g, x):
        return torch.rot90(x, int(g), dims=(-2, -1))

    images = torch.arange(18).reshape(2, 3, 3)
    assert_equivariant(lambda x: x**2, images, turn, turn, group=C4)
    assert apply_action(rho, "r", torch.arange(4)).tolist() == [3, 0, 1, 2]
    half = torch.ones(2, 4, dtype=torch.bfloat16)
    assert equivariance_error(lambda x: x, half, rho, rho).tolist() == [0] * 4


@pytest.mark.parametrize("rho", REPRESENTATIONS, ids=str)
def test_fit_finds_the_output_action(rho):
    fit = fit_output_action(lambda x: 3 * x, batch(rho.dimension, size=2 * rho.dimension + 1), rho)
    np.testing.assert_allclose(fit.matrices, rho.matrices, atol=1e-9)
    assert fit.residuals.max() < 1e-9


def test_fit_is_not_transposed_and_says_where_none_exists():
    mix = np.array([[1.0, 2.0], [0.0, 1.0]])  # K_g = M ρ(g) M⁻¹ is no orthogonal matrix
    rho = rotation_2d(C4)
    fit = fit_output_action(lambda x: x @ mix.T, batch(2, size=20), rho)
    np.testing.assert_allclose(fit.matrices, mix @ rho.matrices @ np.linalg.inv(mix), atol=1e-9)
    none = fit_output_action(lambda x: x[:, :1], batch(2, size=20), rho)
    assert none.residuals[0] < 1e-12 and none.residuals[1] > 0.5 and none.residuals[2] < 1e-12  # x -> -x is linear

    def turned(g, x):
        return x @ rho(g).T

    assert np.array_equal(fit_output_action(lambda x: x, batch(2), turned, C4).matrices.round(9) + 0.0, rho.matrices)


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (lambda x: x, batch(2, size=2), "more inputs than features"),
        (lambda x: x[:, 0], batch(2), r"expected \(batch, d\)"),
        (lambda x: x[:-1], batch(2), "batch = 7"),
        (lambda x: x * np.nan, batch(2), "NaN"),
    ],
)
def test_fit_refuses(f, x, message):
    with pytest.raises(ValueError, match=message):
        fit_output_action(f, x, regular(C2))


def test_signs_matter():
    sign = Representation(C2, [[[1]], [[-1]]])
    assert_equivariant(lambda x: x**3, batch(1), sign, sign)
    assert_equivariant(lambda x: x**2, batch(1), sign, trivial(C2))
    with pytest.raises(AssertionError, match="'r'"):
        assert_equivariant(lambda x: x**2, batch(1), sign, sign)


# --- tensors and arrays


def numpy_turn(g, x):
    return np.rot90(np.asarray(x), int(g), axes=(-2, -1))


ON_IMAGES = {
    "on_images": on_images(C4),
    "written in NumPy": numpy_turn,
    "by stacking": lambda g, x: np.stack([np.rot90(image, int(g), axes=(-2, -1)) for image in x]),
}


@pytest.mark.parametrize("name", ON_IMAGES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_module_of_tensors_with_an_action_of_arrays(name, dtype):
    torch = pytest.importorskip("torch")
    act = ON_IMAGES[name]
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(1, 2, 3, bias=False).to(getattr(torch, dtype))
    x = torch.rand(3, 1, 6, 6, dtype=conv.weight.dtype)
    assert equivariance_error(conv, x, act, act, group=C4).max() > 0.1
    with torch.no_grad():
        conv.weight.copy_(sum(torch.rot90(conv.weight, k, dims=(-2, -1)) for k in range(4)))
    assert_equivariant(conv, x, act, act, group=C4)
    moved = apply_action(act, 1, x)
    assert isinstance(moved, torch.Tensor) and moved.dtype == x.dtype
    fit = fit_output_action(lambda x: conv(x).amax(dim=(-2, -1)), x, act, group=C4)
    np.testing.assert_allclose(fit.matrices, np.tile(np.eye(2), (4, 1, 1)), atol=1e-4)


def test_an_array_with_an_action_of_tensors_stays_an_array():
    torch = pytest.importorskip("torch")

    def turn(g, x):
        return torch.rot90(torch.as_tensor(x), int(g), dims=(-2, -1))

    x = np.random.default_rng(0).normal(size=(3, 4, 4))
    moved = apply_action(turn, 1, x)
    assert isinstance(moved, np.ndarray) and np.array_equal(moved, np.rot90(x, axes=(1, 2)))
    assert_equivariant(np.tanh, x, turn, turn, group=C4)


def test_a_module_that_gets_an_array_says_so():
    torch = pytest.importorskip("torch")
    conv = torch.nn.Conv2d(1, 1, 3)
    with pytest.raises(TypeError, match=r"torch module and was called with a NumPy array of float64.*as_tensor"):
        equivariance_error(conv, np.zeros((1, 1, 4, 4)), numpy_turn, numpy_turn, group=C4)


def test_the_tolerance_is_that_of_the_coarser_dtype():
    """L_g x in single precision is rounded, whatever f computes in afterwards."""
    rho = rotation_2d(C3)
    x = batch(2).astype(np.float32)
    assert_equivariant(lambda x: 2 * x.astype(np.float64), x, rho, rho)
    with pytest.raises(AssertionError):
        assert_equivariant(lambda x: 2 * x.astype(np.float64) + 1e-3, x, rho, rho)
