"""`rollouts`: imagined steps beside the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symrl_lite.plots.objects import RIGHT, WRONG
from symrl_lite.widgets.flipbooks import flipbook
from symrl_lite.widgets.prepared import Prepared, Slider

__all__ = ["rollouts"]


def rollouts(pictures: Any, retrieved: Mapping[str, Any], states: Any, title: str | None = None) -> Prepared:
    """What each model takes for the board after some pushes: the nearest of many frames, beside the true one.

    Args:
        pictures: (E, T + 1, 3, height, width), of all candidates.
        retrieved: name -> (e, T + 1), for the first e episodes the number of the episode whose frame is nearest.
        states: (E, T + 1, K, 2), the true places.
        title: name of the widget.

    Returns:
        What the cell shows as its value: controls "episode" and "pushes".

    Raises:
        ValueError: no model, shapes that don't fit, a number of no episode, or fewer than two episodes to choose from.
    """
    seen, places = np.asarray(pictures), np.asarray(states)
    found = {name: np.asarray(numbers) for name, numbers in retrieved.items()}
    if not found:
        raise ValueError("retrieved is empty, expected at least one model")
    episodes, steps = len(next(iter(found.values()))), seen.shape[1]
    if places.shape[:2] != seen.shape[:2] or episodes > len(seen):
        raise ValueError(f"pictures have shape {seen.shape}, states {places.shape}, for {episodes} episodes of a model")
    for name, numbers in found.items():
        if numbers.shape != (episodes, steps) or numbers.min() < 0 or numbers.max() >= len(seen):
            raise ValueError(
                f"retrieved[{name!r}] has shape {numbers.shape}, expected ({episodes}, {steps}), with numbers of "
                f"episodes from 0 to {len(seen) - 1}"
            )

    def wrong(name: str, e: int, t: int) -> int:
        """How many objects of the retrieved frame lie elsewhere."""
        return int((places[found[name][e, t], t] != places[e, t]).any(axis=1).sum())

    def caption(episode: str, pushes: str) -> str:
        e, t = int(episode) - 1, int(pushes)
        said = []
        for name in found:
            off = wrong(name, e, t)
            said.append(f"{name}: right" if off == 0 else f"{name}: {off} object{'s' if off > 1 else ''} misplaced")
        return f"Episode {episode} after {pushes} push{'' if t == 1 else 'es'}. " + "; ".join(said) + "."

    def show(figure: Any, episode: str, pushes: str) -> None:
        e, t = int(episode) - 1, int(pushes)
        axes = np.ravel(figure.subplots(1, 1 + len(found)))
        shown = {"true": e} | {name: int(numbers[e, t]) for name, numbers in found.items()}
        for cell, (name, number) in zip(axes, shown.items(), strict=True):
            cell.imshow(seen[number, t].transpose(1, 2, 0))
            cell.set(xticks=[], yticks=[])
            good = name == "true" or wrong(name, e, t) == 0
            cell.set_title(name if name == "true" else f"{name} {'✓' if good else '✗'}", fontsize=9)
            for side in cell.spines.values():
                side.set(color="#555555" if name == "true" else RIGHT if good else WRONG, linewidth=3)

    controls: dict[str, Any] = {
        "episode": [str(e + 1) for e in range(episodes)],
        "pushes": Slider([str(t) for t in range(steps)]),
    }
    title = title or "What each model takes for the board"
    return flipbook(show, controls, caption, title, figsize=(1.55 * (1 + len(found)), 1.9))
