"""Cues: a few numbers read off the whole frame that tell a blind student how strongly it was degraded.

A student sees some thirty pixels around a place, where a soft picture and a softened one look alike. All
edges of a frame together do not: a resampled or blurred edge has little left over one pixel, whatever it
shows, and a codec leaves its flat places exactly flat. Along 64 rows of the green channel second differences
are taken over 1, 2 and 4 pixels. In this order the cues are

    1  at strong edges (48 grey levels over 2 pixels), what is left over 1 pixel of what there is over 2
    2  at strong edges (48 grey levels over 4 pixels), what is left over 2 pixels of what there is over 4
    3  as 1, at weak edges (12 to 48 grey levels)
    4  the share of places where nothing changes over 1 pixel
    5  the share of places where at most one grey level does

each from 0 to 1 in steps of 1/255, so that they fit a plane of bytes beside the frame's.
"""

from __future__ import annotations

import torch
from torch import Tensor

CUES = 5
ROWS = 64  # spread evenly over the frame; a lower frame has some of them twice
REACH = 4  # pixels to either side of a place: the longest difference
STRONG, WEAK = 48.0, 12.0  # grey levels
FEWEST = 20.0  # places, below which a ratio says nothing
UNKNOWN = 0.5  # the ratio then
NARROWEST = 2 * REACH + 1  # pixels; a frame below that has no cues but unknown ones


def cue_rows(height: int, device: torch.device | None = None) -> Tensor:
    """The rows (ROWS,) that are read of a frame of that height; alone they have the cues of the whole."""
    return (2 * torch.arange(ROWS, device=device) + 1) * height // (2 * ROWS)


@torch.no_grad()
def read_cues(frames: Tensor) -> Tensor:
    """The cues (B,5), float32 from 0 to 1, of whole frames (B,3,H,W) in [0,1], rounded to 8 bits first."""
    height, width = frames.shape[-2:]
    if width < NARROWEST:
        return frames.new_tensor([UNKNOWN] * 3 + [0.0] * 2, dtype=torch.float32).repeat(len(frames), 1)
    rows = frames[:, 1].index_select(1, cue_rows(height, frames.device))
    rows = rows.float().clamp(0, 1).mul(255).round()
    one, two, four = (_second_difference(rows, width, reach) for reach in (1, 2, 4))
    steps = one.abs()
    values = (
        _left_over(one, two, STRONG, None),
        _left_over(two, four, STRONG, None),
        _left_over(one, two, WEAK, STRONG),
        (steps == 0).float().mean((1, 2)),
        (steps <= 1).float().mean((1, 2)),
    )
    return torch.stack(values, 1).clamp(0, 1).mul(255).round().div(255)


def _second_difference(rows: Tensor, width: int, reach: int) -> Tensor:
    """left - 2 centre + right of each place that has REACH pixels to either side, (B,ROWS,W - 2 REACH)."""
    centre = rows[..., REACH : width - REACH]
    left = rows[..., REACH - reach : width - REACH - reach]
    return left - 2 * centre + rows[..., REACH + reach : width - REACH + reach]


def _left_over(near: Tensor, far: Tensor, least: float, most: float | None) -> Tensor:
    """Root mean square of `near` by that of `far`, where `far` has least to below most grey levels, (B,)."""
    size = far.abs()
    edges = size >= least if most is None else (size >= least) & (size < most)
    weights = edges.float()
    ratio = (near.square() * weights).sum((1, 2)) / (far.square() * weights).sum((1, 2)).clamp(min=1)
    return torch.where(weights.sum((1, 2)) >= FEWEST, ratio.sqrt(), UNKNOWN)
