"""Small layers and inputs that several tables use."""

import numpy as np
import torch
from torch import nn

from symrl_lite import layers
from symrl_lite.groups import cyclic, dihedral, regular
from tests.door.kinds import count, thing

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)
REGULAR = regular(C4)
draw = np.random.default_rng(2)
torch.manual_seed(0)  # networks below are made once, and must be the same in every run
like = lambda layer, x: layer.to(x.dtype) if isinstance(x, torch.Tensor) and x.is_floating_point() else layer  # noqa: E731


def made(cls, **arguments):
    return lambda **given: cls(**arguments | given)


def called(cls, *arguments, **more):
    """The layer, made under one seed, of an input."""

    def call(x):
        torch.manual_seed(1)
        return cls(*arguments, **more)(x)

    return call


channels = lambda: {"channels_in": count(2), "channels_out": count(3)}  # noqa: E731
images = torch.tensor(draw.normal(size=(2, 2, 5, 5)))
poses = torch.tensor(draw.normal(size=(2, 2, 4, 5, 5)))
features = torch.tensor(draw.normal(size=(2, 2, 4)))
linear = layers.EquivariantLinear(REGULAR, REGULAR, 2, 3)
stack = lambda: layers.EquivariantSequential(layers.EquivariantLinear(REGULAR, REGULAR, 2, 2), nn.ReLU())  # noqa: E731
one_more = lambda: layers.EquivariantLinear(REGULAR, REGULAR, 2, 2)  # noqa: E731
stack_of = lambda: stack()  # noqa: E731
module = lambda value: thing(value, words=("layer", "expected a torch module"))  # noqa: E731
