"""Factors and grid shifts that nobody aligned, and frames that were scaled down and up at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sharpstudy.data.degrade import DownUp, degrade
from sharpstudy.data.references import Reference
from sharpstudy.evaluate import EvalFrame, FrameRow, FrameSet

FACTORS = (1.5, 2.0, 2.5, 3.0, 4.0)
SHIFTS = ((0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (2.0, 1.0), (3.0, 3.0))  # pixels up and left, aligned first


@dataclass(frozen=True)
class Place:
    """One factor with one shift; the phase is what is left of the shift after whole factors."""

    factor: float
    shift: tuple[float, float]

    @property
    def phase(self) -> tuple[float, float]:
        """Pixels by which the grid is shifted up and left, below the factor."""
        down, right = (step % self.factor for step in self.shift)
        return down, right

    @property
    def name(self) -> str:
        """As scores call it: "x2.5 at (1, 0)"."""
        return f"x{self.factor:g} at ({self.phase[0]:g}, {self.phase[1]:g})"

    @property
    def aligned(self) -> bool:
        """Whether this is the aligned grid, as a shift by whole factors is."""
        return self.phase == (0, 0)


PLACES = tuple(Place(factor, shift) for factor in FACTORS for shift in SHIFTS)


def shifted_sets(references: Sequence[Reference], places: Sequence[Place] = PLACES) -> list[FrameSet]:
    """The references at each place, degraded as they are read; places on the same grid are one set."""
    rows = tuple(FrameRow(one.frame, one.clip, one.category, one.width, one.height) for one in references)
    kept: dict[int, np.ndarray] = {}

    def made(place: Place) -> FrameSet:
        settings = DownUp(place.factor, phase=place.phase)

        def load(index: int) -> EvalFrame:
            one = references[index]
            if index not in kept:
                kept[index] = one.load()
            degraded = degrade(kept[index], settings, 0)
            facts = (one.frame, one.clip, one.category, place.name)
            return EvalFrame(*facts, kept[index], degraded, settings=settings, seed=0)

        return FrameSet(place.name, rows, load)

    return [made(place) for place in {place.name: place for place in places}.values()]
