"""Torch layers that obey W L_g = K_g W, and what may stand between them.

Features are (batch, channels, d), with the group acting on the last axis by a representation of dimension d.
`EquivariantLinear` is for any representation; the convolutions (in `group_convolution`) are for turns and flips of
images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from symrl_lite.door import require_function, whole_number
from symrl_lite.groups import Representation
from symrl_lite.layers.linear import EquivariantLinear, require_tensor

__all__ = ["EquivariantSequential", "NormNonlinearity"]

# Functions of one number, by their exact class: nn.ReLU6 is a subclass of nn.Hardtanh and not odd. The odd ones,
# f(−x) = −f(x), respect signs too.
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus)
POINTWISE = (*RECTIFIERS, nn.Sigmoid)
ODD = (nn.Tanh, nn.Softsign, nn.Tanhshrink, nn.Hardtanh, nn.Dropout)
ANY = (nn.Identity, nn.Dropout1d)  # nn.Dropout1d drops whole channels


class NormNonlinearity(nn.Module):
    """x → x · f(|x| + b) / |x|, for each channel, with the length |x| over the representation's axis.

    Right for every orthogonal representation, because those keep lengths. One learned b for each channel.

    Args:
        rho: the representation of the features.
        channels: number of channels.
        function: of the shifted length (..., channels, 1), which keeps the shape; ReLU by default.

    Raises:
        ValueError: a representation that is not orthogonal, no channels; when called, another shape.
        TypeError: no representation; when called, whole numbers.

    >>> from symrl_lite.groups import cyclic, rotation_2d
    >>> NormNonlinearity(rotation_2d(cyclic(4)), channels=1)(torch.tensor([[[3.0, 4.0]]])).tolist()
    [[[3.0, 4.0]]]

    Source: Worrall et al. 2017, Harmonic Networks (there for complex features).
    """

    def __init__(self, rho: Representation, channels: int, function: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        if not isinstance(rho, Representation):
            raise TypeError(f"rho is {rho!r}, expected a Representation")
        channels = whole_number(channels, "channels")
        require_function(function, "function", "a function of tensors")
        matrices = torch.from_numpy(rho.matrices.copy())
        error = (matrices @ matrices.transpose(1, 2) - torch.eye(rho.dimension, dtype=matrices.dtype)).abs().max()
        if error > 1e-9:
            raise ValueError(f"{rho!r} is not orthogonal (off by {error:.2g}), so it does not keep lengths")
        self.rho, self.function = rho, function
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x (..., channels, d) → the same shape.

        Raises:
            TypeError: no tensor of floating-point numbers. ValueError: another shape.
        """
        require_tensor(x)
        expected = (len(self.bias), self.rho.dimension)
        if x.ndim < 2 or x.shape[-2:] != expected:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (..., {expected[0]}, {expected[1]}): channels, then the "
                "representation"
            )
        if not x.is_floating_point():
            raise TypeError(f"x has dtype {x.dtype}, expected floating-point numbers: x.float()")
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # a length of half precision may not fit in it
        # Divided by the largest entry before it is squared, so that no square overflows; 1 for small ones: no change.
        scale = wide.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1.0)
        squares = ((wide / scale) ** 2).sum(dim=-1, keepdim=True)
        length = scale * torch.sqrt(squares + (torch.finfo(x.dtype).eps / scale) ** 2)
        return (wide * (self.function(length + self.bias.to(wide.dtype)) / length)).to(x.dtype)


class EquivariantSequential(nn.Sequential):
    """Layers one after the other, refused where one of them would break the symmetry.

    Every element is checked against what stands before and after it, when the stack is made and at every change of it
    (append, insert, extend, assignment, deletion). A change that is refused leaves the stack as it was. A stack
    without any representation in it, such as one ReLU, has nothing to be checked against.

    Args:
        layers: EquivariantLinear and NormNonlinearity; with them nn.ReLU and its like, where the representation is a
            permutation of coordinates, and odd functions such as nn.Tanh where it is one with signs. Or one
            OrderedDict of such.

    Raises:
        ValueError: a layer that does not fit its neighbours; a pointwise function on a representation that it does not
            commute with (the message says what would); a layer of one of the controls; a module of another kind.

    >>> from symrl_lite.groups import Representation, cyclic, regular
    >>> sign = Representation(cyclic(2), [[[1]], [[-1]]])
    >>> EquivariantSequential(EquivariantLinear(regular(cyclic(2)), sign, 1, 4), nn.ReLU())
    Traceback (most recent call last):
    ValueError: layer 1, ReLU(), acts on each number, and representation of dimension 1 of C2 changes signs: ...
    """

    _checked: tuple[nn.Module | None, ...] = ()

    def __init__(self, *layers: Any) -> None:
        named = layers[0] if len(layers) == 1 and isinstance(layers[0], Mapping) else None
        for k, layer in enumerate(layers if named is None else named.values()):
            if not isinstance(layer, nn.Module):
                raise ValueError(f"layer {k}, {layer!r}, is not known to be equivariant: expected a torch module")
        super().__init__(*layers)
        self._check()

    def forward(self, input: Tensor) -> Tensor:
        """x (..., channels, d) → what the last layer gives."""
        if not torch.compiler.is_compiling():
            self._check()  # for changes that came by another way
        return cast(Tensor, super().forward(input))

    def _check(self) -> None:
        """Every element against its neighbours, unless these very modules passed before."""
        layers = tuple(self._modules.values())
        if len(layers) != len(self._checked) or any(a is not b for a, b in zip(layers, self._checked, strict=True)):
            _require_fitting(layers)
            self._checked = layers

    def _change(self, change: Callable[[], Any]) -> Any:
        before = dict(self._modules)
        try:
            made = change()
            self._check()
        except Exception:
            self._modules.clear()
            self._modules.update(before)
            raise
        return made

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """As for every module; checked."""
        _require_module(module)
        self._change(lambda: super(EquivariantSequential, self).add_module(name, module))

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, nn.Module) or name in self.__dict__.get("_modules", ()):
            self._change(lambda: super(EquivariantSequential, self).__setattr__(name, value))
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._change(lambda: super(EquivariantSequential, self).__delattr__(name))

    def __setitem__(self, idx: int, module: nn.Module) -> None:
        self._change(lambda: super(EquivariantSequential, self).__setitem__(idx, module))

    def __delitem__(self, idx: slice | int) -> None:
        """One layer or several; the others are numbered anew."""
        names = list(self._modules)
        gone = set(names[idx]) if isinstance(idx, slice) else {names[idx]}
        left = [layer for name, layer in self._modules.items() if name not in gone]

        def change() -> None:
            self._modules.clear()
            self._modules.update({str(k): layer for k, layer in enumerate(left)})

        self._change(change)

    def insert(self, index: int, module: nn.Module) -> EquivariantSequential:
        """As for nn.Sequential; checked.

        Raises:
            TypeError: None, which is no layer.
        """
        if module is None:
            raise TypeError("the layer is None, expected a torch module")
        _require_module(module)
        index = whole_number(index, "index", -len(self), len(self))
        self._change(lambda: super(EquivariantSequential, self).insert(index, module))
        return self

    def extend(self, sequential: Iterable[nn.Module]) -> EquivariantSequential:
        """As for nn.Sequential; checked.

        Raises:
            TypeError: what is no list of layers.
        """
        if not isinstance(sequential, Iterable):
            raise TypeError(f"sequential is {sequential!r}, expected layers, such as a list of them")
        sequential = list(sequential)
        for layer in sequential:
            _require_module(layer)
        self._change(lambda: super(EquivariantSequential, self).extend(sequential))
        return self

    def __iadd__(self, other: nn.Sequential) -> EquivariantSequential:
        return self.extend(other)

    def __imul__(self, other: int) -> EquivariantSequential:
        self._change(lambda: super(EquivariantSequential, self).__imul__(other))
        return self

    def __add__(self, other: nn.Sequential) -> EquivariantSequential:
        return EquivariantSequential(*self, *other)

    def __mul__(self, other: int) -> EquivariantSequential:
        return EquivariantSequential(*super().__mul__(other))


def _require_module(layer: Any) -> None:
    if layer is not None and not isinstance(layer, nn.Module):
        raise TypeError(f"the layer is {layer!r}, expected a torch module")


def _require_fitting(layers: Sequence[nn.Module | None]) -> None:
    """Refuse a stack in which two neighbours do not fit, or a function does not commute with what it acts on."""
    rho: Representation | None = None
    channels: int | None = None
    early: list[tuple[int, nn.Module]] = []  # functions that stand before the first representation, and act on it
    for k, layer in enumerate(layers):
        if isinstance(layer, EquivariantLinear):
            if layer.space != "equivariant":
                raise ValueError(
                    f"layer {k} is a control, space={layer.space!r}, which obeys nothing: use nn.Sequential"
                )
            if rho is not None and (layer.rho_in != rho or layer.channels_in != channels):
                raise ValueError(
                    f"layer {k} takes {layer.channels_in} × {layer.rho_in!r}, the one before gives {channels} × {rho!r}"
                )
            first, rho, channels = layer.rho_in, layer.rho_out, layer.channels_out
        elif isinstance(layer, NormNonlinearity):
            if rho is not None and (layer.rho != rho or len(layer.bias) != channels):
                raise ValueError(
                    f"layer {k}, the norm non-linearity, is for {len(layer.bias)} × {layer.rho!r}, expected {channels} "
                    f"× {rho!r}"
                )
            first = rho = layer.rho
            channels = len(layer.bias)
        elif type(layer) in POINTWISE + ODD and layer is not None:
            if rho is None:
                early.append((k, layer))
            else:
                _require_pointwise(k, layer, rho)
            continue
        elif type(layer) in ANY:
            continue
        else:
            raise ValueError(
                f"layer {k}, {layer}, is not known to be equivariant: expected EquivariantLinear, NormNonlinearity or "
                "a pointwise function"
            )
        for place, function in early:
            _require_pointwise(place, function, first)
        early = []


def _require_pointwise(k: int, layer: nn.Module, rho: Representation) -> None:
    """A function of each number commutes with permutations; an odd one with signs as well; none with rotations."""
    odd = type(layer) in ODD and not (isinstance(layer, nn.Hardtanh) and layer.min_val != -layer.max_val)
    if rho.is_permutation or (rho.is_signed_permutation and odd):
        return
    name = f"{rho.name} of {rho.group.name}"
    if rho.is_signed_permutation:
        raise ValueError(
            f"layer {k}, {layer}, acts on each number, and {name} changes signs: f(−x) is not −f(x). Use an odd "
            "function such as nn.Tanh(), or NormNonlinearity"
        )
    raise ValueError(
        f"layer {k}, {layer}, acts on each number, and {name} mixes numbers: it does not commute. Use "
        "NormNonlinearity, or a permutation representation such as regular(group) for hidden layers"
    )
