"""Layers and policies."""

import numpy as np
import torch
from torch import nn

from symrl_lite import layers, policies
from symrl_lite.envs.cartpole import reflection
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.groups import rotation_2d
from symrl_lite.layers import group_convolution as group_convolutions
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, real, seed, tensor, thing, word
from tests.door.mathematics import group, rho
from tests.door.shared import (
    C4,
    REGULAR,
    called,
    channels,
    features,
    images,
    linear,
    module,
    one_more,
    poses,
    stack,
    stack_of,
)

draw = np.random.default_rng(3)
torch.manual_seed(0)  # networks below are made once, and must be the same in every run
LAYERS = [
    entry(
        "layers.EquivariantLinear",
        layers.EquivariantLinear,
        random=True,
        rho_in=rho(REGULAR),
        rho_out=rho(REGULAR),
        **channels(),
        space=word("random"),
        init=word("relu"),
        seed=seed(0, none=True),
    ),
    entry(
        "layers.EquivariantLinear.forward",
        called(layers.EquivariantLinear, REGULAR, REGULAR, 2, 3),
        x=tensor(features, extra=False, missing=False, empty=False),
    ),
    entry("layers.EquivariantLinear.weight", linear.weight),
    entry("layers.EquivariantLinear.bias_vector", linear.bias_vector),
    entry("layers.EquivariantLinear.reset_parameters", linear.reset_parameters),
    entry("layers.EquivariantLinear.train", lambda mode: linear.train(mode).training, mode=given(True)),
    entry("layers.EquivariantLinear.extra_repr", linear.extra_repr),
    entry(
        "layers.EquivariantSequential",
        lambda layer: layers.EquivariantSequential(one_more(), layer),
        random=True,
        layer=module(nn.ReLU()),
    ),
    entry(
        "layers.EquivariantSequential.forward",
        called(stack_of),
        x=tensor(features, extra=False, missing=False, empty=False),
    ),
    entry(
        "layers.EquivariantSequential.add_module",
        lambda module: stack().add_module("2", module),
        module=module(one_more()),
    ),
    entry(
        "layers.EquivariantSequential.insert",
        lambda index, module: stack().insert(index, module),
        random=True,
        view=repr,
        index=given(1, ("np.int64", np.int64(1), 1), ("a fraction", 0.5), ("a text", "1"), ("too far", 9)),
        module=module(one_more()),
    ),
    entry(
        "layers.EquivariantSequential.extend",
        lambda sequential: stack().extend(sequential),
        random=True,
        view=repr,
        sequential=given([one_more()], ("a number", 3), ("None", None), ("numbers", [3]), words=("layer",)),
    ),
    entry(
        "layers.NormNonlinearity",
        layers.NormNonlinearity,
        rho=rho(rotation_2d(C4)),
        channels=count(2),
        function=function(torch.relu),
    ),
    entry(
        "layers.NormNonlinearity.forward",
        layers.NormNonlinearity(rotation_2d(C4), 2),
        x=tensor(draw.normal(size=(3, 2, 2)), extra=False, missing=False, empty=False),
    ),
    entry(
        "layers.BasisConv2d",
        layers.BasisConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(2),
        stride=count(1),
        lifting=given(True),
        space=word("random"),
        seed=seed(0, none=True),
    ),
    entry(
        "layers.BasisConv2d.forward",
        called(layers.BasisConv2d, C4, 2, 3, 2),
        x=tensor(poses, extra=True, missing=False, empty=False),
    ),
    entry(
        "layers.LiftingConv2d",
        layers.LiftingConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(3),
        stride=count(1),
        padding=count(1, low=0),
    ),
    entry("layers.LiftingConv2d.forward", called(layers.LiftingConv2d, C4, 2, 3, 3), x=tensor(images, empty=False)),
    *[
        entry(f"layers.{name}.{method}", getattr(layer, method))
        for name, layer in (
            ("EquivariantLinear", linear),
            ("LiftingConv2d", layers.LiftingConv2d(C4, 2, 3, 3)),
            ("GroupConv2d", layers.GroupConv2d(C4, 2, 3, 3)),
        )
        for method in ("weight", "weight_or_kept", "made_of")
        if (name, method) != ("EquivariantLinear", "weight")
    ],
    entry("layers.LiftingConv2d.train", layers.LiftingConv2d(C4, 2, 3, 3).train, view=str, mode=given(True)),
    entry("layers.GroupConv2d.train", layers.GroupConv2d(C4, 2, 3, 3).train, view=str, mode=given(True)),
    entry("layers.LiftingConv2d.extra_repr", layers.LiftingConv2d(C4, 2, 3, 3).extra_repr),
    entry(
        "layers.GroupConv2d",
        layers.GroupConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(3),
        stride=count(1),
        padding=count(1, low=0),
    ),
    entry("layers.GroupConv2d.forward", called(layers.GroupConv2d, C4, 2, 3, 3), x=tensor(poses, empty=False)),
    entry("layers.GroupConv2d.extra_repr", layers.GroupConv2d(C4, 2, 3, 3).extra_repr),
    entry("layers.GroupPool", layers.GroupPool, reduce=word("max")),
    entry("layers.GroupPool.forward", layers.GroupPool("mean"), x=tensor(poses, empty=False)),
    entry("layers.moved_places", layers.moved_places, group=group(C4), size=count(2)),
    entry("layers.pose_filters", group_convolutions.pose_filters, group=group(C4), size=count(3)),
    entry(
        "layers.require_fit",
        group_convolutions.require_fit,
        shape=given((1, 5, 5)),
        kernel_size=count(3),
        stride=count(1),
        padding=count(0, low=0),
    ),
]

state = draw.normal(size=(5, 4))
network = policies.mlp_policy(4, 2, (8,))
body = policies.ActorCritic(nn.Identity(), nn.Linear(4, 2), nn.Linear(4, 1), (4,))
sizes = (  # noqa: E731
    lambda *value: given(
        list(value),
        ("a tuple", value, list(value)),
        ("an array", np.array(value), list(value)),
        ("a fraction", [*value[:-1], 1.5]),
        ("0", [*value[:-1], 0]),
        ("below 0", [*value[:-1], -1]),
        ("a text", "three"),
        ("a number", 3),
        ("None", None),
        ("True", [*value[:-1], True]),
    )
)
chase = PredatorPrey().rotations()
rest = {"actor_gain": real(0.01, low=0)}
POLICIES = [
    entry(
        "policies.ActorCritic",
        policies.ActorCritic,
        body=module(nn.Identity()),
        actor=module(nn.Linear(4, 2)),
        critic=module(nn.Linear(4, 1)),
        state_shape=sizes(4),
        fine={"state_shape: None": "a state may have any shape"},
    ),
    entry("policies.ActorCritic.forward", body, x=tensor(state, empty=False, narrow=1e-5)),
    entry(
        "policies.ActorCritic.probabilities",
        body.probabilities,
        x=array(state, nan="shown", missing=False, extra=True, empty=False, half=1e-5),
        fine={"x: a number": ""},
    ),
    entry(
        "policies.OnTable",
        policies.OnTable,
        network=module(body),
        images=array(state, nan="any", missing=False, extra=False, empty=True),
    ),
    entry(
        "policies.OnTable.forward",
        policies.OnTable(body, torch.tensor(state, dtype=torch.float32)),
        errors=(IndexError,),
        states=given(
            torch.tensor([0, 4]),
            ("int32", torch.tensor([0, 4], dtype=torch.int32), torch.tensor([0, 4])),
            ("below", torch.tensor([-1, 0])),
            ("above", torch.tensor([0, 5])),
            ("fractions", torch.tensor([0.5, 1])),
            ("uint8", torch.tensor([0, 4], dtype=torch.uint8)),
            ("booleans", torch.tensor([True, False])),
            ("an array", np.array([0, 4]), torch.tensor([0, 4])),
            ("a list", [0, 4], torch.tensor([0, 4])),
            ("a text", "three"),
            words=("states",),
        ),
    ),
    entry(
        "policies.mlp_policy",
        policies.mlp_policy,
        random=True,
        inputs=count(4),
        actions=count(2),
        units=sizes(8, 4),
        **rest,
    ),
    entry(
        "policies.cnn_policy",
        policies.cnn_policy,
        random=True,
        actions=count(2),
        shape=sizes(1, 9, 9),
        units=sizes(2, 3, 4),
        kernels=sizes(3, 3),
        strides=sizes(1, 1),
        pooling=word("max"),
        scale=real(0.5),
        **rest,
    ),
    entry(
        "policies.equivariant_mlp",
        policies.equivariant_mlp,
        random=True,
        symmetry=thing(reflection()),
        channels=sizes(2, 2),
        space=word("equivariant"),
        bias_std=real(0.0, low=0),
        **rest,
    ),
    entry(
        "policies.equivariant_cnn",
        policies.equivariant_cnn,
        random=True,
        symmetry=thing(chase),
        shape=sizes(1, 3, 3),
        units=sizes(2, 2, 2),
        kernels=sizes(2, 2),
        strides=sizes(1, 1),
        pooling=word("max"),
        space=word("equivariant"),
        bias_std=real(0.0, low=0),
        scale=real(0.5),
        **rest,
    ),
]


TABLE = [*LAYERS, *POLICIES]
