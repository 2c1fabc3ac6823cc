"""Behaviour cloning from pictures, many seeds at once, with views of them and with a contrastive loss beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from symrl_lite.door import check_settings, real_numbers, require_function, seed_list, whole_number, whole_numbers
from symrl_lite.policies import ActorCritic, cnn_policy
from symrl_lite.seeds import SeedBatch
from symrl_lite.views.contrast import info_nce
from symrl_lite.views.pictures import View

__all__ = ["NETWORK", "CloneSettings", "train_clones"]


class _Sizes(TypedDict):
    units: tuple[int, int, int]
    kernels: tuple[int, int]
    strides: tuple[int, int]
    pooling: Literal["none"]


# The default network of train_clones; equivariant_cnn(symmetry, shape, **NETWORK) has about as many parameters.
NETWORK: _Sizes = {"units": (16, 16, 32), "kernels": (4, 3), "strides": (2, 1), "pooling": "none"}


@dataclass(frozen=True)
class CloneSettings:
    """The numbers of `train_clones`.

    Raises:
        ValueError: a number out of range: no pictures in a batch, a learning rate that is not positive, a momentum
            outside [0, 1], NaN. TypeError: a field that is no number.

    >>> CloneSettings(updates=10).momentum
    0.95

    Source: `momentum` is that of Laskin, Srinivas & Abbeel 2020, CURL; the rest is the course's own. `contrast_weight`
    was chosen between 1 and 0.1 on seeds from 2000 on, which no figure shows.
    """

    updates: int = 1200  # gradient steps
    batch_size: int = 32
    learning_rate: float = 1e-3  # of Adam
    contrast_weight: float = 0.1  # of the contrastive loss, beside the cross-entropy
    momentum: float = 0.95  # share of the keys' encoder that stays at each update

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_settings(
            self,
            counts={"updates": 0, "batch_size": 1},
            numbers={
                "learning_rate": {"above": 0},
                "contrast_weight": {"low": 0},
                "momentum": {"low": 0, "high": 1},
            },
        )


def train_clones(
    pictures: Any,
    actions: Any,
    seeds: Sequence[int],
    settings: CloneSettings = CloneSettings(),
    *,
    view: View | None = None,
    contrast: View | None = None,
    n_actions: int | None = None,
    build_network: Callable[[], nn.Module] | None = None,
    progress: bool = True,
    every: int = 0,
    after: Callable[[int, list[nn.Module]], None] | None = None,
) -> list[nn.Module]:
    """Minimize −log π(a|x) + λ L(q, k): what the demonstrator did, and, with `contrast`, InfoNCE of two views.

    All seeds are one batch, each with its own start, minibatches, views and Adam state.

    With `contrast`, q are the features (what the last hidden layer says) of one view of the minibatch and k those of
    another, by a slow copy of the network: θ_k ← m θ_k + (1 − m) θ. `view` is what π is trained on, `contrast` what the
    codes are compared on; they are drawn apart. W starts as the identity: a code is at first most like itself.

    Args:
        pictures: (N, channels, height, width) for all seeds, or (seeds, N, channels, height, width), one set for each.
        actions: (N,), or (seeds, N), whole numbers from 0.
        seeds: whole numbers.
        settings: the numbers of the training.
        view: a function (pictures (n, channels, height, width), actions (n,), generator) -> (pictures, actions) that is
            applied to each minibatch, such as lambda x, a, random: (random_crop(x, 2, random), a).
        contrast: likewise, for both views of the contrastive loss; of what it returns, the pictures are used.
        n_actions: by default one more than the largest action in the data.
        build_network: makes a network (batch, channels, height, width) -> scores (batch, actions), or scores and
            something else; with `contrast` an ActorCritic. By default two convolutions of 16 filters and 32 units.
        progress: whether to show a bar.
        every: if above 0, call `after` with the number of updates and the networks at 0, `every`, 2 · `every`, ...
        after: see `every`.

    Returns:
        One network for each seed: those that `build_network` makes, trained.

    Raises:
        TypeError: no numbers, settings of another kind. ValueError: shapes that do not fit, actions that are not 0, 1,
            ..., n − 1, a view whose answer does not fit, a network with another number of scores.

    >>> from symrl_lite.envs.catch import demonstrations
    >>> (network,) = train_clones(*demonstrations(2), [0], CloneSettings(updates=3), progress=False)
    >>> network.probabilities(np.zeros((5, 2, 16, 16))).shape
    (5, 3)

    Source: Laskin et al. 2020, Reinforcement Learning with Augmented Data (views of each minibatch); Laskin, Srinivas &
    Abbeel 2020, CURL (the contrastive loss and its slow copy).
    """
    if not isinstance(settings, CloneSettings):
        raise TypeError(f"settings is {settings!r}, expected CloneSettings(...)")
    seeds, every = seed_list(seeds), whole_number(every, "every", 0)
    for what, made in (("view", view), ("contrast", contrast), ("build_network", build_network), ("after", after)):
        if made is not None:
            require_function(made, what, "a function, or None")
    shown, done = _sets(pictures, actions, len(seeds))
    shape, most = shown.shape[2:], int(done.max())
    n = most + 1 if n_actions is None else whole_number(n_actions, "n_actions")
    if most >= n:
        raise ValueError(f"actions hold {most}, expected whole numbers from 0 to {n - 1}: n_actions is {n}")
    build = build_network or (lambda: cnn_policy(n, shape, **NETWORK))
    batch = SeedBatch(lambda: _Coded(build(), shape if contrast else None), seeds)
    slow = SeedBatch(lambda: _Coded(build(), shape), seeds) if contrast else None
    dtype = next(iter(batch.parameters.values())).dtype
    optimizer = torch.optim.Adam(batch.parameters.values(), lr=settings.learning_rate, fused=True)
    # Two streams for each seed, so that the policy sees the same minibatches and views with and without `contrast`.
    random = [(np.random.default_rng([seed, 8]), np.random.default_rng([seed, 9])) for seed in batch.seeds]
    quiet = not progress or os.environ.get("SYMRL_STATIC") == "1"  # a page that is built shows no bar
    for update in tqdm(range(settings.updates + 1), unit=" updates", disable=quiet, leave=False):
        if after is not None and every and update % every == 0:
            after(update, _networks(batch))
        if update == settings.updates:
            break
        rows = []
        for s, (generator, apart) in enumerate(random):
            k = s if len(shown) > 1 else 0
            which = generator.integers(shown.shape[1], size=settings.batch_size)
            given = shown[k][which], done[k][which]
            mine = _viewed(view, "view", *given, generator, n, None if build_network else shape)
            twice = [_viewed(contrast, "contrast", *given, apart, n, shape)[0] for _ in range(2 * bool(contrast))]
            rows.append((*mine, *twice))
        seen, taken, *codes = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
        if update == 0:
            with torch.no_grad():
                _networks(batch)[0](seen[0].to(dtype))  # says in its own words what it does not take
        scores, _ = batch(seen.to(dtype))  # (seeds, batch, actions)
        if scores.shape[-1] < n or (n_actions is not None and scores.shape[-1] > n):
            raise ValueError(f"the network gives {scores.shape[-1]} scores, expected {n}, one for each action")
        losses = functional.cross_entropy(scores.movedim(-1, 1), taken, reduction="none").mean(dim=1)  # (seeds,)
        if slow is not None:
            queries = batch(codes[0].to(dtype))[1]  # (seeds, batch, d)
            with torch.no_grad():
                keys = slow(codes[1].to(dtype))[1]
            losses = losses + settings.contrast_weight * info_nce(queries, keys, batch.parameters["W"])
        optimizer.zero_grad()
        losses.sum().backward()  # the sum: each seed gets its own gradient
        optimizer.step()
        if slow is not None:
            with torch.no_grad():
                for name, parameter in slow.parameters.items():
                    parameter.lerp_(batch.parameters[name], 1 - settings.momentum)
    return _networks(batch)


class _Coded(nn.Module):
    """Pictures (batch, ...) → scores (batch, actions) and, of an ActorCritic, the features under them (batch, d).

    With a `shape`, that of a picture, there is a matrix W (d, d) beside the network, for comparing features.
    """

    def __init__(self, network: Any, shape: Sequence[int] | None) -> None:
        super().__init__()
        self.network = network
        if shape is None:
            return
        if not isinstance(network, ActorCritic):
            raise TypeError(f"the network is {type(network).__name__}, expected an ActorCritic to compare its features")
        first = next(network.parameters())
        with torch.no_grad():
            d = network.body(torch.zeros(1, *shape, dtype=first.dtype)).flatten(1).shape[1]
        self.W = nn.Parameter(torch.eye(d, dtype=first.dtype))  # a code is at first most like itself

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.network, ActorCritic):
            features = self.network.body(x)
            return self.network.actor(features).flatten(1), features.flatten(1)
        found = self.network(x)
        scores = found if isinstance(found, Tensor) else found[0]
        return scores, scores


def _networks(batch: SeedBatch) -> list[nn.Module]:
    return [cast(_Coded, coded).network for coded in batch.networks()]


def _sets(pictures: Any, actions: Any, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (1 or seeds, N, channels, height, width) and actions (1 or seeds, N)."""
    shown, done = real_numbers(pictures, "pictures"), whole_numbers(actions, "actions")
    if done.ndim not in (1, 2) or shown.ndim != done.ndim + 3 or shown.shape[: done.ndim] != done.shape:
        raise ValueError(
            f"pictures have shape {shown.shape} and actions {done.shape}, expected (N, channels, height, width) and "
            "(N,), or both with a first axis of seeds"
        )
    if shown.size == 0:
        raise ValueError(f"pictures have shape {shown.shape}, expected at least one")
    if done.ndim == 1:
        shown, done = shown[None], done[None]
    elif len(done) != seeds:
        raise ValueError(f"there are {len(done)} sets of pictures and {seeds} seeds, expected as many")
    if not np.isfinite(shown).all():
        raise ValueError("pictures hold a number that is not finite, expected finite numbers")
    return shown.astype(np.float32), done


def _viewed(
    view: View | None,
    what: str,
    pictures: np.ndarray,
    actions: np.ndarray,
    generator: np.random.Generator,
    n_actions: int,
    shape: tuple[int, ...] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """A minibatch as a view shows it; with a `shape`, that of each picture it must keep."""
    if view is None:
        return pictures, actions
    answer = view(pictures.copy(), actions.copy(), generator)  # whatever it writes into them
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(f"{what} returns {type(answer).__name__}, expected (pictures, actions)")
    seen = real_numbers(answer[0], f"pictures of {what}").astype(np.float32)
    taken = whole_numbers(answer[1], f"actions of {what}", high=n_actions - 1)
    fits = seen.ndim == 4 and (shape is None or seen.shape[1:] == tuple(shape))
    if not fits or len(seen) != len(pictures) or taken.shape != actions.shape:
        raise ValueError(
            f"{what} makes pictures {seen.shape} and actions {taken.shape} of {pictures.shape} and {actions.shape}, "
            "expected the same shapes; for pictures of another size give build_network"
        )
    return seen, taken
