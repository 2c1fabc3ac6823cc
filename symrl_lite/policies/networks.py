"""Policies of vectors and of images, equivariant and plain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from symrl_lite.door import a_number, sizes, whole_number
from symrl_lite.groups import Representation, regular, trivial
from symrl_lite.layers import BasisConv2d, EquivariantLinear, moved_places
from symrl_lite.policies.actor_critic import ActorCritic
from symrl_lite.policies.parts import (
    Copies,
    Pool,
    Scale,
    basis_seed,
    image_shape,
    of_actions,
    of_images,
    orthogonal,
    orthogonal_copies,
    representations,
    sides,
)
from symrl_lite.symmetrizer import Space
from symrl_lite.symmetry import Symmetry

__all__ = ["cnn_policy", "equivariant_cnn", "equivariant_mlp", "mlp_policy"]


def equivariant_mlp(
    symmetry: Symmetry,
    channels: Sequence[int] = (64, 64),
    space: Space = "equivariant",
    bias_std: float = 0.0,
    actor_gain: float = 0.01,
    separate: bool = False,
) -> ActorCritic:
    """π(L_g x) = K_g π(x) and v(L_g x) = v(x), for states that are vectors.

    Hidden layers are copies of the regular representation, so a ReLU respects them. Weights start as by Xavier's rule:
    the entries of every weight matrix have the mean square 2 / (inputs + outputs).

    With `separate` it is made as `mlp_policy(..., separate=True)` is: scores and value have networks of their own, with
    tanh, and weights start as parts of orthogonal matrices that obey W L_g = K_g W.

    Args:
        symmetry: its actions are Representations.
        channels: number of copies in each hidden layer; |G| times as many units.
        space: "equivariant", or one of the controls.
        bias_std: biases start with this standard deviation (1 in the paper's code).
        actor_gain: factor on the first weights of the scores: small, so that the first policy is nearly uniform (1 in
            the paper's code).
        separate: whether scores and value have networks of their own.

    Raises:
        TypeError: actions that are no Representations. ValueError: separate networks of a control, whose spaces hold
            no orthogonal matrices to start from.

    >>> from symrl_lite.envs.cartpole import reflection
    >>> from symrl_lite.seeds import count_parameters
    >>> [count_parameters(equivariant_mlp(reflection(), space=s)) for s in ("equivariant", "nullspace", "random")]
    [8770, 8769, 17539]
    >>> count_parameters(equivariant_mlp(reflection(), (46, 46), separate=True))
    9156

    Source: van der Pol et al. 2020, MDP Homomorphic Networks; `separate`: Stable-Baselines3.
    """
    channels = sizes(channels, "channels")
    actor_gain, bias_std = a_number(actor_gain, "actor_gain", 0), a_number(bias_std, "bias_std", 0)
    rho_in, actions = representations(symmetry)
    hidden = regular(symmetry.group)
    if separate:
        if space != "equivariant":
            raise ValueError(f'space is {space!r}, expected "equivariant", or separate=False for a control')
        actor = orthogonal_copies(rho_in, hidden, actions, channels, actor_gain, bias_std)
        critic = orthogonal_copies(rho_in, hidden, trivial(symmetry.group), channels, 1.0, bias_std)
        return ActorCritic(Copies(), actor, critic, (rho_in.dimension,))
    layers: list[nn.Module] = [Copies()]
    rho, width = rho_in, 1
    for c in channels:
        layers += [EquivariantLinear(rho, hidden, width, c, space=space, seed=basis_seed()), nn.ReLU()]
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

    Source: the plain networks of van der Pol et al. 2020, MDP Homomorphic Networks; Xavier's rule: Glorot & Bengio
    2010; `separate`: Stable-Baselines3.
    """
    inputs, actions, units = whole_number(inputs, "inputs"), whole_number(actions, "actions"), sizes(units, "units")
    actor_gain = a_number(actor_gain, "actor_gain", 0)
    if separate:
        heads = orthogonal((inputs, *units, actions), actor_gain), orthogonal((inputs, *units, 1), 1.0)
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
    pooling: Literal["max", "mean", "none"] = "max",
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
        pooling: what the dense layer sees: of each map its largest value ("max"), its mean or all places ("none").
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
    actions = of_actions(symmetry)
    group = symmetry.group
    shape, kernels, strides = of_images(shape, kernels, strides, pooling)
    scale, actor_gain = a_number(scale, "scale"), a_number(actor_gain, "actor_gain", 0)
    bias_std = a_number(bias_std, "bias_std", 0)
    first, second, dense = (int(c / group.order**0.5) for c in sizes(units, "units", 3))
    if not first * second * dense:
        raise ValueError(
            f"units is {units}, expected at least √|G| = {group.order**0.5:.2g} of each, for one copy of |G|"
        )
    hidden = regular(group)
    convolutions = [
        BasisConv2d(group, shape[0], first, kernels[0], strides[0], lifting=True, space=space, seed=basis_seed()),
        BasisConv2d(group, first, second, kernels[1], strides[1], space=space, seed=basis_seed()),
    ]
    left = sides(shape, kernels, strides)
    seen = hidden * moved_places(group, left) if pooling == "none" else hidden  # at each pose one number, or all places
    body = nn.Sequential(
        Scale(scale),
        convolutions[0],
        nn.ReLU(),
        convolutions[1],
        nn.ReLU(),
        Pool(pooling, start=-3),
        EquivariantLinear(seen, hidden, second, dense, space=space, seed=basis_seed()),
        nn.ReLU(),
    )
    network = ActorCritic(body, *_heads(hidden, dense, actions, space), image_shape(shape, pooling))
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

    Source: the plain network of van der Pol et al. 2020, MDP Homomorphic Networks (grid world).
    """
    actions = whole_number(actions, "actions")
    shape, kernels, strides = of_images(shape, kernels, strides, pooling)
    scale, actor_gain = a_number(scale, "scale"), a_number(actor_gain, "actor_gain", 0)
    first, second, dense = sizes(units, "units", 3)
    left = sides(shape, kernels, strides)
    places = left**2 if pooling == "none" else 1
    body = nn.Sequential(
        Scale(scale),
        nn.Conv2d(shape[0], first, kernels[0], strides[0]),
        nn.ReLU(),
        nn.Conv2d(first, second, kernels[1], strides[1]),
        nn.ReLU(),
        Pool(pooling, start=-3),
        nn.Linear(second * places, dense),
        nn.ReLU(),
    )
    network = ActorCritic(body, nn.Linear(dense, actions), nn.Linear(dense, 1), image_shape(shape, pooling))
    return _start(network, "he", actor_gain)


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


def _heads(
    rho: Representation, channels: int, actions: Representation, space: Space
) -> tuple[EquivariantLinear, EquivariantLinear]:
    group = rho.group
    make = [
        EquivariantLinear(rho, out, channels, 1, space=space, init="linear", seed=basis_seed())
        for out in (actions, trivial(group))
    ]
    return make[0], make[1]
