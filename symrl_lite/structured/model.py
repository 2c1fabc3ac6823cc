"""The networks of a structured world model: object extractor, encoder, graph network, decoder."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from symrl_lite.actions import on_moves
from symrl_lite.door import require_text, sizes, whole_number, whole_numbers
from symrl_lite.groups import Representation, cyclic, regular, rotation_2d
from symrl_lite.layers import EquivariantLinear, moved_places, pose_filters
from symrl_lite.layers.linear import require_tensor
from symrl_lite.plannable.model import action_numbers
from symrl_lite.structured.tiles import Tiles, as_pixels, cut

__all__ = ["EquivariantLayers", "Layers", "StructuredModel"]

Kind = Literal["state", "action", "hidden", "cells"]


class Layers:
    """What the networks are made of: linear layers between the kinds of vectors that there are.

    Args:
        hidden: units.
        dimension: D, of a slot.
        actions: of a slot.
        cells: of a feature map.
    """

    def __init__(self, hidden: int, dimension: int, actions: int, cells: int) -> None:
        self.sizes = {"state": dimension, "action": actions, "hidden": hidden, "cells": cells}

    def linear(self, before: Kind, after: Kind, copies: int = 1) -> nn.Module:
        """A linear layer, (..., copies · before) -> (..., after)."""
        return nn.Linear(copies * self.sizes[before], self.sizes[after])

    def norm(self) -> nn.Module:
        """Layer normalisation of hidden units."""
        return nn.LayerNorm(self.sizes["hidden"])

    def tile_features(self, colors: int, tile: int, channels: int) -> nn.Module:
        """Features of a tile, (..., colors · tile · tile) -> (..., channels), before the ReLU."""
        layer = nn.Linear(colors * tile * tile, channels)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer


class EquivariantLayers(Layers):
    """Layers that turn with the picture, C4: slots hold vectors of the plane, hidden units are functions on the group.

    Args:
        hidden, cells: as for `Layers`; hidden is a multiple of 4, cells are those of a square map.

    Raises:
        ValueError: a number that doesn't fit.

    Source: after Park et al. 2022, Learning Symmetric Embeddings for Equivariant World Models.
    """

    def __init__(self, hidden: int, dimension: int, actions: int, cells: int) -> None:
        super().__init__(hidden, dimension, actions, cells)
        side = round(cells**0.5)
        if hidden % 4 or dimension % 2 or actions != 4 or side * side != cells:
            raise ValueError(
                f"hidden is {hidden}, dimension {dimension}, actions a slot {actions}, cells {cells}; expected a "
                "multiple of 4, an even number, 4, and a square map"
            )
        group = cyclic(4)
        self.kinds: dict[Kind, tuple[Representation, int]] = {
            "state": (rotation_2d(group), dimension // 2),
            "action": (on_moves(group), 1),
            "hidden": (regular(group), hidden // 4),
            "cells": (moved_places(group, side), 1),
        }

    def linear(self, before: Kind, after: Kind, copies: int = 1) -> nn.Module:
        """An `EquivariantLinear`, on vectors without an axis for channels."""
        (rho_in, many), (rho_out, out) = self.kinds[before], self.kinds[after]
        layer = EquivariantLinear(rho_in, rho_out, copies * many, out)
        rows = (copies * many, rho_in.dimension)
        return nn.Sequential(nn.Unflatten(-1, rows), layer, nn.Flatten(-2))

    def norm(self) -> nn.Module:
        """Layer normalisation without weights of its own, so that all units are treated alike."""
        return nn.LayerNorm(self.sizes["hidden"], elementwise_affine=False)

    def tile_features(self, colors: int, tile: int, channels: int) -> nn.Module:
        """Features that stay when a tile turns."""
        return _InvariantFeatures(colors, tile, channels)


class _InvariantFeatures(nn.Module):
    """The largest response of a filter in four poses: a lifting convolution and a pool, on one tile."""

    poses: Tensor

    def __init__(self, colors: int, tile: int, channels: int) -> None:
        super().__init__()
        self.filters = nn.Linear(colors * tile * tile, channels)
        nn.init.xavier_uniform_(self.filters.weight)
        nn.init.zeros_(self.filters.bias)
        places = torch.from_numpy(pose_filters(cyclic(4), tile))  # (4, tile²)
        colored = places[:, None] + tile * tile * torch.arange(colors)[:, None]  # (4, colors, tile²)
        self.register_buffer("poses", colored.flatten(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.filters.weight[:, self.poses]  # (channels, 4, values)
        y = nn.functional.linear(x, weight.flatten(0, 1)).unflatten(-1, weight.shape[:2])
        return y.amax(dim=-1) + self.filters.bias


class TileNorm(nn.Module):
    """Batch normalisation of features of tiles, each of which counts as often as it comes.

    Args:
        channels: of the features.
        momentum: share of the newest batch in the mean and the variance that are used in `eval`.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, y: Tensor, counts: Tensor | None = None) -> Tensor:
        """y (tiles, channels) and how often each comes, (tiles,); once by default."""
        mean, variance = self.mean, self.variance
        if self.training:
            share = torch.full((len(y),), 1 / len(y)) if counts is None else counts / counts.sum()
            mean = share @ y
            variance = share @ (y - mean).square()
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.lerp_(variance, self.momentum)
        return (y - mean) * (variance + 1e-5).rsqrt() * self.weight + self.bias


class Extractor(nn.Module):
    """Feature maps with values from 0 to 1, (batch, maps, cells): where in the picture is what?

    The first convolution has a filter as large as its stride, so it is one product with a matrix, tile by tile; equal
    tiles are multiplied once. Convolutions of 3 × 3 may follow.
    """

    def __init__(self, layers: Layers, colors: int, tile: int, side: int, channels: int, depth: int, maps: int) -> None:
        super().__init__()
        self.side = side
        self.features, self.norm = layers.tile_features(colors, tile, channels), TileNorm(channels)
        self.deeper = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(depth))
        self.norms = nn.ModuleList(TileNorm(channels) for _ in range(depth))
        self.last = nn.Linear(channels, maps)

    def forward(self, tiles: Tensor, index: Tensor | None = None) -> Tensor:
        """Tiles (batch, cells, values), or a table (P, values) and which of it lies where, (batch, cells)."""
        y = self.features(tiles.float().div(255))
        if index is None:
            y = self.norm(y.flatten(0, 1)).relu().view(*tiles.shape[:2], -1)  # (batch, cells, channels)
        else:
            counts = torch.bincount(index.flatten(), minlength=len(tiles)).float() if self.training else None
            y = self.norm(y, counts).relu()  # (P, channels)
            if not self.deeper:
                return nn.functional.embedding(index, self.last(y).sigmoid()).transpose(1, 2)
            y = nn.functional.embedding(index, y)
        for convolve, norm in zip(self.deeper, self.norms, strict=True):
            picture = y.transpose(1, 2).unflatten(2, (self.side, self.side))
            y = convolve(picture).flatten(2).transpose(1, 2)  # (batch, cells, channels)
            y = norm(y.flatten(0, 1)).relu().view(y.shape)
        return self.last(y).sigmoid().transpose(1, 2)


class GraphTransition(nn.Module):
    """Δz^k = f_node(z^k, a^k, Σ_{j≠k} f_edge(z^k, z^j)): the same two networks for every object and every pair.

    Two rewritings make it cheap and change nothing: the first layer of f_edge is a sum of a part of z^k and a part of
    z^j, and its last layer, being linear, is applied after the sum over j.

    Args:
        layers: what it is made of.
        graph: False leaves the sum out: each object on its own.

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (equations 3 to 5).
    """

    def __init__(self, layers: Layers, graph: bool) -> None:
        super().__init__()
        self.graph = graph
        if graph:
            self.edge_to, self.edge_from = layers.linear("state", "hidden"), layers.linear("state", "hidden")
            self.edge = nn.Sequential(nn.ReLU(), layers.linear("hidden", "hidden"), layers.norm(), nn.ReLU())
            self.edge_last, self.from_edges = layers.linear("hidden", "hidden"), layers.linear("hidden", "hidden")
        self.from_state, self.from_action = layers.linear("state", "hidden"), layers.linear("action", "hidden")
        self.node = nn.Sequential(
            nn.ReLU(), layers.linear("hidden", "hidden"), layers.norm(), nn.ReLU(), layers.linear("hidden", "state")
        )

    def forward(self, z: Tensor, actions: Tensor) -> Tensor:
        """z (batch, K, D) and a number for every action of every object (batch, K, A) -> Δz (batch, K, D)."""
        y = self.from_state(z) + self.from_action(actions)
        if self.graph:
            y = y + self.from_edges(self.edge_last(self.messages(z).sum(dim=2)))
        return self.node(y)

    def messages(self, z: Tensor) -> Tensor:
        """What object j says to object k, before the last layer, (batch, k, j, hidden); nothing to itself."""
        pairs = self.edge(self.edge_to(z).unsqueeze(2) + self.edge_from(z).unsqueeze(1))
        others = 1 - torch.eye(z.shape[1], dtype=z.dtype)
        return pairs * others.unsqueeze(2)


class StructuredModel(nn.Module):
    """z^k = f(m^k(s)), k = 1 … K, and z' = z + Δz: a code for each object, and how all of them change with an action.

    Args:
        shape: of the pictures, (channels, height, width).
        n_actions: of the environment.
        slots: K, the number of codes.
        dimension: D, of a slot.
        hidden: units of all networks.
        channels: of the convolutions.
        tile: side of the first filter in pixels, and its stride.
        depth: number of 3 × 3 convolutions after it.
        maps_per_slot: feature maps that a slot is read from.
        graph: whether objects see each other.
        actions: "slot", action 4·k + m is move m of object k; "copied", every object is told; "none".
        decoder: whether there is one, for the losses that draw pictures.
        equivariant: whether everything turns with the picture (C4).

    Raises:
        ValueError: numbers that don't fit.

    >>> import numpy as np
    >>> model = StructuredModel((3, 50, 50), n_actions=20)
    >>> z = model.encode(np.zeros((7, 3, 50, 50), np.uint8))
    >>> z.shape, model.step(z, torch.zeros(7, dtype=torch.long)).shape
    (torch.Size([7, 5, 2]), torch.Size([7, 5, 2]))

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models; smaller networks.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        n_actions: int,
        slots: int = 5,
        dimension: int = 2,
        hidden: int = 64,
        channels: int = 32,
        tile: int = 10,
        depth: int = 0,
        maps_per_slot: int = 1,
        graph: bool = True,
        actions: Literal["slot", "copied", "none"] = "slot",
        decoder: bool = False,
        equivariant: bool = False,
    ) -> None:
        super().__init__()
        require_text(actions, "actions", ("slot", "copied", "none"))
        colors, height, width = sizes(shape, "shape", 3)
        n_actions, slots, dimension = (
            whole_number(value, what)
            for what, value in (("n_actions", n_actions), ("slots", slots), ("dimension", dimension))
        )
        hidden, channels, tile = (
            whole_number(value, what) for what, value in (("hidden", hidden), ("channels", channels), ("tile", tile))
        )
        depth, maps_per_slot = whole_number(depth, "depth", 0), whole_number(maps_per_slot, "maps_per_slot")
        if height != width or height % tile:
            raise ValueError(f"pictures of {height} × {width} can't be cut into tiles of {tile} × {tile}, or no square")
        if actions == "slot" and n_actions % slots:
            raise ValueError(f"{n_actions} actions can't be shared among {slots} slots")
        if equivariant and (decoder or depth or maps_per_slot > 1 or actions != "slot"):
            raise ValueError(
                "equivariant is for one map a slot, actions of a slot, no decoder and no more convolutions"
            )
        self.shape = (colors, height, width)
        self.n_actions, self.slots, self.dimension, self.tile, self.actions = n_actions, slots, dimension, tile, actions
        side = height // tile
        of_a_slot = {"slot": n_actions // slots, "copied": n_actions, "none": 1}[actions]
        layers = (EquivariantLayers if equivariant else Layers)(hidden, dimension, of_a_slot, side * side)
        self.of_a_slot = of_a_slot
        self.extractor = Extractor(layers, colors, tile, side, channels, depth, slots * maps_per_slot)
        self.encoder = nn.Sequential(
            layers.linear("cells", "hidden", maps_per_slot),
            nn.ReLU(),
            layers.linear("hidden", "hidden"),
            layers.norm(),
            nn.ReLU(),
            layers.linear("hidden", "state"),
        )
        self.transition = GraphTransition(layers, graph and slots > 1)
        self.decoder = (
            _Decoder(slots, dimension, hidden, channels, side * side, colors * tile * tile) if decoder else None
        )

    def maps(self, images: Any) -> Tensor:
        """m: pictures (batch, channels, height, width) -> feature maps from 0 to 1, (batch, maps, cells).

        Raises:
            ValueError: pictures of another shape than the model's.
        """
        pixels = as_pixels(images, exactly=False)
        if pixels.shape[1:] != self.shape:
            raise ValueError(f"the pictures have shape {pixels.shape[1:]}, expected {self.shape}, as the model")
        return self.extractor(torch.from_numpy(cut(pixels, self.tile)))

    def encode(self, images: Any) -> Tensor:
        """z: pictures (batch, channels, height, width) -> (batch, K, D).

        Pictures are uint8 (or other whole numbers) from 0 to 255, or floats from 0 to 1: the same picture in both.

        Raises:
            ValueError: pictures of another shape, type or range.
        """
        return self.from_maps(self.maps(images))

    def encode_tiles(self, tiles: Tiles, rows: Tensor) -> Tensor:
        """z of the pictures with these numbers, (batch,) -> (batch, K, D)."""
        if tiles.index is not None:
            return self.from_maps(self.extractor(tiles.table, tiles.index[rows]))
        return self.from_maps(self.extractor(tiles.table.view(-1, tiles.cells, tiles.table.shape[1])[rows]))

    def from_maps(self, maps: Tensor) -> Tensor:
        """z from feature maps, (batch, maps, cells) -> (batch, K, D).

        Raises:
            TypeError: no tensor of real numbers. ValueError: another shape.
        """
        require_tensor(maps, "maps", real=True)
        if maps.ndim != 3 or maps.shape[1:] != (self.extractor.last.out_features, self.extractor.side**2):
            raise ValueError(
                f"maps have shape {tuple(maps.shape)}, expected (batch, {self.extractor.last.out_features}, "
                f"{self.extractor.side**2})"
            )
        maps = maps.to(self.extractor.last.weight.dtype)
        return self.encoder(maps.unflatten(1, (self.slots, -1)).flatten(2))

    def action_vectors(self, actions: Tensor) -> Tensor:
        """What each object is told of an action, (batch,) -> (batch, K, A).

        Raises:
            TypeError: no tensor of whole numbers. ValueError: an action that there is not.
        """
        actions = action_numbers(actions, self.n_actions)
        if self.actions == "none":
            return torch.zeros(len(actions), self.slots, 1)
        one_hot = nn.functional.one_hot(actions, self.n_actions).float()
        if self.actions == "copied":
            return one_hot.unsqueeze(1).expand(-1, self.slots, -1)
        return one_hot.unflatten(1, (self.slots, self.of_a_slot))

    def step(self, z: Tensor, actions: Tensor) -> Tensor:
        """z + Δz, (batch, K, D) and whole numbers (batch,) -> (batch, K, D); raises ValueError for other shapes."""
        require_tensor(z, "z", real=True)
        if z.ndim != 3 or z.shape[1:] != (self.slots, self.dimension):
            raise ValueError(f"z has shape {tuple(z.shape)}, expected (batch, {self.slots}, {self.dimension})")
        z = z.to(self.extractor.last.weight.dtype)
        return z + self.transition(z, self.action_vectors(actions))

    def rollout(self, images: Any, actions: Any) -> Tensor:
        """Codes of the pictures and after each action, (batch, ...) and (batch, T) -> (batch, T + 1, K, D).

        Raises:
            ValueError: actions that are not (batch, T), one row for each picture.
        """
        codes = [self.encode(images)]
        numbers = whole_numbers(actions, "actions", 0, self.n_actions - 1)
        if numbers.ndim != 2 or len(numbers) != len(codes[0]):
            raise ValueError(f"actions have shape {numbers.shape}, expected (batch, T), for {len(codes[0])} pictures")
        for chosen in torch.from_numpy(numbers).T:
            codes.append(self.step(codes[-1], chosen))
        return torch.stack(codes, dim=1)


class _Decoder(nn.Module):
    """z (batch, K, D) -> logits of the tiles of a picture, (batch, cells, values)."""

    def __init__(self, slots: int, dimension: int, hidden: int, channels: int, cells: int, values: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Linear(dimension, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.LayerNorm(hidden),
            nn.ReLU(),
            nn.Linear(hidden, cells),
        )
        self.paint = nn.Sequential(nn.Linear(slots, channels), nn.ReLU(), nn.Linear(channels, values))

    def forward(self, z: Tensor) -> Tensor:
        return self.paint(self.maps(z).transpose(1, 2))
