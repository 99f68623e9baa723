"""The sharpness of a frame against arithmetic, and what clean and degraded photographs give."""

from __future__ import annotations

from itertools import groupby, islice
from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data.clips import read_clip
from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.data.frames import read_frame
from sharpstudy.runtime import SharpJudge, looks_sharp, sharpness


def test_sharpness_by_hand() -> None:
    step = np.zeros((64, 40, 3), np.uint8)
    step[:, 20:] = 100
    # Second differences over one pixel: 100 and -100 beside the step; over two: 100, 100, -100, -100.
    assert sharpness(step) == pytest.approx(np.sqrt(2 * 100**2 / (4 * 100**2)))
    ramp = np.zeros((64, 40, 3), np.uint8)
    ramp[:] = np.clip((np.arange(40) - 14) * 20, 0, 200).astype(np.uint8)[:, None]
    # A slope over ten pixels: 20 at its ends over one pixel; 20, 40 and 20 over two, too weak to be an edge.
    assert sharpness(ramp) == 0
    assert looks_sharp(step)
    assert not looks_sharp(ramp)


@pytest.mark.parametrize("size", [(1, 1), (64, 4), (3, 200)])
def test_flat_and_tiny_frames_show_no_sharpness(size: tuple[int, int]) -> None:
    assert sharpness(np.full((*size, 3), 90, np.uint8)) == 0


def test_noise_does_not_pass_for_sharpness(rng) -> None:
    soft = np.clip(90 * np.sin(np.arange(400) / 6) + 128, 0, 255)[None, :, None] + rng.normal(
        0, 4, (200, 400, 3)
    )
    assert not looks_sharp(np.rint(soft.clip(0, 255)).astype(np.uint8))


def test_clean_photographs_look_sharp_and_degraded_ones_do_not(assets: Path) -> None:
    frames = [read_frame(path) for path in sorted((assets / "data/kodak24").glob("*.png"))[::2]]
    assert sum(map(looks_sharp, frames)) >= 9  # the others are softer than a mild down-up of the sharpest
    for name in ("bicubic-x1.5", "bicubic-x2", "bicubic-x4", "blur-1.0", "blur-1.5", "call-300k"):
        degraded = [
            degrade(frame, parse_degradation(name), 1) for frame in frames[: 3 if "call" in name else 12]
        ]
        assert not any(map(looks_sharp, degraded)), name


def test_a_judge_holds_on_to_its_answer_between_its_thresholds() -> None:
    judge = SharpJudge(0.5, 0.4)
    assert [judge.of(value) for value in (0.45, 0.5, 0.51, 0.45, 0.41, 0.4, 0.45)] == [
        False, False, True, True, True, False, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="soft must be 0 to sharp"):
        SharpJudge(0.4, 0.5)


def test_no_webcam_clip_wavers(assets: Path) -> None:
    for path in sorted((assets / "data/webcam_clips").glob("*.mkv"))[::3]:
        judge = SharpJudge()
        answers = [judge(one.frame) for one in islice(read_clip(path), 60)]
        assert len(list(groupby(answers))) == 1, path.name
