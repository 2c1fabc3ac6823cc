"""Contrastive structured world models (C-SWM): codes of objects that move as the objects do, and no picture predicted.

The training. The networks are in `model`, energies and losses in `losses`, what models are ranked by in `ranking`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite.data import Episodes
from symrl_lite.door import seed_list, whole_number
from symrl_lite.plannable.model import known_actions
from symrl_lite.structured.kept import read_file
from symrl_lite.structured.losses import contrastive_energy_loss, energy, pixel_loss
from symrl_lite.structured.model import StructuredModel
from symrl_lite.structured.settings import StructuredSettings
from symrl_lite.structured.tiles import as_pixels, gather_tiles

__all__ = ["train_structured"]


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
    >>> from symrl_lite.data.episodes import record_episodes
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
        state = read_file(path, "train_structured", ("settings", "update", "model", "optimizer", "random"))
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
