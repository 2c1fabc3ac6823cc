"""Actor-critics: from a `Symmetry`, with its controls, and plain ones.

Every network takes states (batch, ...) and returns scores of the actions (batch, actions) and values (batch,). A
network from a symmetry obeys f(L_g x) = K_g f(x) in the scores and v(L_g x) = v(x) in the value, whatever its
parameters are. With space="nullspace" or "random" it is the same network on the other weights, the paper's controls.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from symrl_lite._door import a_number, require_text, sizes, whole_number
from symrl_lite._equivariant_linear import as_tensor, require_tensor
from symrl_lite.groups import Representation, regular, trivial
from symrl_lite.layers import BasisConv2d, EquivariantLinear, moved_places
from symrl_lite.symmetrizer import Space
from symrl_lite.symmetry import Symmetry

__all__ = ["ActorCritic", "OnTable", "cnn_policy", "equivariant_cnn", "equivariant_mlp", "mlp_policy"]


class ActorCritic(nn.Module):
    """scores = actor(body(x)), value = critic(body(x)).

    Args:
        body: (batch, ...) -> features.
        actor: features -> scores of the actions.
        critic: features -> one value.
        state_shape: of one state, with None for a size that may vary; then states are checked, converted to the
            parameters' dtype, and told from batches. Networks of this module know it.

    Raises:
        ValueError: when called, states of another shape than (batch, *state_shape); without state_shape, scores and
            values of different numbers of states.
    """

    state_shape: tuple[int | None, ...] | None = None

    def __init__(
        self, body: nn.Module, actor: nn.Module, critic: nn.Module, state_shape: Sequence[int | None] | None = None
    ) -> None:
        super().__init__()
        for what, module in (("body", body), ("actor", actor), ("critic", critic)):
            _require_module(module, what)
        self.body, self.actor, self.critic = body, actor, critic
        self.state_shape = None if state_shape is None else _state_shape(state_shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, ...) → scores (batch, actions) and values (batch,)."""
        require_tensor(x, real=True)
        if self.state_shape is not None:
            if x.ndim != 1 + len(self.state_shape) or not self._is_state(x.shape[1:]):
                raise ValueError(
                    f"x has shape {tuple(x.shape)}, expected {self._expected()}: give one state as x[None]"
                )
            x = x.to(next(self.parameters()).dtype)
        features = self.body(x)
        scores, values = self.actor(features).flatten(1), self.critic(features).flatten()
        if len(scores) != len(values):
            raise ValueError(
                f"x has shape {tuple(x.shape)} and gives scores of {len(scores)} states and {len(values)} values, "
                "expected (batch, *state): say the shape of a state with ActorCritic(..., state_shape=...)"
            )
        return scores, values

    def _is_state(self, shape: Sequence[int]) -> bool:
        known = self.state_shape or ()
        return len(shape) == len(known) and all(n in (None, m) for n, m in zip(known, shape, strict=True))

    def _expected(self) -> str:
        sizes = ["any" if n is None else str(n) for n in self.state_shape or ()]
        return "(" + ", ".join(["batch", *sizes]) + ")"

    def probabilities(self, x: Any) -> Any:
        """π(·|x) as a NumPy array: (actions,) for one state, (batch, actions) for a batch of them.

        Args:
            x: an array, a list or a tensor, of the shape of a state or (batch, *state). Without `state_shape` it is
                taken for one state.

        Raises:
            ValueError: neither a state nor a batch of states.

        >>> network = mlp_policy(4, 2)
        >>> network.probabilities([0.0, 0.0, 0.0, 0.0]).shape, network.probabilities(torch.zeros(10, 4)).shape
        ((2,), (10, 2))
        """
        first = next(self.parameters())
        state = as_tensor(x, "x").to(first.device)
        state = state.to(first.dtype) if state.is_floating_point() else state
        single = self.state_shape is None or self._is_state(state.shape)
        if not single and not self._is_state(state.shape[1:]):
            raise ValueError(f"x has shape {tuple(state.shape)}, expected a state, or {self._expected()}")
        with torch.no_grad():
            probabilities = torch.softmax(self(state[None] if single else state)[0], dim=-1)
        probabilities = probabilities[0] if single else probabilities
        return (probabilities.float() if probabilities.element_size() < 4 else probabilities).cpu().numpy()


class OnTable(nn.Module):
    """x[i] for state numbers i: a network of images, run once on all images that there are.

    For an environment with few different images this is many times cheaper than to run it on each image of a batch.

    Args:
        network: an actor-critic of images.
        images: (states, channels, height, width).

    Raises:
        TypeError: when called, state numbers that are not int64, int32 or int16. IndexError: a number that is no state.
    """

    images: Tensor
    looks_up = True  # see SeedBatch.frozen

    def __init__(self, network: nn.Module, images: Any) -> None:
        super().__init__()
        _require_module(network, "network")
        pictures = as_tensor(images, "images")
        if pictures.ndim < 2 or len(pictures) == 0:
            raise ValueError(f"images have shape {tuple(pictures.shape)}, expected (states, *shape)")
        self.network = network
        self.register_buffer("images", pictures, persistent=False)

    def forward(self, states: Tensor | None, table: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """State numbers (batch,) → scores (batch, actions) and values (batch,); None → those of all states."""
        scores, values = self.network(self.images) if table is None else table
        if states is None:
            return scores, values
        require_tensor(states, "states")
        if states.dtype not in (torch.int64, torch.int32, torch.int16):  # uint8 and bool would be masks
            raise TypeError(f"states have dtype {states.dtype}, expected whole numbers, torch.int64")
        # A negative number would wrap round; past the end it is refused by torch, inside vmap too.
        states = torch.where(states < 0, len(self.images), states.long())
        return scores[states], values[states]


class _Copies(nn.Module):
    """(batch, d) → (batch, 1, d): one copy of the input's representation."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-2)


class _Scale(nn.Module):
    """x → scale · x."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return (x if x.is_floating_point() else x.to(torch.get_default_dtype())) * self.scale


class _Pool(nn.Module):
    """Of each map the largest value, the mean, or all places, (..., [|G|,] height, width) → features in one axis."""

    def __init__(self, pooling: str, start: int) -> None:
        super().__init__()
        if pooling not in ("max", "mean", "none"):
            raise ValueError(f'pooling is {pooling!r}, expected "max", "mean" or "none"')
        self.pooling, self.start = pooling, start

    def forward(self, x: Tensor) -> Tensor:
        if self.pooling == "none":
            return x.flatten(self.start)
        return x.amax(dim=(-2, -1)) if self.pooling == "max" else x.mean(dim=(-2, -1))


def equivariant_mlp(
    symmetry: Symmetry,
    channels: Sequence[int] = (64, 64),
    space: Space = "equivariant",
    bias_std: float = 0.0,
    actor_gain: float = 0.01,
) -> ActorCritic:
    """π(L_g x) = K_g π(x) and v(L_g x) = v(x), for states that are vectors.

    Hidden layers are copies of the regular representation, so a ReLU respects them. Weights start as by Xavier's rule:
    the entries of every weight matrix have the mean square 2 / (inputs + outputs).

    Args:
        symmetry: its actions are Representations.
        channels: number of copies in each hidden layer; |G| times as many units.
        space: "equivariant", or one of the controls.
        bias_std: biases start with this standard deviation (1 in the paper's code).
        actor_gain: factor on the first weights of the scores: small, so that the first policy is nearly uniform (1 in
            the paper's code).

    Raises:
        TypeError: actions that are no Representations.

    >>> from symrl_lite.envs.cartpole import reflection
    >>> from symrl_lite.seeds import count_parameters
    >>> [count_parameters(equivariant_mlp(reflection(), space=s)) for s in ("equivariant", "nullspace", "random")]
    [8770, 8769, 17539]

    Source: van der Pol et al. 2020, MDP Homomorphic Networks.
    """
    channels = sizes(channels, "channels")
    actor_gain, bias_std = a_number(actor_gain, "actor_gain", 0), a_number(bias_std, "bias_std", 0)
    rho_in, actions = _representations(symmetry)
    hidden = regular(symmetry.group)
    layers: list[nn.Module] = [_Copies()]
    rho, width = rho_in, 1
    for c in channels:
        layers += [EquivariantLinear(rho, hidden, width, c, space=space, seed=_basis_seed()), nn.ReLU()]
        rho, width = hidden, c
    network = ActorCritic(nn.Sequential(*layers), *_heads(rho, width, actions, space), (rho_in.dimension,))
    return _start(network, "xavier", actor_gain, bias_std)


def mlp_policy(
    inputs: int, actions: int, units: Sequence[int] = (64, 128), actor_gain: float = 0.01, separate: bool = False
) -> ActorCritic:
    """A plain network of vectors, that starts by Xavier's rule, with biases at 0.

    With `separate`, scores and value have networks of their own, with tanh and orthogonal weights, as in
    Stable-Baselines3; otherwise they share all layers but the last, with ReLU, as in the paper.

    >>> from symrl_lite.seeds import count_parameters
    >>> [count_parameters(mlp_policy(4, 2, u)) for u in ((64, 128), (128, 128))]
    [9027, 17539]
    >>> count_parameters(mlp_policy(4, 2, (64, 64), separate=True))
    9155
    """
    inputs, actions, units = whole_number(inputs, "inputs"), whole_number(actions, "actions"), sizes(units, "units")
    actor_gain = a_number(actor_gain, "actor_gain", 0)
    if separate:
        heads = _orthogonal((inputs, *units, actions), actor_gain), _orthogonal((inputs, *units, 1), 1.0)
        return ActorCritic(nn.Identity(), *heads, (inputs,))
    layers: list[nn.Module] = []
    for a, b in zip((inputs, *units), units, strict=False):
        layers += [nn.Linear(a, b), nn.ReLU()]
    width = units[-1] if units else inputs
    network = ActorCritic(nn.Sequential(*layers), nn.Linear(width, actions), nn.Linear(width, 1), (inputs,))
    return _start(network, "xavier", actor_gain)


def equivariant_cnn(
    symmetry: Symmetry,
    shape: Sequence[int] = (1, 21, 21),
    units: Sequence[int] = (16, 32, 512),
    kernels: Sequence[int] = (7, 5),
    strides: Sequence[int] = (2, 1),
    pooling: Literal["max", "none"] = "max",
    space: Space = "equivariant",
    bias_std: float = 0.0,
    scale: float = 1.0,
    actor_gain: float = 0.01,
) -> ActorCritic:
    """π(L_g x) = K_g π(x) and v(L_g x) = v(x), for images: two convolutions and a dense layer.

    Of c units of a plain network it has ⌊c / √|G|⌋ copies of |G| poses: about as many parameters, √|G| times as many
    units. Weights start by He's rule: the entries have the mean square 2 / inputs.

    Args:
        symmetry: L_g turns or flips images (`on_images` and its like), K_g is a Representation.
        shape: channels, height and width of the images.
        units: of the plain network of equal size: two convolutions and a dense layer.
        kernels: sizes of the filters.
        strides: of the convolutions.
        pooling: what the dense layer sees: of each map its largest value ("max") or all places ("none").
        space: "equivariant", or one of the controls.
        bias_std, actor_gain: as in `equivariant_mlp`.
        scale: factor on the pixels (1/255 in the paper's code, though its pixels are 0 and 1).

    Raises:
        ValueError: sizes at which such a network is not equivariant. TypeError: K_g is no Representation.

    >>> from symrl_lite.envs.predator import PredatorPrey
    >>> from symrl_lite.seeds import count_parameters
    >>> turns = PredatorPrey().rotations()
    >>> [count_parameters(equivariant_cnn(turns, space=s)) for s in ("equivariant", "nullspace", "random")]
    [31395, 94179, 125574]

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (grid world).
    """
    actions = _of_actions(symmetry)
    group = symmetry.group
    shape, kernels, strides = _of_images(shape, kernels, strides, pooling)
    scale, actor_gain = a_number(scale, "scale"), a_number(actor_gain, "actor_gain", 0)
    bias_std = a_number(bias_std, "bias_std", 0)
    first, second, dense = (int(c / group.order**0.5) for c in sizes(units, "units", 3))
    if not first * second * dense:
        raise ValueError(
            f"units is {units}, expected at least √|G| = {group.order**0.5:.2g} of each, for one copy of |G|"
        )
    hidden = regular(group)
    convolutions = [
        BasisConv2d(group, shape[0], first, kernels[0], strides[0], lifting=True, space=space, seed=_basis_seed()),
        BasisConv2d(group, first, second, kernels[1], strides[1], space=space, seed=_basis_seed()),
    ]
    left = _sides(shape, kernels, strides)
    seen = hidden if pooling == "max" else hidden * moved_places(group, left)  # at each pose one number, or all places
    body = nn.Sequential(
        _Scale(scale),
        convolutions[0],
        nn.ReLU(),
        convolutions[1],
        nn.ReLU(),
        _Pool(pooling, start=-3),
        EquivariantLinear(seen, hidden, second, dense, space=space, seed=_basis_seed()),
        nn.ReLU(),
    )
    network = ActorCritic(body, *_heads(hidden, dense, actions, space), _image(shape, pooling))
    return _start(network, "he", actor_gain, bias_std)


def cnn_policy(
    actions: int,
    shape: Sequence[int] = (1, 21, 21),
    units: Sequence[int] = (16, 32, 512),
    kernels: Sequence[int] = (7, 5),
    strides: Sequence[int] = (2, 1),
    pooling: Literal["max", "mean", "none"] = "max",
    scale: float = 1.0,
    actor_gain: float = 0.01,
) -> ActorCritic:
    """A plain network of images, as `equivariant_cnn` but with nn.Conv2d; pooling "mean" is the paper's code.

    >>> from symrl_lite.seeds import count_parameters
    >>> count_parameters(cnn_policy(actions=5))
    33606
    """
    actions = whole_number(actions, "actions")
    shape, kernels, strides = _of_images(shape, kernels, strides, pooling)
    scale, actor_gain = a_number(scale, "scale"), a_number(actor_gain, "actor_gain", 0)
    first, second, dense = sizes(units, "units", 3)
    left = _sides(shape, kernels, strides)
    places = left**2 if pooling == "none" else 1
    body = nn.Sequential(
        _Scale(scale),
        nn.Conv2d(shape[0], first, kernels[0], strides[0]),
        nn.ReLU(),
        nn.Conv2d(first, second, kernels[1], strides[1]),
        nn.ReLU(),
        _Pool(pooling, start=-3),
        nn.Linear(second * places, dense),
        nn.ReLU(),
    )
    network = ActorCritic(body, nn.Linear(dense, actions), nn.Linear(dense, 1), _image(shape, pooling))
    return _start(network, "he", actor_gain)


def _of_images(shape: Any, kernels: Any, strides: Any, pooling: Any) -> tuple[tuple[int, ...], ...]:
    """Shape, kernels and strides, checked."""
    require_text(pooling, "pooling", ("max", "mean", "none"))
    return sizes(shape, "shape", 3), sizes(kernels, "kernels", 2), sizes(strides, "strides", 2)


def _state_shape(shape: Any) -> tuple[int | None, ...]:
    """Whole numbers from 1; None for a size that may vary."""
    if isinstance(shape, str) or not isinstance(shape, Sequence | np.ndarray):
        raise TypeError(f"state_shape is {shape!r}, expected whole numbers, with None for a size that may vary")
    return tuple(None if n is None else whole_number(n, f"state_shape[{k}]") for k, n in enumerate(shape))


def _require_module(module: Any, what: str) -> None:
    if not isinstance(module, nn.Module):
        raise TypeError(f"{what} is {module!r}, expected a torch module")


def _image(shape: Sequence[int], pooling: str) -> tuple[int | None, ...]:
    """The shape of a state: pooled maps may have any size."""
    return tuple(shape) if pooling == "none" else (shape[0], None, None)


def _orthogonal(sizes: Sequence[int], gain: float) -> nn.Sequential:
    """Linear layers with tanh between them, orthogonal weights of gain √2, and `gain` for the last."""
    layers: list[nn.Module] = []
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        layer = nn.Linear(a, b)
        nn.init.orthogonal_(layer.weight, gain if k == len(sizes) - 2 else math.sqrt(2))
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _sides(shape: Sequence[int], kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Height and width after the convolutions."""
    if len(shape) != 3 or shape[1] != shape[2]:
        raise ValueError(f"shape is {tuple(shape)}, expected (channels, height, width) of a square image")
    side = shape[1]
    for kernel, stride in zip(kernels, strides, strict=True):
        side = (side - kernel) // stride + 1
    if side < 1:
        raise ValueError(f"images of {shape[1]} × {shape[2]} are too small for filters of {tuple(kernels)}")
    return side


def _start(
    network: ActorCritic, rule: Literal["xavier", "he"], actor_gain: float, bias_std: float = 0.0
) -> ActorCritic:
    """Normal weights with one mean square for all entries of a layer, whatever its space; biases normal or 0."""
    weight: Tensor
    for layer in network.modules():
        if isinstance(layer, EquivariantLinear):
            d_in, d_out = layer.rho_in.dimension, layer.rho_out.dimension
            inputs, outputs = layer.channels_in * d_in, layer.channels_out * d_out
            weight, spread = layer.coefficients, d_in * d_out / layer.coefficients.shape[2]
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            outputs, inputs = layer.weight.shape[0], layer.weight[0].numel()
            weight, spread = layer.weight, 1.0
        else:
            continue
        square = 2 / (inputs + outputs) if rule == "xavier" else 2 / inputs
        nn.init.normal_(weight, std=math.sqrt(square * spread))
        if layer.bias is not None:
            nn.init.normal_(layer.bias, std=bias_std)
        if layer is network.actor:
            weight.data.mul_(actor_gain)
    return network


def _representations(symmetry: Symmetry) -> tuple[Representation, Representation]:
    actions = _of_actions(symmetry)
    if not isinstance(symmetry.on_states, Representation):
        raise TypeError(f"on_states is {symmetry.on_states!r}, expected a Representation that acts on state vectors")
    return symmetry.on_states, actions


def _of_actions(symmetry: Symmetry) -> Representation:
    if not isinstance(symmetry, Symmetry):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry")
    if not isinstance(symmetry.on_actions, Representation):
        raise TypeError(f"on_actions is {symmetry.on_actions!r}, expected a Representation of the actions' values")
    return symmetry.on_actions


def _heads(
    rho: Representation, channels: int, actions: Representation, space: Space
) -> tuple[EquivariantLinear, EquivariantLinear]:
    group = rho.group
    make = [
        EquivariantLinear(rho, out, channels, 1, space=space, init="linear", seed=_basis_seed())
        for out in (actions, trivial(group))
    ]
    return make[0], make[1]


def _basis_seed() -> int:
    """From torch's random numbers, so that a network is a function of torch's seed alone."""
    return int(torch.randint(2**31, ()))
