"""Colours of clips against the equations of ITU-R BT.601, BT.709 and JFIF, written down here once more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sharpstudy.data.clips import probe_clip, read_clip, write_clip
from sharpstudy.data.colour import Colour, FromRgb, ToRgb, usual_matrix
from sharpstudy.data.files import FrameError

av = pytest.importorskip("av")

WEIGHTS = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722)}
SPACES = [(matrix, span) for matrix in WEIGHTS for span in ("limited", "full")]


def to_ycbcr(frame: np.ndarray, matrix: str, span: str) -> np.ndarray:
    """Float HxWx3: luma and the two chroma planes at full size, before they are rounded."""
    red_weight, green_weight, blue_weight = WEIGHTS[matrix]
    red, green, blue = np.moveaxis(frame / 255.0, -1, 0)
    luma = red_weight * red + green_weight * green + blue_weight * blue
    planes = [luma, (blue - luma) / (2 - 2 * blue_weight), (red - luma) / (2 - 2 * red_weight)]
    scales = [(16, 219), (128, 224), (128, 224)] if span == "limited" else [(0, 255), (128, 255), (128, 255)]
    return np.stack([offset + gain * plane for plane, (offset, gain) in zip(planes, scales, strict=True)], -1)


def to_rgb(ycbcr: np.ndarray, matrix: str, span: str) -> np.ndarray:
    """Float HxWx3 RGB of 0 to 255."""
    ycbcr = ycbcr.astype(float)
    red_weight, green_weight, blue_weight = WEIGHTS[matrix]
    offset, luma_gain, chroma_gain = (16, 219, 224) if span == "limited" else (0, 255, 255)
    luma = (ycbcr[..., 0] - offset) / luma_gain
    blue_difference, red_difference = (np.moveaxis(ycbcr[..., 1:], -1, 0) - 128) / chroma_gain
    red = luma + (2 - 2 * red_weight) * red_difference
    blue = luma + (2 - 2 * blue_weight) * blue_difference
    return 255 * np.stack([red, (luma - red_weight * red - blue_weight * blue) / green_weight, blue], -1)


def picture_of(planes: list[np.ndarray], pixel_format: str) -> av.VideoFrame:
    height, width = planes[0].shape
    picture = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(picture.planes, planes, strict=True):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : values.shape[1]] = values
        plane.update(padded.tobytes())
    return picture


def plane_of(picture: av.VideoFrame, number: int) -> np.ndarray:
    plane = picture.planes[number]
    return (
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].astype(float)
    )


def patches(rng: np.random.Generator, height: int = 96, width: int = 128) -> np.ndarray:
    """Flat patches of 16 x 16 in the primaries, their mixtures, greys and chance colours."""
    chosen = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)] + [
        (v, v, v) for v in (1, 64, 128, 254)
    ]
    count = height * width // 256
    colours = np.concatenate([chosen, rng.integers(0, 256, (count - len(chosen), 3))])
    grid = colours.reshape(height // 16, width // 16, 3)
    return grid.repeat(16, 0).repeat(16, 1).astype(np.uint8)


@pytest.mark.parametrize(("matrix", "span"), SPACES)
def test_reading_is_exact_to_rounding(rng, matrix, span):
    low, high = (16, 236) if span == "limited" else (0, 256)
    ycbcr = np.stack([rng.integers(low, high, (64, 96)), *rng.integers(90, 166, (2, 64, 96))], -1)
    frame = ToRgb()(picture_of(list(np.moveaxis(ycbcr, -1, 0)), "yuv444p"), Colour(matrix, span))
    assert np.abs(frame - to_rgb(ycbcr, matrix, span).clip(0, 255)).max() < 0.52


@pytest.mark.parametrize(("matrix", "span"), SPACES)
def test_writing_is_exact_to_rounding(rng, matrix, span):
    frame = rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    picture = FromRgb("yuv444p", Colour(matrix, span))(frame)
    planes = np.stack([plane_of(picture, number) for number in range(3)], -1)
    error = planes - to_ycbcr(frame, matrix, span).clip(0, 255)
    assert np.abs(error).max() < 0.58
    assert np.abs(error.mean((0, 1))).max() < 0.02
    assert picture.colorspace == {"bt601": 6, "bt709": 1}[matrix]  # the numbers of Rec. ITU-T H.273
    assert picture.color_range == {"limited": 1, "full": 2}[span]


@pytest.mark.parametrize(("axis", "chroma"), [(0, "left"), (1, "left"), (1, "centre")])
def test_chroma_sits_where_the_colour_says(axis, chroma):
    """Ramps of 4:2:0 chroma, one up and one down: a shift would part them, a wrong level would move both."""
    centre = 0.0 if (axis, chroma) == (1, "left") else 0.5  # rows share theirs in the middle in any case
    offsets = []
    for sign in (1, -1):
        ramp = 128 + sign * (np.arange(96) - 48)
        plane = np.broadcast_to(ramp if axis == 1 else ramp[:, None], (96, 96))
        picture = picture_of([np.full((192, 192), 126), plane, np.full((96, 96), 128)], "yuv420p")
        blue = ToRgb()(picture, Colour("bt709", "limited", chroma))[..., 2].mean(1 - axis)
        seen = (blue / 255 - (126 - 16) / 219) / (2 - 2 * 0.0722) * 224 + 128
        expected = 128 + sign * ((np.arange(192) - centre) / 2 - 48)
        offsets.append((seen - expected)[16:-16].mean())
    assert abs(offsets[0] - offsets[1]) / 2 / 0.5 < 0.05  # pixels
    assert abs(sum(offsets)) / 2 < 0.05  # levels


@pytest.mark.parametrize("axis", [0, 1])
def test_chroma_stays_in_place_through_4_2_0(axis):
    """A smooth red-green wave, subsampled and brought back: its phase must not move."""
    turn = np.arange(192) * (2 * np.pi / 48)
    wave = np.rint(128 + 50 * np.sin(turn))
    sheet = np.broadcast_to(wave if axis == 1 else wave[:, None], (192, 192))
    frame = np.stack([sheet, 255 - sheet, np.full((192, 192), 128)], -1).astype(np.uint8)
    colour = Colour("bt601", "limited")
    back = ToRgb()(FromRgb("yuv420p", colour)(frame), colour)[..., 0].mean(1 - axis)[24:168]
    phase = np.angle((back * np.exp(-1j * turn[24:168])).sum()) - np.angle(
        (wave[24:168] * np.exp(-1j * turn[24:168])).sum()
    )
    assert abs(phase) / (2 * np.pi) * 48 < 0.05  # pixels
    assert np.abs(back - wave[24:168]).max() < 2.5


def test_deeper_pictures_are_rounded_not_dithered():
    picture = av.VideoFrame(64, 64, "yuv420p10le")
    for plane, value in zip(picture.planes, (505, 442, 561), strict=True):
        plane.update(np.full((plane.height, plane.line_size // 2), value, np.uint16).tobytes())
    frame = ToRgb()(picture, Colour("bt709", "limited"))
    expected = to_rgb(np.array([505, 442, 561]) / 4, "bt709", "limited")
    assert np.array_equal(np.unique(frame.reshape(-1, 3), axis=0), [np.rint(expected)])


@pytest.mark.parametrize("pixel_format", ["bgr0", "gbrp"])
def test_rgb_formats_keep_every_bit(rng, pixel_format):
    frame = rng.integers(0, 256, (35, 51, 3)).astype(np.uint8)
    colour = Colour("rgb", "full")
    assert np.array_equal(ToRgb()(FromRgb(pixel_format, colour)(frame), colour), frame)


def test_a_change_of_size_is_followed(rng):
    convert, colour = ToRgb(), Colour("bt601", "full")
    for height, width in ((8, 16), (32, 24), (8, 16)):
        luma = rng.integers(0, 256, (height, width))
        grey = np.full((height, width), 128)
        assert np.array_equal(convert(picture_of([luma, grey, grey], "yuv444p"), colour)[..., 1], luma)


@pytest.mark.parametrize("span", ["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize(
    ("codec", "suffix"), [("h264", ".mp4"), ("h264", ".mkv"), ("ffv1", ".mkv"), ("vp9", ".webm")]
)
def test_a_lossless_round_trip_shifts_no_colour(rng, tmp_path, codec, suffix, matrix, span):
    """8-bit YCbCr has fewer colours than RGB: limited range costs up to 2 levels, on the average nothing."""
    frame = patches(rng)
    path = tmp_path / f"clip{suffix}"
    write_clip(path, [frame] * 2, codec=codec, crf=0, chroma="444", matrix=matrix, colour_range=span)
    info = probe_clip(path)
    assert (info.colour.matrix, info.colour.range) == (matrix, span)
    stored = np.rint(to_ycbcr(frame, matrix, span)).clip(0, 255)
    by_hand = np.rint(to_rgb(stored, matrix, span)).clip(0, 255)
    for item in read_clip(path):
        error = item.frame.astype(int) - frame
        assert np.abs(error).max() <= 2
        assert np.abs(error.mean((0, 1))).max() < 0.2
        assert (
            item.frame == by_hand
        ).mean() > 0.94  # a level of chroma on the edge of rounding is three values


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_a_usual_clip_keeps_flat_colours(rng, tmp_path, matrix):
    frame = patches(rng)
    write_clip(tmp_path / "a.mp4", [frame] * 3, crf=10, matrix=matrix)
    inside = np.zeros((16, 16), bool)
    inside[4:12, 4:12] = True
    mask = np.tile(inside, (6, 8))
    for item in read_clip(tmp_path / "a.mp4"):
        error = (item.frame.astype(int) - frame)[mask]
        assert np.abs(error).max() <= 4
        assert np.abs(error.mean(0)).max() < 0.5


def test_many_generations_do_not_drift(rng, tmp_path):
    """Ten times through a lossless clip: after the first, the numbers must stand still."""
    for span in ("limited", "full"):
        frame = patches(rng)
        for generation in range(10):
            write_clip(tmp_path / "a.mkv", [frame], codec="ffv1", chroma="444", colour_range=span)
            after = next(read_clip(tmp_path / "a.mkv")).frame
            assert np.abs(after.astype(int) - frame).mean() < (0.6 if generation == 0 else 0.05)
            frame = after


def test_a_motion_jpeg_is_full_range_with_centred_chroma(tmp_path):
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25, options={"qmin": "1", "qmax": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        planes = [np.full((48, 64), 90), np.full((24, 32), 100), np.full((24, 32), 170)]
        container.mux(stream.encode(picture_of(planes, "yuvj420p")))
        container.mux(stream.encode(None))
    assert probe_clip(tmp_path / "a.avi").colour == Colour("bt601", "full", "centre")
    frame = next(read_clip(tmp_path / "a.avi")).frame
    assert np.abs(frame - to_rgb(np.array([90, 100, 170]), "bt601", "full")).max() < 3


def test_absent_tags_go_by_the_rule():
    assert [usual_matrix(height) for height in (480, 719, 720, 1080)] == ["bt601", "bt601", "bt709", "bt709"]


def encoded(path: Path, frame: np.ndarray, tags: dict[str, int]) -> Path:
    """One picture of a colour by hand, encoded without loss and with just the tags given."""
    height, width = frame.shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv444p"
        for name, value in tags.items():
            setattr(context, name, value)
        picture = picture_of(list(np.moveaxis(frame, -1, 0)), "yuv444p")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("height", "tags", "matrix", "span"),
    [
        (480, {}, "bt601", "limited"),
        (720, {}, "bt709", "limited"),
        (480, {"colorspace": 1}, "bt709", "limited"),
        (720, {"colorspace": 5}, "bt601", "limited"),
        (480, {"color_range": 2}, "bt601", "full"),
        (480, {"color_range": 1}, "bt601", "limited"),
    ],
)
def test_streams_made_by_others(tmp_path, height, tags, matrix, span):
    ycbcr = np.broadcast_to(np.array([120, 100, 170], np.uint8), (height, 64, 3))
    path = encoded(tmp_path / "a.mp4", ycbcr, tags)
    frame = next(read_clip(path)).frame
    assert np.array_equal(frame[5, 5], np.rint(to_rgb(ycbcr, matrix, span))[5, 5])


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(tmp_path, transfer, name):
    ycbcr = np.full((64, 64, 3), 128, np.uint8)
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": transfer}
    with pytest.raises(FrameError, match=rf"it is HDR \({name}\), which needs tone mapping first"):
        next(read_clip(encoded(tmp_path / "a.mp4", ycbcr, tags)))


def test_a_matrix_without_equations_is_refused(tmp_path):
    path = encoded(tmp_path / "a.mp4", np.full((64, 64, 3), 128, np.uint8), {"colorspace": 8})
    with pytest.raises(FrameError, match=r"its colour matrix \(number 8 of H.273\) cannot be read"):
        next(read_clip(path))
