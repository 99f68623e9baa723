"""Clips are judged for what moves in them, as the metric says of the same frames."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy import evaluate, metrics
from sharpstudy.data.clips import write_clip
from sharpstudy.data.degrade import degrade_clip, parse_degradation
from sharpstudy.data.prepare import frame_seed, read_run
from sharpstudy.data.sources import SourceOptions, load_source
from sharpstudy.evaluate import EvalSettings
from tests.material import made
from tests.picture_tools import moving


@pytest.fixture
def references(tmp_path):
    folder = tmp_path / "people"
    folder.mkdir()
    write_clip(folder / "talk.mp4", moving(20), fps=10)
    return load_source("folder", SourceOptions(folder=tmp_path, every=5))


def noisy(frame: evaluate.EvalFrame) -> np.ndarray:
    """Noise that hangs on what the frame shows, so that it is new in each frame of a clip."""
    rng = np.random.default_rng(int(frame.degraded.sum()))
    return np.clip(frame.degraded.astype(int) + rng.integers(-8, 9, frame.degraded.shape), 0, 255).astype(
        np.uint8
    )


def test_a_clip_is_scored_as_by_hand(references):
    settings = EvalSettings(clip_seconds=0.8)
    clips = evaluate.clip_set(references, "bicubic-x2", settings)
    model = evaluate.from_callable("noisy", noisy)
    scores = evaluate.score_model(model, [clips], settings).set_index("metric")

    one = references[0]
    frames = read_run(one.recording.path, 0, 8)
    chance = frame_seed(1, f"folder/{one.recording.path.name}", 0)
    degraded = degrade_clip(frames, parse_degradation("bicubic-x2"), chance)
    restored = [
        noisy(evaluate.EvalFrame("", "", "", "", frame, given))
        for frame, given in zip(frames, degraded, strict=True)
    ]
    by_hand = metrics.clip_flicker(frames, restored, degraded)
    assert scores.loc["flicker", "value"] == pytest.approx(by_hand.error, abs=1e-6)
    assert scores.loc["still_noise", "value"] == pytest.approx(by_hand.still_noise, abs=1e-6)
    assert scores.loc["flicker", "frame"] == one.clip
    assert scores.loc["flicker", "category"] == "people"


def test_all_frames_of_a_clip_are_scored_at_one_place(references):
    settings = EvalSettings(clip_seconds=0.5, side=32)
    seen = []

    def restore(frame: evaluate.EvalFrame) -> np.ndarray:
        seen.append(frame.reference.shape)
        return frame.degraded

    model = evaluate.from_callable("still", restore, margin=0)
    clips = evaluate.clip_set(references, "bicubic-x2", settings)
    scores = evaluate.score_model(model, [clips], settings)
    assert seen == [(32, 32, 3)] * 5
    assert scores["value"].notna().any()


def test_pictures_have_no_clips():
    assert len(evaluate.clip_set([made(0)], "blur", EvalSettings())) == 0
