"""The numbers of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from symrl_lite.door import check_settings, require_text, sizes, whole_number
from symrl_lite.structured.model import StructuredModel

__all__ = ["StructuredSettings"]


@dataclass(frozen=True)
class StructuredSettings:
    """The numbers of `train_structured`; the defaults are chapter 7's for the shapes. Ablations are arguments here.

    Raises:
        TypeError: no number. ValueError: a number or a name that is not possible, such as a batch of one.

    >>> StructuredSettings(slots=3).dimension
    2

    Source: slots, D, γ and σ are those of Kipf et al. 2020, Contrastive Learning of Structured World Models (2-D
    shapes).
    """

    updates: int = 4000  # gradient steps
    batch_size: int = 128
    learning_rate: float = 3e-3  # of Adam, at its highest
    warm_up: int = 100  # updates in which the rate rises; from then on it falls to 0 along a cosine
    slots: int = 5  # K; 1: nothing is told apart
    dimension: int = 2  # D, of a slot
    hidden: int = 64  # units of all networks
    channels: int = 32  # of the convolutions
    tile: int = 10  # side of the first filter, in pixels
    depth: int = 0  # 3 × 3 convolutions after it
    maps_per_slot: int = 1  # feature maps that a slot is read from
    graph: bool = True  # False: each object on its own
    actions: Literal["slot", "copied", "none"] = "slot"
    loss: Literal["contrastive", "attraction", "pixels", "autoencoder"] = "contrastive"
    anchor: Literal["state", "next"] = "state"  # what negatives are kept away from: z (the code) or z' (the paper)
    negatives_from: Literal["data", "episode", "both"] = "data"  # both: half of them from each
    hinge: float = 1.0  # γ
    sigma: float = 0.5  # σ
    equivariant: bool = False  # the networks turn with the picture

    def __post_init__(self) -> None:
        for name, known in (
            ("actions", ("slot", "copied", "none")),
            ("loss", ("contrastive", "attraction", "pixels", "autoencoder")),
            ("anchor", ("state", "next")),
            ("negatives_from", ("data", "episode", "both")),
        ):
            require_text(getattr(self, name), name, known)
        at_least_one = ("slots", "dimension", "hidden", "channels", "tile", "maps_per_slot")
        check_settings(
            self,
            counts={"updates": 0, "batch_size": 1, "warm_up": 0, "depth": 0} | dict.fromkeys(at_least_one, 1),
            numbers={"learning_rate": {"above": 0}, "hinge": {"low": 0}, "sigma": {"above": 0}},
        )
        if self.batch_size == 1:
            raise ValueError("batch_size is 1, expected 2 or more: a batch of one has no negatives")

    @property
    def draws(self) -> bool:
        """Whether the loss compares pictures."""
        return self.loss in ("pixels", "autoencoder")

    def rate(self, update: int) -> float:
        """The learning rate of an update, the first of which is 0."""
        update = whole_number(update, "update", 0)
        rising = min(1.0, (update + 1) / max(self.warm_up, 1))
        return self.learning_rate * rising * (1 + math.cos(math.pi * update / max(self.updates, 1))) / 2

    def build(self, shape: Sequence[int], n_actions: int) -> StructuredModel:
        """A model for such pictures and actions."""
        colors, height, width = sizes(shape, "shape", 3)
        return StructuredModel(
            (colors, height, width),
            n_actions,
            slots=self.slots,
            dimension=self.dimension,
            hidden=self.hidden,
            channels=self.channels,
            tile=self.tile,
            depth=self.depth,
            maps_per_slot=self.maps_per_slot,
            graph=self.graph,
            actions=self.actions,
            decoder=self.draws,
            equivariant=self.equivariant,
        )
