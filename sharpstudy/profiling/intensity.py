"""How much a network computes for each byte that it moves, and where that puts it below the roof."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .candidates import BASELINES, PUBLISHED, REALTIME
from .models import student_of

if TYPE_CHECKING:
    import pandas as pd

BYTES = {"fp32": 4, "bf16": 2, "int8": 1}


@cache
def values_per_pixel(name: str) -> float:
    """Values of feature maps that a student's convolutions read and write for one pixel of the frame.

    Counted on shapes: what each convolution takes in and gives out, as if nothing stayed in a cache.
    """
    import torch
    from torch import nn

    side, counts = 192, []
    student = student_of(name)
    with torch.device("meta"), torch.no_grad():
        shapes = type(student)(**student.arguments)
        for module in shapes.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(
                    lambda _, given, made: counts.append(given[0].numel() + made.numel())
                )
        shapes(torch.empty(1, 3, side // student.scale, side // student.scale))
    return sum(counts) / side**2


def roofline_points(profiles: pd.DataFrame) -> pd.DataFrame:
    """Each student's fastest measurement in each precision, networks alone: model, role, precision,
    macs_per_byte, gmac_per_s."""
    rows = profiles[(profiles["stage"] == "model") & profiles["p50_ms"].notna()]
    rows = rows[rows["model"].isin([*PUBLISHED, *REALTIME]) & ~rows["model"].isin(BASELINES)]
    rows = rows[(rows["threads"] == profiles["threads"].max()) & rows["precision"].isin(BYTES)]
    macs = 1000 * rows["kmac_per_pixel"]
    moved = [values_per_pixel(row.model) * BYTES[row.precision] for row in rows.itertuples()]
    speed = macs * rows["width"] * rows["height"] / (rows["p50_ms"] / 1000) / 1e9
    points = rows.assign(macs_per_byte=macs / moved, gmac_per_s=speed)
    best = points.sort_values("gmac_per_s", ascending=False).drop_duplicates(["model", "precision"])
    return best[["model", "role", "precision", "macs_per_byte", "gmac_per_s"]].reset_index(drop=True)
