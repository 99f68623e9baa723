"""What prepared pairs look like from outside: their list with hashes, their patches, their busiest square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.pairs import PairStore
from sharpstudy.data.references import hash_frame

if TYPE_CHECKING:
    import pandas as pd

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601 weights of R, G, B


def pair_list(stores: Mapping[str, PairStore], seed: int) -> pd.DataFrame:
    """One row per fixed pair: what it is, and the SHA-256 of its degraded pixels.

    The hash holds a later stage, or another machine, to the very pixels that were listed.
    """
    import pandas as pd

    rows = [
        (
            entry.frame,
            entry.clip,
            entry.category,
            entry.split,
            name,
            seed,
            hash_frame(np.asarray(store.pair(at).degraded)),
        )
        for name, store in stores.items()
        for at, entry in enumerate(store.entries)
    ]
    columns = ["frame", "clip", "category", "split", "degradation", "seed", "sha256"]
    return pd.DataFrame(rows, columns=columns)


def gradient(frame: np.ndarray) -> np.ndarray:
    """The luma's gradient at each pixel, grey levels per pixel; float32 HxW, 0 in the last row and column."""
    luma = frame @ LUMA
    steep = np.zeros_like(luma)
    steep[:-1, :-1] = np.hypot(np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1])
    return steep


def busiest_square(frame: np.ndarray, side: int) -> tuple[int, int, int]:
    """Top, left and side of the square with the largest mean gradient, cut to a smaller frame."""
    side = min(side, *frame.shape[:2])
    total = np.zeros((frame.shape[0] + 1, frame.shape[1] + 1))
    total[1:, 1:] = gradient(frame).cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top), int(left), side


def patch_table(store: PairStore, side: int) -> pd.DataFrame:
    """One row per patch of a regular grid: category, detail (mean gradient), lost (PSNR in dB).

    A patch that lost nothing has no finite PSNR and stands at 80 dB, half a step of one grey level in 2,500.
    """
    import pandas as pd

    rows = []
    for at, entry in enumerate(store.entries):
        pair = store.pair(at)
        steep = _tiles(gradient(np.asarray(pair.reference)), side).mean(axis=(1, 2))
        error = np.asarray(pair.reference, np.float32) - np.asarray(pair.degraded, np.float32)
        squares = _tiles((error**2).mean(axis=2), side).mean(axis=(1, 2))
        lost = 10 * np.log10(255**2 / np.maximum(squares, 255**2 / 1e8))
        rows += [(entry.category, *values) for values in zip(steep.tolist(), lost.tolist(), strict=True)]
    return pd.DataFrame(rows, columns=["category", "detail", "lost"])


def _tiles(plane: np.ndarray, side: int) -> np.ndarray:
    """The plane's whole squares as (count, side, side); what is over at the right and bottom is left out."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    cut = plane[: rows * side, : columns * side]
    return cut.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
