"""Sixteen bits and more, against hand-made values and against tifffile."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from sharpstudy.data.frames import FrameError, read_frame, read_precise, write_frame
from tests.picture_tools import chunk, png

pytest.importorskip("av")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_survive_writing_and_reading(rng, tmp_path, suffix):
    deep = rng.integers(0, 65536, (31, 17, 3)).astype(np.uint16)
    path = tmp_path / f"deep{suffix}"
    write_frame(path, deep)
    assert np.array_equal(np.rint(read_precise(path) * 65535.0), deep)
    assert np.array_equal(read_frame(path), np.rint(deep * (255 / 65535)))


@pytest.mark.parametrize("adam7", [False, True])
@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
def test_sixteen_bit_png_of_every_colour_type(rng, tmp_path, colour_type, channels, adam7):
    deep = rng.integers(0, 65536, (13, 21, channels)).astype(np.uint16)
    path = tmp_path / "deep.png"
    path.write_bytes(png(deep, colour_type, adam7=adam7))
    unit = deep / 65535
    colour, alpha = (unit[..., :-1], unit[..., -1:]) if channels in (2, 4) else (unit, 1)
    expected = np.broadcast_to(colour * alpha + 1 - alpha, (13, 21, 3))
    assert read_precise(path) == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(read_frame(path), np.rint(expected * 255))


def test_sixteen_bits_are_rounded_not_cut(tmp_path):
    values = np.array(
        [0, 128, 129, 383, 384, 65406, 65407, 65535], np.uint16
    )  # round(v / 257): 128.5 is the step
    (tmp_path / "grey.png").write_bytes(png(values.reshape(1, 8), 0))
    assert read_frame(tmp_path / "grey.png")[0, :, 0].tolist() == [0, 0, 1, 1, 1, 254, 255, 255]


def test_a_transparent_colour_in_16_bit_png_is_white(tmp_path):
    deep = np.array([[[1, 2, 3], [257, 514, 771]]], np.uint16)
    key = chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
    (tmp_path / "key.png").write_bytes(png(deep, 2, extra=key))
    assert read_frame(tmp_path / "key.png").tolist() == [[[255, 255, 255], [1, 2, 3]]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_sixteen_bit_tiff_layouts(rng, tmp_path, order, planar):
    deep = rng.integers(0, 65536, (19, 23, 3)).astype(np.uint16)
    stored = np.moveaxis(deep, -1, 0) if planar == "separate" else deep
    path = tmp_path / "deep.tif"
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planar, byteorder=order, compression="zlib"
    )
    assert np.array_equal(np.rint(read_precise(path) * 65535.0), deep)


def test_deep_tiff_in_other_types(rng, tmp_path):
    unit = rng.random((9, 11, 3))
    for dtype, whole, tolerance in (("float32", 1, 1e-7), ("float64", 1, 1e-7), ("float16", 1, 1e-3)):
        tifffile.imwrite(tmp_path / "a.tif", (unit * whole).astype(dtype), photometric="rgb")
        assert read_precise(tmp_path / "a.tif") == pytest.approx(unit, abs=tolerance)
    tifffile.imwrite(tmp_path / "a.tif", (unit * (2**32 - 1)).astype(np.uint32), photometric="rgb")
    assert read_precise(tmp_path / "a.tif") == pytest.approx(unit, abs=1e-6)
    grey = (unit[..., 0] * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    assert np.array_equal(np.rint(read_precise(tmp_path / "a.tif")[..., 1] * 65535.0), 65535 - grey)


def test_deep_tiff_with_premultiplied_alpha(tmp_path):
    half = np.array([[[16384, 0, 32768, 32768]]], np.uint16)  # colour (0.5, 0, 1) at half cover
    for kind, expected in (("assocalpha", [0.75, 0.5, 1.0]), ("unassalpha", [0.625, 0.5, 0.75])):
        tifffile.imwrite(tmp_path / "a.tif", half, photometric="rgb", extrasamples=[kind])
        assert read_precise(tmp_path / "a.tif")[0, 0] == pytest.approx(expected, abs=1e-4)


def test_lzw_tiff_at_16_bits_is_read_without_extra_packages(tmp_path):
    deep = (np.arange(6 * 8 * 3, dtype=np.uint16) * 300).reshape(6, 8, 3)
    (tmp_path / "a.tif").write_bytes(lzw_tiff(deep))
    assert np.array_equal(np.rint(read_precise(tmp_path / "a.tif") * 65535.0), deep)


def lzw_tiff(deep: np.ndarray) -> bytes:
    """A little-endian 16-bit RGB TIFF in one LZW strip of literal codes only (TIFF 6.0, section 13)."""
    codes = [256]
    for number, byte in enumerate(deep.astype("<u2").tobytes(), 1):
        codes.append(byte)
        if number % 200 == 0:  # clear the table while all codes are still 9 bits long
            codes.append(256)
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    strip = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    height, width = deep.shape[:2]
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 134), (259, 3, 1, 5), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 140), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(strip)), (284, 3, 1, 1)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    assert len(head) == 134  # where the tags say that the depths begin
    return head + struct.pack("<HHH", 16, 16, 16) + strip


@pytest.mark.parametrize("values", [[np.nan, 0, 0], [-1, 0, 0], [0, 2, 0]])
def test_float_tiff_outside_the_range_is_refused(tmp_path, values):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[values]], np.float32), photometric="rgb")
    with pytest.raises(FrameError, match=r"do not all lie in \[0, 1\]"):
        read_frame(tmp_path / "a.tif")


def test_exif_orientation_of_deep_files(rng, tmp_path):
    deep = rng.integers(0, 65536, (5, 9, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", extratags=[(274, 3, 1, 8, True)])
    assert np.array_equal(np.rint(read_precise(tmp_path / "a.tif") * 65535.0), np.rot90(deep))
    exif = Image.Exif()
    exif[0x0112] = 3
    note = chunk(b"eXIf", exif.tobytes()[6:] if exif.tobytes().startswith(b"Exif") else exif.tobytes())
    (tmp_path / "a.png").write_bytes(png(deep, 2, extra=note))
    assert np.array_equal(np.rint(read_precise(tmp_path / "a.png") * 65535.0), deep[::-1, ::-1])
