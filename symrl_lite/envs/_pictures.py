"""How environments are shown: `render_mode="rgb_array"`, by the course's own drawings. No window is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from symrl_lite.door import a_seed
from symrl_lite.envs._door import require_start

__all__ = ["SERVED", "DrawnEnv", "drawn", "enlarged", "known_mode"]

SERVED: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}
SIDE = 200  # pixels of an enlarged picture, about


def known_mode(render_mode: str | None) -> str | None:
    """The way to show an environment.

    Raises:
        ValueError: another one than "rgb_array" or None.
    """
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f'render_mode is {render_mode!r}, expected "rgb_array" or None')
    return render_mode


def drawn(draw: Callable[[Any], None], width: float = 4.0, height: float = 4.0) -> np.ndarray:
    """What `draw(axes)` puts on matplotlib axes, (rows, columns, 3), whole numbers from 0 to 255; sizes in inches."""
    # Here, because environments are used without pictures most of the time; and without pyplot, which keeps figures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = FigureCanvasAgg(Figure(figsize=(width, height), dpi=75, layout="constrained"))
    draw(canvas.figure.add_subplot())
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()


def enlarged(picture: Any) -> np.ndarray:
    """A small picture as a large one, every pixel a square: (1 or 3, height, width) -> (rows, columns, 3).

    Args:
        picture: whole numbers from 0 to 255, or floats from 0 to 1.

    >>> enlarged(np.ones((1, 50, 50), np.float32)).shape
    (200, 200, 3)
    """
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8:
        pixels = (255 * pixels.clip(0, 1)).round().astype(np.uint8)
    if len(pixels) == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    factor = max(1, SIDE // pixels.shape[1])
    return np.ascontiguousarray(pixels.repeat(factor, axis=1).repeat(factor, axis=2).transpose(1, 2, 0))


class DrawnEnv(gymnasium.Env[Any, Any]):
    """An environment with a picture of where it is; subclasses set `render_mode`, and define `picture`."""

    metadata = SERVED

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """As Gymnasium's own; the seed is checked, and may be one of NumPy's integers.

        Raises:
            TypeError: no number. ValueError: a seed that is not whole, or below 0.
        """
        return super().reset(seed=None if seed is None else a_seed(seed), options=options)

    @property
    def started(self) -> bool:
        """Whether there is something to step and to show.

        Raises:
            NotImplementedError: always here; each environment has its own.
        """
        raise NotImplementedError

    def picture(self) -> np.ndarray:
        """The state as it is drawn, (rows, columns, 3), whole numbers from 0 to 255.

        Raises:
            NotImplementedError: always here; each environment has its own.
        """
        raise NotImplementedError

    def render(self) -> Any:
        """`picture()` for render_mode="rgb_array"; None, and a warning, without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: nothing has started.
        """
        if self.render_mode is None:
            gymnasium.logger.warn(f'{type(self).__name__} has no render mode: make it with render_mode="rgb_array"')
            return None
        require_start(self.started, self)
        return self.picture()
