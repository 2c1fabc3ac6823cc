"""Trained models in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from symrl_lite.structured.model import StructuredModel
from symrl_lite.structured.settings import StructuredSettings

__all__ = ["load_model", "read_file", "save_model", "settings_of"]


def save_model(model: StructuredModel, settings: StructuredSettings, shape: Sequence[int], path: str | Path) -> None:
    """Write a model, and what it takes to build it again, to a file.

    Args:
        model: what `train_structured` returns.
        settings: with which it was made.
        shape: of the pictures, (channels, height, width).
        path: of the file.

    Raises:
        ValueError: settings or a shape that are not the model's.

    >>> from tempfile import TemporaryDirectory
    >>> settings = StructuredSettings(slots=2)
    >>> with TemporaryDirectory() as folder:
    ...     save_model(settings.build((3, 50, 50), 8), settings, (3, 50, 50), f"{folder}/model.pt")
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
    state = read_file(Path(path), "save_model", ("settings", "shape", "n_actions", "model"))
    settings = settings_of(state["settings"], path)
    model = settings.build(state["shape"], state["n_actions"])
    model.load_state_dict(state["model"])
    return model.eval(), settings


def read_file(path: Path, writer: str, keys: Sequence[str]) -> dict[str, Any]:
    """A file with these entries.

    Raises:
        ValueError: a file of something else.
    """
    state = torch.load(path, weights_only=True)
    if not isinstance(state, dict) or not set(keys) <= set(state):
        found = sorted(map(str, state)) if isinstance(state, dict) else type(state).__name__
        raise ValueError(f"{path} holds {str(found)[:120]}, expected a file that `{writer}` wrote")
    return state


def settings_of(numbers: dict[str, Any], path: Any) -> StructuredSettings:
    """The settings that a file holds.

    Raises:
        ValueError: settings that this version does not know, or that are missing.
    """
    known = {f.name for f in fields(StructuredSettings)}
    if set(numbers) != known:
        raise ValueError(f"{path} has settings {sorted(set(numbers) ^ known)} that differ from those known here")
    return StructuredSettings(**numbers)
