"""Pictures cut into square tiles; where the same tile comes back often, each one is kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Tiles", "as_pixels", "cut", "gather_tiles"]

_AT_ONCE = 4096  # pictures


@dataclass(frozen=True, eq=False)
class Tiles:
    """N pictures of `cells` tiles each. A tile is a row of whole numbers from 0 to 255: (channels, rows, columns)."""

    table: Tensor  # (P, values), uint8: the different tiles, or all of them
    index: Tensor | None  # (N, cells), which tile lies where; None: picture n has the rows n · cells, n · cells + 1, …
    cells: int

    def __len__(self) -> int:
        return len(self.table) // self.cells if self.index is None else len(self.index)


def as_pixels(images: Any, exactly: bool = True) -> np.ndarray:
    """Pictures as numbers from 0 to 255, (N, channels, height, width), of the type uint8.

    Whole numbers are taken for numbers from 0 to 255, floats for numbers from 0 to 1, which are multiplied by 255.

    Args:
        images: (N, channels, height, width), uint8 or other whole numbers from 0 to 255, or floats from 0 to 1.
        exactly: whether floats must be k/255 with a whole k; else they stay floats (float32), from 0 to 255.

    Raises:
        ValueError: another number of axes, another type, or numbers outside of the range.

    >>> as_pixels(np.full((1, 1, 1, 1), 0.2)).item(), as_pixels(np.full((1, 1, 1, 1), 51)).item()
    (51, 51)
    """
    pictures = np.asarray(images)
    if pictures.ndim != 4:
        raise ValueError(
            f"the pictures have shape {pictures.shape}, expected (N, channels, height, width): one picture is "
            "pictures[None], and pictures of one channel are pictures[:, None]"
        )
    if pictures.dtype == np.uint8:
        return pictures
    kind = pictures.dtype.kind
    highest = {"i": 255, "u": 255, "f": 1}.get(kind)
    low, high = (pictures.min(), pictures.max()) if pictures.size and highest else (0, 0)
    if highest is None or not (low >= 0 and high <= highest):
        raise ValueError(
            f"the pictures have type {pictures.dtype} and values from {low:g} to {high:g}, expected uint8 from 0 to "
            "255, or floats from 0 to 1"
        )
    if kind != "f":
        return pictures.astype(np.uint8)
    scaled = pictures.astype(np.float64) * 255
    whole = np.round(scaled)
    if np.abs(scaled - whole).max(initial=0) < (0.2 if pictures.dtype == np.float16 else 1e-3):
        return whole.astype(np.uint8)
    if exactly:
        raise ValueError(
            f"the pictures have type {pictures.dtype} and values between the steps of 1/255, expected uint8 from 0 to "
            "255: (255 * pictures).round().astype(np.uint8)"
        )
    return scaled.astype(np.float32)


def cut(images: np.ndarray, tile: int) -> np.ndarray:
    """(N, channels, height, width) -> (N, cells, channels · tile · tile), cells row by row.

    A convolution with a filter of `tile` × `tile` and a stride of `tile` is then a product with a matrix.

    Raises:
        ValueError: a side that is no multiple of the tile.

    >>> cut(np.arange(16).reshape(1, 1, 4, 4), 2)[0].tolist()
    [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    """
    if images.ndim != 4:
        raise ValueError(f"the pictures have shape {images.shape}, expected (N, channels, height, width)")
    N, channels, height, width = images.shape
    if height % tile or width % tile:
        raise ValueError(f"pictures of {height} × {width} can't be cut into tiles of {tile} × {tile}")
    split = images.reshape(N, channels, height // tile, tile, width // tile, tile)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(N, -1, channels * tile * tile)


def gather_tiles(images: np.ndarray, tile: int, most: int = 1024) -> Tiles:
    """All tiles of some pictures; each different one once, if there are no more than `most`.

    Args:
        images: (N, channels, height, width), as for `as_pixels`.
        tile: side of a tile in pixels.
        most: number of different tiles up to which they are looked for.

    >>> pictures = np.zeros((3, 1, 4, 4), np.uint8)
    >>> pictures[1, 0, 0, 0] = 7
    >>> gather_tiles(pictures, 2).index.tolist()
    [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    """
    images = as_pixels(images)
    table: dict[bytes, int] = {}
    found: list[np.ndarray] = []
    for start in range(0, len(images), _AT_ONCE):
        part = cut(images[start : start + _AT_ONCE], tile)  # (n, cells, values)
        cells = part.shape[1]
        rows = np.ascontiguousarray(part.reshape(-1, part.shape[2]))
        first, which = _different(rows)
        numbers = np.array([table.setdefault(rows[k].tobytes(), len(table)) for k in first])
        found.append(numbers[which].reshape(-1, cells))
        if len(table) > most:
            return Tiles(torch.from_numpy(cut(images, tile).reshape(-1, part.shape[2])), None, cells)
    different = np.stack([np.frombuffer(row, dtype=np.uint8) for row in table])
    return Tiles(torch.from_numpy(different), torch.from_numpy(np.concatenate(found)), cells)


def _different(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each kind, in the order in which they come, and for each row its kind.

    Rows are sorted by a sum with random weights, modulo 2⁶⁴, which is checked afterwards.
    """
    values = rows.shape[1]
    padded = np.zeros((len(rows), -(-values // 8) * 8), dtype=np.uint8)
    padded[:, :values] = rows
    weights = np.random.default_rng(0).integers(1, 2**63, padded.shape[1] // 8, dtype=np.uint64) | np.uint64(1)
    keys = (padded.view(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(rows[first[which]], rows):  # two kinds with one sum
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[which.ravel()]
