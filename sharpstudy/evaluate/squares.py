"""The part of a frame that is scored, restored with everything around it that decides it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sharpstudy.data.survey import busiest_square
from sharpstudy.evaluate.frames import EvalFrame, Region, cut_frame
from sharpstudy.evaluate.models import Model
from sharpstudy.evaluate.settings import EvalSettings

GRID = 8  # squares start at multiples of it


@dataclass(frozen=True, eq=False)
class Square:
    """What is scored of a frame, uint8; all of it where no side was asked for."""

    frame: str
    region: Region
    reference: np.ndarray
    degraded: np.ndarray
    restored: np.ndarray


def place_square(reference: np.ndarray, side: int) -> Region:
    """The busiest square of a reference, the same for every model; the whole frame for a side of 0."""
    if not side:
        return Region(0, 0, *reference.shape[:2])
    top, left, side = busiest_square(reference, side)
    top, left = (start // GRID * GRID for start in (top, left))
    return Region(top, left, top + side, left + side)


def restore_square(
    model: Model, frame: EvalFrame, settings: EvalSettings, region: Region | None = None
) -> Square:
    """The busiest square of a frame, or a region, as the model restores it inside its frame.

    The model is given as much around it as decides its pixels (Model.margin), or the whole frame.
    """
    region = region or place_square(frame.reference, settings.side)
    height, width = frame.reference.shape[:2]
    around = Region(0, 0, height, width)
    if model.margin is not None:
        around = region.grown(model.margin, math.lcm(model.grid, frame.scale), height, width)
    restored = model.restore(cut_frame(frame, around))
    return Square(
        frame.frame,
        region,
        region.of(frame.reference),
        region.of(frame.degraded),
        region.inside(around).of(restored),
    )
