"""The stages of a video under the stopwatch: what their rates say, and the clips for them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sharpstudy.data.clips import probe_clip, read_clip, write_clip
from sharpstudy.runtime.video import VideoSettings
from sharpstudy.runtime.video_speed import best_rates, loop_clip, overlap, rates_text
from tests.picture_tools import moving


def test_the_overlap_is_a_share_of_the_slowest_stage_or_of_what_the_cores_allow():
    rates = {"read": 300.0, "restore": 100.0, "write": 200.0, "cpu": 15.0, "cores": 2, "together": 90.0}
    assert overlap(rates) == pytest.approx(0.9)  # 2 cores allow 133 FPS, so that restoring is the limit
    assert overlap({**rates, "cpu": 20.0, "together": 95.0}) == pytest.approx(0.95)
    assert overlap({**rates, "cpu": 40.0, "together": 45.0}) == pytest.approx(0.9)  # 2 cores allow 50 FPS
    assert "together     90.0 FPS: 0.90 of restore alone, the slowest" in rates_text(rates)


def test_a_stage_that_waits_sets_the_pace_alone(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(20))
    loop_clip(tmp_path / "a.mp4", tmp_path / "b.mp4", 64, 48, 60)

    def slow(frame: np.ndarray) -> np.ndarray:
        time.sleep(0.02)  # as a network on another device would: it takes no processor time
        return frame

    rates = best_rates(tmp_path / "b.mp4", slow, VideoSettings(preset="ultrafast"), 2)
    assert rates["restore"] < 50
    assert rates["together"] > 0.85 * rates["restore"]


def test_a_loop_plays_there_and_back_at_the_size_that_is_asked_for(tmp_path):
    write_clip(tmp_path / "a.mkv", moving(10), codec="ffv1")
    loop_clip(tmp_path / "a.mkv", tmp_path / "b.mp4", 48, 32, 25)
    info = probe_clip(tmp_path / "b.mp4")
    assert (info.width, info.height) == (48, 32)
    frames = [one.frame.astype(int) for one in read_clip(tmp_path / "b.mp4")]
    assert len(frames) == 25
    assert np.abs(frames[0] - frames[20]).mean() < 6 < np.abs(frames[0] - frames[9]).mean()
