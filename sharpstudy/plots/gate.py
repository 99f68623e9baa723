"""Figures of the teachers before the gate."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from sharpstudy.plots import role_colour


def gate_forest(gates: pd.DataFrame) -> Figure:
    """Each teacher's gain over doing nothing on a recipe's own validation pairs, with its interval.

    One row per recipe and teacher that ran. The table has recipe, teacher, state, psnr_gain, psnr_gain_low,
    psnr_gain_high, psnr_do_nothing and psnr_tuned_unsharp; the tick is the tuned unsharp mask's gain.
    """
    ran = gates.dropna(subset=["psnr_gain"])
    figure, axes = plt.subplots(figsize=(7.2, 0.36 * max(len(ran), 1) + 1.1))
    for place, row in enumerate(ran.itertuples()):
        colour = role_colour("teacher" if row.state == "teaches" else "control")
        axes.plot([row.psnr_gain_low, row.psnr_gain_high], [place, place], color=colour, lw=2.2)
        axes.plot(row.psnr_gain, place, "o", color=colour)
        unsharp = row.psnr_tuned_unsharp - row.psnr_do_nothing
        axes.plot([unsharp] * 2, [place - 0.3, place + 0.3], color=role_colour("baseline"), lw=2.2)
    axes.axvline(0, color=role_colour("baseline"), lw=1.0, ls="--")
    for label, role in (("teaches", "teacher"), ("refused or control", "control")):
        axes.plot([], [], "o-", color=role_colour(role), label=label)
    axes.plot([], [], "|", color=role_colour("baseline"), ms=11, mew=2.2, label="tuned unsharp mask")
    axes.set_yticks(
        range(len(ran)), [f"{row.recipe}: {row.teacher} ({row.weights})" for row in ran.itertuples()]
    )
    axes.set_ylim(len(ran) - 0.5, -0.5)
    axes.set_xlabel("PSNR gain over doing nothing (dB), 95 % interval over clips")
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return figure
