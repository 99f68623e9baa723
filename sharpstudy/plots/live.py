"""Figures of the live picture: what its policy decided, and what that cost."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sharpstudy.plots import PALETTE, line_colour, role_colour

LEVELS = ("full", "half", "alternate", "bypass")
# The numbers of their colours.
OUTCOMES = {"restored": 0, "reused": 2, "sharp": 3, "late": 1, "failed": 1, "raw": 4}


def policy_decisions(
    decisions: pd.DataFrame, deadline_ms: float, slow: tuple[float, float] | None = None
) -> Figure:
    """What became of each frame, and the level that the policy was at; `slow` shades a slow-down (seconds).

    The table has a row per frame with time_s, level, outcome and latency_ms (capture to hand-over), as a live
    report and runtime.policy.simulate write them.
    """
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(7.2, 3.9), height_ratios=(3, 1.3), layout="constrained"
    )
    for outcome, number in OUTCOMES.items():
        rows = decisions[decisions["outcome"] == outcome]
        if len(rows):
            above.plot(
                rows["time_s"], rows["latency_ms"], ".", ms=3, color=line_colour(number), label=outcome
            )
    above.axhline(deadline_ms, color=role_colour("baseline"), lw=1.0, ls="--")
    above.text(decisions["time_s"].max(), deadline_ms, "deadline ", ha="right", va="bottom", fontsize=8)
    top = 1.25 * max(deadline_ms, decisions["latency_ms"].max())
    above.set_ylim(-0.03 * top, top)  # so that dots at 0 are seen whole
    above.set_ylabel("capture to\nhand-over (ms)")
    above.legend(ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0), markerscale=3)
    steps = decisions["level"].map({level: -at for at, level in enumerate(LEVELS)})
    below.step(decisions["time_s"], steps, where="post", color=role_colour("realtime"), lw=1.6)
    below.set_yticks(-np.arange(len(LEVELS)), LEVELS)
    below.set_ylim(-len(LEVELS) + 0.6, 0.4)
    below.set_ylabel("level")
    below.set_xlabel("time (s)")
    if slow is not None:
        for axes in (above, below):
            axes.axvspan(*slow, color=PALETTE["amber"]["light"], alpha=0.15, lw=0)
        above.text(slow[0], above.get_ylim()[1], " slowed down", va="top", fontsize=8)
    return figure
