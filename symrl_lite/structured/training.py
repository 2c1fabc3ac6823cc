"""Contrastive structured world models (C-SWM): codes of objects that move as the objects do, and no picture predicted.

Read it from top to bottom: energy and losses, then the training, then the measure. The networks are in
`_structured_model`.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite._door import a_number, check_settings, require_text, seed_list, sizes, whole_number, whole_numbers
from symrl_lite._equivariant_linear import require_same_shape
from symrl_lite._plannable_model import known_actions
from symrl_lite._structured_model import StructuredModel
from symrl_lite._tiles import as_pixels, gather_tiles
from symrl_lite.episodes import Episodes
from symrl_lite.ranking import Ranking, ranking_metrics

__all__ = [
    "Ranking",
    "StructuredModel",
    "StructuredSettings",
    "contrastive_energy_loss",
    "energy",
    "load_model",
    "pixel_loss",
    "rank_rollouts",
    "ranking_metrics",
    "save_model",
    "train_structured",
]


# --- Energy and losses --------------------------------------------------------------------------------------------


def energy(predicted: Tensor, after: Tensor, sigma: float = 0.5) -> Tensor:
    """H = 1/K Σ_k |z̃^k − z'^k|² / (2 σ²): how far two sets of codes are apart, the mean over objects.

    Args:
        predicted, after: (..., K, D).
        sigma: the unit of length.

    Returns:
        (...).

    >>> energy(torch.tensor([[[3.0, 4.0], [0.0, 0.0]]]), torch.zeros(1, 2, 2))
    tensor([25.])

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (equation 6).
    """
    require_same_shape(predicted=predicted, after=after)
    sigma = a_number(sigma, "sigma", above=0)
    return (predicted - after).square().sum(dim=-1).mean(dim=-1) / (2 * sigma**2)


def contrastive_energy_loss(positive: Tensor, negative: Tensor, hinge: float = 1.0) -> Tensor:
    """mean H + mean max(0, γ − H̃): what belongs together is drawn together, what does not is kept apart.

    Args:
        positive: H(z + Δz, z'), (batch,).
        negative: H̃, (batch,): z̃ of another picture against z (the released code) or against z' (the paper).
        hinge: γ.

    Returns:
        One number.

    >>> contrastive_energy_loss(torch.tensor([0.5]), torch.tensor([0.75]))
    tensor(0.7500)

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (equation 7).
    """
    for what, values in (("positive", positive), ("negative", negative)):
        require_same_shape(**{what: values})
        if not values.is_floating_point():
            raise TypeError(f"{what} has dtype {values.dtype}, expected floating-point numbers")
        if values.numel() == 0:
            raise ValueError(f"{what} has shape {tuple(values.shape)}, expected at least one energy")
    hinge = a_number(hinge, "hinge", 0)
    return positive.mean() + (hinge - negative).clamp(min=0).mean()


def pixel_loss(logits: Tensor, pixels: Tensor) -> Tensor:
    """Cross-entropy of pixels from 0 to 1, summed over a picture, mean over the batch.

    Args:
        logits, pixels: (batch, ...).

    >>> pixel_loss(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor(1.3863)
    """
    require_same_shape(logits=logits, pixels=pixels)
    if not logits.is_floating_point():
        raise TypeError(f"logits has dtype {logits.dtype}, expected floating-point numbers")
    return nn.functional.binary_cross_entropy_with_logits(logits, pixels.to(logits.dtype), reduction="sum") / len(
        logits
    )


# --- Training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StructuredSettings:
    """The numbers of `train_structured`; the defaults are chapter 7's for the shapes. Ablations are arguments here."""

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


def train_structured(
    data: Episodes | Sequence[Episodes],
    seeds: Sequence[int],
    settings: StructuredSettings = StructuredSettings(),
    *,
    n_actions: int | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    save_every: int = 500,
    every: int = 0,
    after: Callable[[int, int, StructuredModel], None] | None = None,
) -> list[StructuredModel]:
    """Minimize the loss of the settings, for one seed after the other.

    Losses: "contrastive", H and the hinge; "attraction", H alone, which collapses; "pixels", a decoder draws
    this picture and the next one (the published ablation "− contrastive loss"); "autoencoder", a decoder draws
    this picture, and the transition is fitted to codes that it does not shape (a world model in two parts).

    Args:
        data: one set of episodes for all seeds, or one for each. Pictures are uint8 from 0 to 255, or the same as
            floats k/255 from 0 to 1.
        seeds: whole numbers.
        settings: the numbers of the training.
        n_actions: by default one more than the largest action in the data.
        progress: whether to show a bar.
        checkpoint: a folder. All that a run needs is kept there every `save_every` updates, and a call with the same
            settings, seeds and data continues where it was; the result is the same as without a stop.
        save_every: see `checkpoint`.
        every: if above 0, call `after` with the number of updates, the seed and the model at `every`, 2 · `every`, ...
        after: see `every`.

    Returns:
        One StructuredModel for each seed, in `eval` mode.

    Raises:
        ValueError: another number of sets than of seeds, the same seed twice, pictures of another type, range or shape,
            actions that there are not, or a checkpoint of other settings or of other data.
            FloatingPointError: a loss that is not a number.

    >>> from symrl_lite.envs.shapes import Shapes
    >>> from symrl_lite.episodes import record_episodes
    >>> data = record_episodes(Shapes().copies, episodes=10, steps=10)
    >>> model, = train_structured(data, [0], StructuredSettings(updates=5), progress=False)
    >>> model.encode(data.observations[0, :1]).shape
    torch.Size([1, 5, 2])

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models.
    """
    if not isinstance(settings, StructuredSettings):
        raise TypeError(f"settings is {settings!r}, expected StructuredSettings(...)")
    if not isinstance(data, Episodes) and not (
        isinstance(data, Sequence) and all(isinstance(e, Episodes) for e in data)
    ):
        raise TypeError(f"data are {str(data)[:60]}, expected Episodes, or a list of them")
    seeds, every, save_every = seed_list(seeds), whole_number(every, "every", 0), whole_number(save_every, "save_every")
    sets = [data] * len(seeds) if isinstance(data, Episodes) else list(data)
    if len(sets) != len(seeds) or len(set(seeds)) != len(seeds):
        raise ValueError(f"there are {len(sets)} sets of episodes and seeds {list(seeds)}, expected one for each seed")
    shapes = {s.observations.shape[2:] for s in sets}
    if len(shapes) != 1:
        raise ValueError(f"the pictures have shapes {sorted(shapes)}, expected one shape in all sets")
    actions = known_actions([s.actions for s in sets], n_actions)
    folder = None if checkpoint is None else Path(checkpoint)
    bar = tqdm(
        total=settings.updates * len(seeds),
        unit=" updates",
        disable=not progress or os.environ.get("SYMRL_STATIC") == "1",  # a page that is built shows no bar
        leave=False,
    )
    models: list[StructuredModel] = []
    draws: _Draws | None = None
    try:
        for seed, episodes in zip(seeds, sets, strict=True):
            if draws is None or draws.episodes is not episodes:
                draws = _Draws(episodes, settings)
            run = _Run(draws, seed, settings, actions)
            if folder is not None:
                run.restore(folder)
                bar.update(run.update)
            while run.update < settings.updates:
                run.step()
                bar.update()
                if folder is not None and (run.update % save_every == 0 or run.update == settings.updates):
                    run.keep(folder)
                if after is not None and every and run.update % every == 0:
                    after(run.update, seed, run.model.eval())
            models.append(run.model.eval())
    finally:
        bar.close()
    return models


class _Draws:
    """Random batches of steps, as rows of a table of pictures that are cut into tiles."""

    def __init__(self, episodes: Episodes, settings: StructuredSettings) -> None:
        self.episodes, self.settings = episodes, settings
        E, frames = episodes.observations.shape[:2]
        self.steps = frames - 1
        shape = episodes.observations.shape[2:]
        if len(shape) != 3:
            raise ValueError(
                f"the pictures have shape {shape}, expected (channels, height, width); without colours "
                "observations[:, :, None]"
            )
        self.pictures = as_pixels(episodes.observations.reshape(E * frames, *shape))
        self.tiles = gather_tiles(self.pictures, settings.tile)
        self.actions = torch.from_numpy(episodes.actions.astype(np.int64))

    def next(self, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows of s, of s' and of the negative (batch,), and the actions (batch,)."""
        B = self.settings.batch_size
        episode, t = random.integers(len(self.episodes), size=B), random.integers(self.steps, size=B)
        shuffled = random.permutation(B)
        other = episode[shuffled] * (self.steps + 1) + t[shuffled]
        if self.settings.negatives_from != "data":
            own = slice(0 if self.settings.negatives_from == "episode" else B // 2, None)
            other[own] = (episode * (self.steps + 1) + random.integers(self.steps, size=B))[own]
        row = episode * (self.steps + 1) + t
        rows = [torch.from_numpy(r) for r in (row, row + 1, other)]
        return rows[0], rows[1], rows[2], self.actions[torch.from_numpy(episode), torch.from_numpy(t)]

    @cached_property
    def digest(self) -> str:
        """A hash of pictures and actions, which tells one set of data from another."""
        found = hashlib.sha256(repr((self.pictures.shape, self.steps)).encode())
        for array in (self.pictures, self.episodes.actions.astype(np.int64)):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def pixels(self, rows: Tensor) -> Tensor:
        """The pictures from 0 to 1, as tiles, (batch, cells, values)."""
        tiles = self.tiles
        if tiles.index is not None:
            return nn.functional.embedding(tiles.index[rows], tiles.table.float().div(255))
        return tiles.table.view(-1, tiles.cells, tiles.table.shape[1])[rows].float().div(255)


class _Run:
    """The training of one seed, which can be kept and continued at any update."""

    def __init__(self, draws: _Draws, seed: int, settings: StructuredSettings, n_actions: int) -> None:
        self.draws, self.seed, self.settings = draws, seed, settings
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(seed)
            self.model = settings.build(draws.episodes.observations.shape[2:], n_actions)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=settings.learning_rate, fused=True)
        self.random = np.random.default_rng([seed, 7])
        self.update = 0

    def step(self) -> None:
        """One update."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.update)
        loss = _loss(self.model, self.draws, self.random, self.settings)
        if not bool(loss.isfinite()):
            raise FloatingPointError(f"the loss of seed {self.seed} is no number after {self.update} updates")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.update += 1

    def keep(self, folder: Path) -> None:
        """Write all that is needed to go on; a stop in the middle of it leaves the last one as it was."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "settings": asdict(self.settings),
            "data": self.draws.digest,
            "n_actions": self.model.n_actions,
            "update": self.update,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.bit_generator.state,
        }
        target = folder / f"seed{self.seed}.pt"
        torch.save(state, target.with_suffix(".part"))
        target.with_suffix(".part").replace(target)

    def restore(self, folder: Path) -> None:
        """Go on where the file of this seed ends, if there is one."""
        path = folder / f"seed{self.seed}.pt"
        if not path.is_file():
            return
        state = _read(path, "train_structured", ("settings", "update", "model", "optimizer", "random"))
        if state["settings"] != asdict(self.settings):
            differ = sorted(k for k, v in asdict(self.settings).items() if state["settings"].get(k) != v)
            raise ValueError(f"{path} was made with other settings ({', '.join(differ)}): use another folder")
        if state.get("data") != self.draws.digest:
            raise ValueError(f"{path} was made with other data: use another folder for these episodes")
        if state["n_actions"] != self.model.n_actions:
            raise ValueError(
                f"{path} was made for {state['n_actions']} actions, expected {self.model.n_actions}: use another folder"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.bit_generator.state = state["random"]
        self.update = state["update"]


def _loss(model: StructuredModel, draws: _Draws, random: np.random.Generator, settings: StructuredSettings) -> Tensor:
    """The loss of one batch, one number."""
    before, after, other, actions = draws.next(random)
    rows = [before, after]
    if settings.loss == "contrastive" and settings.negatives_from != "data":
        rows.append(other)
    z, z_next, *rest = model.encode_tiles(draws.tiles, torch.cat(rows)).split(len(before))
    if settings.loss == "contrastive":
        # Negatives of the data are the pictures of this batch in another order.
        z_other = rest[0] if rest else z[_order(before, other)]
        negative = energy(z_other, z if settings.anchor == "state" else z_next, settings.sigma)
        return contrastive_energy_loss(energy(model.step(z, actions), z_next, settings.sigma), negative, settings.hinge)
    if settings.loss == "attraction":
        return energy(model.step(z, actions), z_next, settings.sigma).mean()
    assert model.decoder is not None  # the settings have built one
    drawn = pixel_loss(model.decoder(z), draws.pixels(before))
    if settings.loss == "pixels":
        return drawn + pixel_loss(model.decoder(model.step(z, actions)), draws.pixels(after))
    fixed, fixed_next = z.detach(), z_next.detach()
    return drawn + energy(model.step(fixed, actions), fixed_next, settings.sigma).mean()


def _order(before: Tensor, other: Tensor) -> Tensor:
    """Where in the batch the picture of `other` is, (batch,)."""
    in_order = before.argsort()
    return in_order[torch.searchsorted(before[in_order], other)]


# --- Models in files ----------------------------------------------------------------------------------------------


def save_model(model: StructuredModel, settings: StructuredSettings, shape: Sequence[int], path: str | Path) -> None:
    """Write a model, and what it takes to build it again, to a file.

    Args:
        model: what `train_structured` returns.
        settings: with which it was made.
        shape: of the pictures, (channels, height, width).
        path: of the file.

    Raises:
        ValueError: settings or a shape that are not the model's.
    """
    with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
        built = settings.build(shape, model.n_actions)
    sizes = [{name: tuple(value.shape) for name, value in m.state_dict().items()} for m in (model, built)]
    if sizes[0] != sizes[1] or tuple(shape) != model.shape:
        raise ValueError(f"the model, for pictures of {model.shape}, was not made with {settings} for {tuple(shape)}")
    state = {"settings": asdict(settings), "shape": list(shape), "n_actions": model.n_actions}
    torch.save(state | {"model": model.state_dict()}, path)


def load_model(path: str | Path) -> tuple[StructuredModel, StructuredSettings]:
    """Read what `save_model` wrote; only numbers are read, no code is run.

    Raises:
        ValueError: a file of something else, or of settings that this version does not know.
    """
    state = _read(Path(path), "save_model", ("settings", "shape", "n_actions", "model"))
    settings = _settings_of(state["settings"], path)
    model = settings.build(state["shape"], state["n_actions"])
    model.load_state_dict(state["model"])
    return model.eval(), settings


def _read(path: Path, writer: str, keys: Sequence[str]) -> dict[str, Any]:
    """A file with these entries."""
    state = torch.load(path, weights_only=True)
    if not isinstance(state, dict) or not set(keys) <= set(state):
        found = sorted(map(str, state)) if isinstance(state, dict) else type(state).__name__
        raise ValueError(f"{path} holds {str(found)[:120]}, expected a file that `{writer}` wrote")
    return state


def _settings_of(numbers: dict[str, Any], path: Any) -> StructuredSettings:
    known = {f.name for f in fields(StructuredSettings)}
    if set(numbers) != known:
        raise ValueError(f"{path} has settings {sorted(set(numbers) ^ known)} that differ from those known here")
    return StructuredSettings(**numbers)


# --- The measure --------------------------------------------------------------------------------------------------


def rank_rollouts(
    model: StructuredModel,
    episodes: Episodes,
    steps: Sequence[int] = (1, 5, 10),
    *,
    hits: Sequence[int] = (1,),
    ties: Literal["against", "for"] = "against",
    known_states: bool = True,
) -> dict[int, Ranking]:
    """After n steps from the start of each episode, is the code of what is then seen the nearest to the predicted one?

    Candidates are the pictures of all episodes after n steps.

    Args:
        model: what is tried.
        episodes: new ones, (E, T) with T at least the largest of `steps`.
        steps: n.
        hits, ties: as for `ranking_metrics`.
        known_states: whether candidates with the same true state are left out.

    Returns:
        A Ranking for each n.

    Raises:
        ValueError: steps beyond the end of the episodes or before their start, or actions that the model has not.
    """
    if not isinstance(episodes, Episodes):
        raise TypeError(f"episodes is {episodes!r}, expected Episodes")
    if not (hasattr(model, "rollout") and hasattr(model, "encode")):
        raise TypeError(f"model is {model!r}, expected a StructuredModel, or what else has encode and rollout")
    if not isinstance(steps, Sequence | np.ndarray):
        raise TypeError(f"steps are {steps!r}, expected a list of whole numbers")
    steps, T = whole_numbers(steps, "steps", low=None).ravel().tolist(), episodes.actions.shape[1]
    if not len(steps) or min(steps) < 0 or max(steps) > T:
        raise ValueError(f"steps are {tuple(steps)}, expected some from 0 to {T}: the episodes have {T} steps")
    if isinstance(model, StructuredModel):  # a stand-in may know its actions in another way
        known_actions([episodes.actions], model.n_actions)
    with torch.no_grad():
        codes = model.rollout(episodes.observations[:, 0], episodes.actions[:, : max(steps)])
        numbers: Any = episodes.state_numbers
        return {
            n: ranking_metrics(
                codes[:, n],
                model.encode(episodes.observations[:, n]),
                numbers[:, n] if known_states else None,
                hits=hits,
                ties=ties,
            )
            for n in steps
        }
