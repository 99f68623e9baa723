"""The call: colours, alignment, bitrates and inter-frame coding of the real encoders."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from PIL import Image

from sharpstudy.data import codec as module
from sharpstudy.data.codec import Call, decode, encode, from_i420, to_i420
from sharpstudy.data.resample import DegradationError

pytest.importorskip("av")
CODECS = ("h264", "vp9")


def texture(rng, height, width):
    """A frame with soft and hard edges at several scales."""
    layers = [
        Image.fromarray(rng.integers(30, 226, (height // cell + 2, width // cell + 2, 3), dtype=np.uint8))
        for cell in (5, 13, 40)
    ]
    return np.mean(
        [np.asarray(x.resize((width, height), Image.BICUBIC), float) for x in layers], axis=0
    ).astype(np.uint8)


def moving_clip(rng, count, height, width):
    """A pan over a texture with fresh noise, so that every frame costs bits."""
    wide = texture(rng, height + 2 * count, width + 2 * count)
    frames = [wide[i : i + height, 2 * i : 2 * i + width].astype(int) for i in range(count)]
    return [np.clip(f + rng.integers(-6, 7, f.shape), 0, 255).astype(np.uint8) for f in frames]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((0, 0, 255), (41, 240, 110)),
    ],
)
def test_primary_colours_have_the_values_of_bt601(colour, expected):
    planes = to_i420(np.full((4, 6, 3), colour, np.uint8))
    assert planes.shape == (6, 6)
    assert tuple(np.unique(part).item() for part in (planes[:4], planes[4:5], planes[5:])) == expected


def test_the_colour_round_trip_keeps_flat_colours(rng):
    colours = rng.integers(0, 256, (200, 3))
    frames = [np.full((4, 4, 3), colour, np.uint8) for colour in colours]
    errors = np.array([from_i420(to_i420(frame)).astype(int) - frame for frame in frames])
    assert np.abs(errors).max() <= 2
    assert np.abs(errors.mean(axis=(0, 1, 2))).max() < 0.15


@pytest.mark.parametrize("axis", [0, 1])
def test_the_colour_round_trip_does_not_shift_chroma(axis):
    rise = np.linspace(40, 200, 128)
    row = np.stack([rise, np.full(128, 120), 240 - rise], axis=1)
    frame = np.round(np.tile(row[None], (64, 1, 1))).astype(np.uint8)
    frame = np.ascontiguousarray(frame.swapaxes(0, 1)) if axis == 0 else frame
    error = (from_i420(to_i420(frame)).astype(float) - frame)[8:-8, 8:-8].mean(axis=(0, 1))
    shift = (
        (error[0] - error[2]) / 2 / (160 / 127)
    )  # red rises, blue falls: what is left is a shift, in pixels
    assert abs(shift) < 0.06
    assert abs(error.mean()) < 0.1


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("kbps", [150, 400])
def test_the_asked_bitrate_is_reached_on_a_moving_clip(rng, codec, kbps):
    frames = moving_clip(rng, 90, 96, 160)
    packets = encode([to_i420(frame) for frame in frames], codec, kbps, fps=30)
    assert len(packets) == len(frames)
    reached = sum(map(len, packets)) * 8 * 30 / len(frames) / 1000
    assert reached == pytest.approx(kbps, rel=0.2)


@pytest.mark.parametrize("codec", CODECS)
def test_more_bits_give_a_better_picture_and_the_same_bytes_each_time(rng, codec):
    frames = moving_clip(rng, 20, 96, 160)
    pictures = [to_i420(frame) for frame in frames]
    scores = []
    for kbps in (60, 300, 4000):
        packets = encode(pictures, codec, kbps)
        assert packets == encode(pictures, codec, kbps)
        restored = [from_i420(picture) for picture in decode(packets, codec)]
        scores.append(np.mean([psnr(a, b) for a, b in zip(restored, frames, strict=True)]))
    assert scores[0] + 0.4 < scores[1] < scores[2] - 0.4


@pytest.mark.parametrize("codec", CODECS)
def test_frames_are_coded_from_those_before(rng, codec):
    still = [to_i420(texture(rng, 96, 160))] * 12
    sizes = [len(packet) for packet in encode(still, codec, 2000)]
    assert max(sizes[-4:]) < sizes[0] / 4


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("factor", [1, 4 / 3, 8 / 3, 4])
def test_a_still_arrives_in_register(rng, codec, factor):
    frame = texture(rng, 122, 161)
    arrived = Call(3000, factor, codec).run([frame], np.random.default_rng(3))[0].astype(float)
    inner = frame[8:-8, 8:-8].astype(float)
    errors = {
        (dy, dx): np.mean((arrived[8 + dy : 114 + dy, 8 + dx : 153 + dx] - inner) ** 2)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    assert min(errors, key=errors.get) == (0, 0)
    for a, b in (
        ((-1, 0), (1, 0)),
        ((0, -1), (0, 1)),
    ):  # the parabola through three errors has its lowest point at 0
        shift = (errors[a] - errors[b]) / (2 * (errors[a] + errors[b] - 2 * errors[0, 0]))
        assert abs(shift) < 0.08


def test_a_still_looks_like_a_moment_of_a_webcam_call(assets):
    """The last of the still's frames is as good as the clip's own frames are half a second into the call."""
    import av

    with av.open(str(assets / "data" / "webcam_clips" / "book.mkv")) as file:
        pictures = [frame.to_ndarray(format="yuv420p") for frame in islice(file.decode(video=0), 30)]
    frames = [from_i420(picture) for picture in pictures]
    call, rng = Call(300, 8 / 3), np.random.default_rng(0)
    clip = call.run(frames, rng)
    in_the_clip = np.mean([psnr(clip[i], frames[i]) for i in range(15, 30)])
    assert psnr(call.run([frames[22]], rng)[0], frames[22]) == pytest.approx(in_the_clip, abs=1)


def test_bits_per_pixel_hold_for_other_sizes_and_frame_rates():
    call = Call(300)
    assert call.kbps_of(1280, 720) == 300
    assert call.kbps_of(640, 360) == 75
    assert Call(300, fps=15).kbps_of(1280, 720) == 150
    assert call.kbps_of(32, 32) == 8


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(1, 1), (2, 31), (17, 15), (33, 66)])
def test_odd_and_tiny_frames_pass(rng, codec, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    clip = Call(200, 1.5, codec).run([frame] * 3, rng)
    assert [f.shape for f in clip] == [frame.shape] * 3


def test_a_missing_encoder_is_named(monkeypatch, rng):
    monkeypatch.setitem(module.ENCODERS, "h264", "libnothing")
    with pytest.raises(DegradationError, match="encoder libnothing: expected in the installed PyAV"):
        Call(300).run([np.zeros((16, 16, 3), np.uint8)], rng)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kbps": 0}, "kbps: expected a number from 1"),
        ({"kbps": "300"}, "kbps: .* got '300'"),
        ({"kbps": 300, "factor": 6}, "factor"),
        ({"kbps": 300, "codec": "av1"}, "codec: expected one of h264, vp9, got 'av1'"),
        ({"kbps": 300, "fps": 29.97}, "fps: expected a whole number"),
        ({"kbps": 300, "method": "nearest"}, "method"),
        ({"kbps": 300, "still_frames": 0}, "still_frames"),
        ({"kbps": 300, "buffer_s": 0}, "buffer_s"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, message):
    with pytest.raises(DegradationError, match=message):
        Call(**settings)
