"""What is written, what is refused, and that nothing half-written stays."""

from __future__ import annotations

import numpy as np
import pytest

from sharpstudy.data.clips import probe_clip, write_clip
from sharpstudy.data.files import FrameError
from tests.picture_tools import moving

pytest.importorskip("av")


def test_pixel_formats_are_chosen_as_documented(tmp_path):
    cases = [
        ((64, 96), {}, "yuv420p"),
        ((63, 96), {}, "yuv444p"),
        ((63, 96), {"codec": "vp9"}, "yuv420p"),
        ((64, 96), {"codec": "ffv1"}, "bgr0"),
        ((64, 96), {"codec": "ffv1", "chroma": "420"}, "yuv420p"),
    ]
    for (height, width), choices, expected in cases:
        write_clip(tmp_path / "a.mkv", [np.zeros((height, width, 3), np.uint8)], **choices)
        assert probe_clip(tmp_path / "a.mkv").pixel_format == expected


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"codec": "h263"}, "codec must be one of h264, vp9, ffv1, came 'h263'"),
        ({"crf": 52}, "crf of h264 must be 0 to 51, came 52"),
        ({"chroma": "422"}, "chroma must be one of auto, 420, 444, rgb"),
        ({"chroma": "rgb"}, "only ffv1 stores rgb"),
        ({"matrix": "bt2020"}, "matrix must be one of auto, bt601, bt709"),
        ({"colour_range": "tv"}, "colour_range must be one of limited, full"),
        ({"fps": 0}, "fps must be above 0 and at most 1000, came 0"),
        ({"fps": float("nan")}, "fps must be"),
        ({"times": [0.0, 0.2]}, "there are 2 times and more frames than that"),
        ({"times": [0.0, 0.2, 0.2]}, "times must rise from 0 on, came 0.2 as number 2"),
        ({"times": [-1.0, 0.2, 0.3]}, "times must rise from 0 on, came -1.0 as number 0"),
    ],
)
def test_wrong_choices_are_refused_and_leave_nothing(tmp_path, choices, message):
    with pytest.raises(ValueError, match=message):
        write_clip(tmp_path / "a.mp4", moving(3), **choices)
    assert list(tmp_path.iterdir()) == []


def test_wrong_frames_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match="h264 in 4:2:0 needs even sides, came 97 x 64"):
        write_clip(tmp_path / "a.mp4", moving(3, width=97), chroma="420")
    with pytest.raises(ValueError, match=r"frames must keep their shape \(64, 96, 3\), came \(64, 98, 3\)"):
        write_clip(tmp_path / "a.mp4", moving(3) + moving(1, width=98))
    with pytest.raises(ValueError, match="a frame must be uint8"):
        write_clip(tmp_path / "a.mp4", [np.zeros((4, 4, 3), np.float32)])
    with pytest.raises(FrameError, match="there are no frames to write"):
        write_clip(tmp_path / "a.mp4", [])
    with pytest.raises(FrameError, match="the suffix must be one of"):
        write_clip(tmp_path / "a.gif", moving(3))
    with pytest.raises(FrameError, match="it cannot be written: "):
        write_clip(tmp_path / "a.webm", moving(3), codec="h264")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_source_leaves_the_old_clip(tmp_path):
    write_clip(tmp_path / "a.mp4", moving(3))
    before = (tmp_path / "a.mp4").read_bytes()

    def failing():
        yield from moving(3)
        raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        write_clip(tmp_path / "a.mp4", failing())
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
