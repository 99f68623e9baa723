"""The live picture under the stopwatch: what its runs tell, and the figure of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sharpstudy import plots
from sharpstudy.plots.live import LEVELS, policy_decisions
from sharpstudy.profiling.live import (
    SlowDown,
    call_frames,
    live_run,
    profile_live,
    said_of,
    slow_down_for,
    write_call,
)
from sharpstudy.runtime.policy import simulate
from tests.live_tools import brighter


def test_the_call_moves_in_a_circle_and_is_soft():
    frames = call_frames(160, 120, 8)
    assert {frame.shape for frame in frames} == {(120, 160, 3)}
    steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert min(steps) > 1
    assert max(steps) < 3 * min(steps)  # the last to the first is a step like the others


def test_the_slow_down_is_measured_so_that_a_frame_takes_one_and_a_half_deadlines():
    now = [0.0]

    def restore(frame: np.ndarray) -> np.ndarray:
        now[0] += 0.010
        return frame

    slow = slow_down_for(restore, np.zeros((4, 4, 3), np.uint8), 1, 2, lambda: now[0])
    assert slow == SlowDown(pytest.approx(5.0), 1, 2)  # 50 ms are 1.5 times 33.3 ms
    at_rest = slow_down_for(
        lambda frame: frame, np.zeros(1), 1, 2, lambda: now.append(now[-1] + 1) or now[-1]
    )
    assert at_rest.factor == 1  # a network that is too slow by itself is left at that


def test_a_run_is_told_by_row_and_in_words(tmp_path):
    clip = write_call(tmp_path / "call.mkv", 160, 120)
    slow = SlowDown(2.0, 0.2, 0.4)
    run = live_run(brighter, clip, 0.8, slow)
    row = run.row(160, 120, "slowed down")
    assert 15 <= row["frames"] == len(run.decisions) <= 26
    assert row["full"] + row["half"] + row["alternate"] + row["bypass"] == pytest.approx(1)
    assert row["in_time"] == pytest.approx((run.decisions["latency_ms"] <= 1000 / 30).mean())
    assert row["p95_ms"] >= row["p50_ms"] > 0
    said = said_of(run, slow)
    assert said[0] == "from 0.2 to 0.4 s the network takes 2.0 times as long"
    assert said[1].startswith("levels: full from 0.0 s")


def test_each_size_has_a_row():
    rows = profile_live(brighter, ((96, 64), (160, 120)), 0.3)
    assert [(row["width"], row["height"], row["run"]) for row in rows] == [
        (96, 64, "undisturbed"),
        (160, 120, "undisturbed"),
    ]


@pytest.mark.parametrize("page", ["light", "dark"])
def test_the_figure_shows_every_frame_and_every_level(page):
    table = pd.DataFrame(simulate(lambda time_s, level: 0.25 if 1 <= time_s < 2 else 0.01, 6))
    with plots.look(page):
        figure = policy_decisions(table, 1000 / 30, (1.0, 2.0))
    above, below = figure.axes
    dots = [line for line in above.get_lines() if line.get_marker() == "."]
    assert sum(len(line.get_xdata()) for line in dots) == len(table) == 180
    assert {line.get_label() for line in dots} == set(table["outcome"])
    steps = below.get_lines()[0].get_ydata()
    assert [LEVELS[-int(at)] for at in steps] == list(table["level"])
    plots.plt.close(figure)
