"""Frames, times and sizes through clips, and the clips of others."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sharpstudy.data.clips import CLIP_SUFFIXES, probe_clip, read_clip, write_clip
from tests.picture_tools import moving, numbers

pytest.importorskip("av")


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "h264"), (".mov", "h264"), (".mkv", "h264"), (".webm", "vp9"), (".mkv", "ffv1")],
)
def test_frames_and_times_come_back(tmp_path, suffix, codec):
    frames, path = moving(), tmp_path / f"a{suffix}"
    assert write_clip(path, frames, fps=Fraction(30000, 1001), codec=codec) == 20
    items = list(read_clip(path))
    assert numbers(items) == list(range(20))
    expected = [number * 1001 / 30000 for number in range(20)]
    tolerance = 1e-4 if suffix in (".mp4", ".mov") else 6e-4
    assert [item.time_s for item in items] == pytest.approx(expected, abs=tolerance)
    if codec == "ffv1":
        assert all(np.array_equal(item.frame, frame) for item, frame in zip(items, frames, strict=True))
    assert items[0].frame.flags.writeable
    assert items[0].frame.dtype == np.uint8


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mkv", "h264"), (".webm", "vp9")])
def test_a_variable_rate_is_kept(tmp_path, suffix, codec):
    times = [0.0, 0.02, 0.1, 0.15, 0.4, 0.45, 1.0, 1.75]
    write_clip(tmp_path / f"a{suffix}", moving(8), times=times, codec=codec)
    items = list(read_clip(tmp_path / f"a{suffix}"))
    assert [item.time_s for item in items] == pytest.approx(times, abs=6e-4)
    assert numbers(items) == list(range(8))
    write_clip(tmp_path / f"b{suffix}", items, codec=codec)  # frames that bring their times
    assert [item.time_s for item in read_clip(tmp_path / f"b{suffix}")] == pytest.approx(times, abs=1.1e-3)


def test_a_clip_that_starts_late_keeps_its_start(tmp_path):
    for name in ("a.mp4", "a.mkv"):
        write_clip(tmp_path / name, moving(5), times=[0.5, 0.6, 0.7, 0.8, 0.9])
        assert [item.time_s for item in read_clip(tmp_path / name)] == pytest.approx(
            [0.5, 0.6, 0.7, 0.8, 0.9]
        )


TINY = [(1, 1), (2, 2), (3, 50)]


@pytest.mark.parametrize(
    ("suffix", "codec", "height", "width"),
    [
        (suffix, codec, *size)
        for suffix, codec, sizes in ((".mp4", "h264", TINY), (".webm", "vp9", TINY), (".mkv", "ffv1", []))
        for size in [(63, 97), (64, 97), *sizes]
    ],
)
def test_odd_sizes_are_kept(tmp_path, suffix, codec, height, width):
    frames = [np.full((height, width, 3), (90, 140, 200), np.uint8)] * 3
    path = tmp_path / f"a{suffix}"
    write_clip(path, frames, codec=codec, crf=5)
    items = list(read_clip(path))
    assert [item.frame.shape for item in items] == [(height, width, 3)] * 3
    assert max(np.abs(item.frame.astype(int) - frames[0]).max() for item in items) <= 4


def test_probe_tells_what_a_clip_is(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(), fps=25)
    info = probe_clip(tmp_path / "a.mp4")
    assert (info.width, info.height, info.fps, info.frames) == (96, 64, 25, 20)
    assert info.duration_s == pytest.approx(0.8, abs=0.05)
    assert (info.codec, info.pixel_format, info.rotation, info.sound) == ("h264", "yuv420p", 0, False)
    assert (info.colour.matrix, info.colour.range) == ("bt601", "limited")


REAL = {  # frames, height, width, by ffprobe's count of decoded frames and by the names
    "Adobe_PDF_sample_a_1024x768_50Frms.264": (50, 768, 1024),
    "CiscoVT2people_160x96_6fps.yuv": (5, 96, 160),
    "CiscoVT2people_320x192_12fps.yuv": (9, 192, 320),
    "Cisco_Men_whisper_640x320_CABAC_Bframe_9.264": (9, 320, 640),
    "Zhling_1280x720.264": (19, 720, 1280),
    "jm_1080p_allslice.264": (1, 1080, 1920),
}


@pytest.mark.parametrize("name", REAL)
def test_real_call_clips(assets, name):
    count, height, width = REAL[name]
    items = list(read_clip(assets / "data" / "call_clips" / name))
    assert [item.frame.shape for item in items] == [(height, width, 3)] * count
    info = probe_clip(assets / "data" / "call_clips" / name)
    assert (info.height, info.width) == (height, width)
    assert info.colour.matrix == ("bt709" if height >= 720 else "bt601")


def test_a_raw_call_clip_against_its_bytes(assets):
    path = assets / "data" / "call_clips" / "CiscoVT2people_160x96_6fps.yuv"
    luma = np.fromfile(path, np.uint8)[: 160 * 96].reshape(96, 160).astype(float)
    frame = next(read_clip(path)).frame / 255
    by_frame = 16 + 219 * (frame @ (0.299, 0.587, 0.114))
    inside = (frame > 0).all(-1) & (frame < 1).all(-1)  # where no channel was clipped
    assert inside.mean() > 0.7
    assert np.abs(by_frame - luma)[inside].max() < 1
    assert probe_clip(path).fps == 6


def test_real_webcam_clips(assets):
    paths = sorted((assets / "data" / "webcam_clips").glob("*.mkv"))
    assert len(paths) == 15
    for path in paths[::5]:
        items = list(read_clip(path))
        steps = np.diff([item.time_s for item in items])
        assert 50 <= len(items) <= 120
        assert steps.min() > 0
        assert np.median(steps) == pytest.approx(1 / 30, abs=1e-3)
        info = probe_clip(path)
        assert (info.width, info.height, info.colour.range) == (640, 480, "full")
        assert path.suffix in CLIP_SUFFIXES
