"""Cheaper levels of restoring: never worse than raw, and no ghosts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sharpstudy.data.clips import read_clip
from sharpstudy.runtime import levels
from sharpstudy.runtime.levels import Reuse, add_detail, half_detail, halved, mixed
from tests.live_tools import frame
from tests.material import picture, scene

cv2 = pytest.importorskip("cv2", reason="OpenCV comes with the extra live")


def test_half_size_never_looks_worse_than_raw():
    clean = picture(4, 320, 240)
    blurred = cv2.GaussianBlur(clean, (0, 0), 2.0)
    calls = []

    def deblurred(one: np.ndarray) -> np.ndarray:
        calls.append(one.shape)
        return cv2.addWeighted(one, 1.6, cv2.GaussianBlur(one, (0, 0), 1.0), -0.6, 0)

    restored = add_detail(blurred, half_detail(blurred, deblurred))
    assert calls == [(120, 160, 3)]
    error = [np.square(one.astype(float) - clean).mean() for one in (blurred, restored)]
    assert error[1] < error[0]
    assert np.array_equal(add_detail(clean, half_detail(clean, lambda one: one)), clean)
    for odd in ((241, 319), (1, 1), (3, 2)):
        one = clean[: odd[0], : odd[1]]
        assert np.array_equal(add_detail(one, half_detail(one, lambda small: small)), one)


@pytest.mark.parametrize("size", [(240, 320), (121, 159), (1, 1), (3, 2)])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_pillow_does_what_opencv_does(monkeypatch, size, strength):
    frame = scene(4, size[1], size[0])
    darker = lambda one: one - one // 8  # noqa: E731
    made = []
    for library in (levels.opencv, lambda: None):
        monkeypatch.setattr(levels, "opencv", library)
        detail = half_detail(frame, darker)
        made.append(
            (halved(frame), detail, add_detail(frame, detail, strength), mixed(frame, 255 - frame, 0.3))
        )
    for fast, slow in zip(*made, strict=True):
        assert fast.shape == slow.shape
        apart = np.abs(fast.astype(int) - slow)
        # Of odd sides Pillow's box takes whole pixels, so that small frames lie up to half a pixel apart.
        assert apart.max() <= (16 if size[0] % 2 else 2)
        assert apart.mean() < 2
    assert made[1][2].flags.writeable
    assert np.array_equal(add_detail(frame, half_detail(frame, lambda one: one), strength), frame)
    reuse = Reuse()
    reuse.keep(frame, detail)
    assert reuse.still_detail(frame) is None


def passing(at: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A textured square that has moved by `at` pixels over a textured ground."""
    frame = scene(1, width, height).copy()
    frame[80:160, 20 + at : 100 + at] = picture(9, 80, 80)
    return frame


def test_reused_detail_leaves_no_ghost_behind_what_moves():
    strong = lambda one: cv2.addWeighted(one, 3.0, cv2.GaussianBlur(one, (0, 0), 2), -2.0, 0)  # noqa: E731
    for step in (1, 4, 12, 40):
        before, after = passing(100), passing(100 + step)
        reuse = Reuse()
        reuse.keep(before, half_detail(before, strong))
        shown = add_detail(after, reuse.still_detail(after)).astype(int)
        ideal = add_detail(after, half_detail(after, strong)).astype(int)
        naive = add_detail(after, half_detail(before, strong)).astype(int)
        low, high = np.minimum(after, ideal), np.maximum(after, ideal)
        beyond = np.maximum(low - shown, shown - high).clip(0)  # anything that neither raw nor restored shows
        ghost = np.maximum(low - naive, naive - high).clip(0)
        assert ghost.max() > 40
        assert beyond.max() <= 6, step
        still = (slice(200, 240), slice(None))
        assert np.abs(shown[still] - ideal[still]).max() <= 1


def test_reuse_in_real_clips_is_between_raw_and_restored(assets):
    strong = lambda one: cv2.addWeighted(one, 2.0, cv2.GaussianBlur(one, (0, 0), 2), -1.0, 0)  # noqa: E731
    frames = [one.frame for one in read_clip(assets / "data" / "webcam_clips" / "walk.mkv")][20:40]
    raw_error, reused_error = [], []
    for before, after in pairwise(frames):
        reuse = Reuse()
        reuse.keep(before, half_detail(before, strong))
        ideal = add_detail(after, half_detail(after, strong)).astype(int)
        shown = add_detail(after, reuse.still_detail(after)).astype(int)
        raw_error.append(np.square(ideal - after).mean())
        reused_error.append(np.square(ideal - shown).mean())
        low, high = np.minimum(after, ideal), np.maximum(after, ideal)
        assert np.percentile(np.maximum(low - shown, shown - high).clip(0), 99.9) <= 6
    assert np.mean(reused_error) < 0.6 * np.mean(raw_error)


def test_detail_of_another_size_is_not_reused():
    reuse = Reuse()
    assert reuse.still_detail(frame()) is None
    reuse.keep(frame(), frame(128, 12, 16))
    assert reuse.still_detail(frame(100, 48, 64)) is None
    assert reuse.still_detail(frame()) is not None
    reuse.forget()
    assert reuse.still_detail(frame()) is None
