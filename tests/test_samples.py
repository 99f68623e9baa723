"""Stills of every mode against hand-made values and other decoders, and the refusal of bad ones."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from sharpstudy.data.frames import FrameError, find_frames, read_frame, write_frame
from tests.picture_tools import chunk, gradient, saved


@pytest.fixture
def frame(rng: np.random.Generator) -> np.ndarray:
    return gradient(rng)


@pytest.mark.parametrize(
    ("mode", "suffixes"),
    [
        ("1", ".png .tif .bmp"),
        ("L", ".png .jpg .tif .bmp"),
        ("P", ".png .tif .bmp"),
        ("RGB", ".png .jpg .webp .tif .bmp"),
        ("CMYK", ".jpg .tif"),
        ("YCbCr", ".jpg"),
    ],
)
def test_modes_without_alpha_against_pillow(frame, tmp_path, mode, suffixes):
    for suffix in suffixes.split():
        path = saved(Image.fromarray(frame).convert(mode), tmp_path / f"a{suffix}")
        with Image.open(path) as stored:
            assert np.array_equal(read_frame(path), np.asarray(stored.convert("RGB")))


def test_one_bit_and_palette_values_by_hand(tmp_path):
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert read_frame(saved(bits, tmp_path / "a.png"))[..., 2].tolist() == [[0, 255], [255, 0]]
    indexed = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    indexed.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert read_frame(saved(indexed, tmp_path / "b.png")).tolist() == [
        [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    ]
    clear = saved(indexed, tmp_path / "c.png", transparency=1)
    assert read_frame(clear).tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]


def test_grey_with_alpha_by_hand(tmp_path):
    samples = np.array([[[0, 255], [0, 0], [100, 51]]], np.uint8)  # 51 is a fifth of 255
    assert read_frame(saved(Image.fromarray(samples, "LA"), tmp_path / "a.png"))[0, :, 1].tolist() == [
        0,
        255,
        224,
    ]


def test_cmyk_jpeg_by_hand(tmp_path):
    flat = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    got = read_frame(saved(flat, tmp_path / "a.jpg", quality=100))
    assert np.abs(got.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_lies_over_white(rng, tmp_path, suffix):
    clear = rng.integers(0, 256, (20, 30, 4)).astype(np.uint8)
    path = saved(Image.fromarray(clear), tmp_path / f"a{suffix}", **({"lossless": True, "exact": True}))
    colour, alpha = clear[..., :3].astype(int), clear[..., 3:].astype(int)
    expected = (2 * (colour * alpha + 255 * (255 - alpha)) + 255) // 510  # rounded in whole numbers
    assert np.array_equal(read_frame(path), expected)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_against_pillow(frame, tmp_path, orientation, suffix):
    picture = Image.fromarray(frame)
    exif = picture.getexif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {"lossless": True}
    path = saved(picture, tmp_path / f"a{suffix}", exif=exif, **options)
    with Image.open(path) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    got = read_frame(path)
    assert np.array_equal(got, expected)
    assert got.shape[:2] == ((53, 37) if orientation >= 5 else (37, 53))
    if suffix != ".jpg" and orientation == 6:
        assert np.array_equal(got, np.rot90(frame, -1))


def test_the_first_of_several_pictures_is_read(frame, tmp_path):
    other = Image.fromarray(255 - frame)
    for name, options in (("a.tif", {}), ("a.png", {}), ("a.webp", {"lossless": True})):
        path = saved(Image.fromarray(frame), tmp_path / name, save_all=True, append_images=[other], **options)
        assert np.array_equal(read_frame(path), frame)


def test_a_wrong_suffix_does_not_matter(frame, tmp_path):
    write_frame(tmp_path / "a.png", frame)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(read_frame(tmp_path / "a.jpg"), frame)


def test_icc_profiles_leave_the_numbers_alone(frame, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert np.array_equal(
        read_frame(saved(Image.fromarray(frame), tmp_path / "a.png", icc_profile=profile)), frame
    )


def refusal(path: Path) -> str:
    """The one sentence, which must name the file once and hold no more than a line."""
    with pytest.raises(FrameError) as caught:
        read_frame(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text.removeprefix(f"{path}: ")


def test_bad_files_give_one_sentence(frame, tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture at all, " * 20)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(huge + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    large = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 17_000, 10_480, 8, 2, 0, 0, 0))
    (tmp_path / "large.png").write_bytes(large + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    assert refusal(tmp_path / "empty.png") == "the file is empty"
    assert refusal(tmp_path / "text.png").startswith("this is none of the pictures that can be read")
    small = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0))
    (tmp_path / "hollow.png").write_bytes(small + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    assert (
        refusal(tmp_path / "hollow.png") == "its header claims 243,000,000 bytes of pixels, too many for 65"
    )
    assert refusal(tmp_path / "bomb.png") == "its header claims more pixels than can be read safely"
    assert refusal(tmp_path / "large.png") == "its header claims 17000 x 10480 pixels, more than 178,000,000"
    assert refusal(tmp_path) == "this is a folder, not a file"
    assert refusal(tmp_path / "none.png") == "there is no such file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are a POSIX matter")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert refusal(tmp_path / "pipe.png") == "this is not an ordinary file"


def test_no_permission_is_one_sentence(frame, tmp_path, monkeypatch):
    write_frame(tmp_path / "a.png", frame)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(tmp_path / "a.png") == "it cannot be opened: Permission denied"


def test_running_out_of_memory_is_one_sentence(frame, tmp_path, monkeypatch):
    write_frame(tmp_path / "a.png", frame)

    def exhaust(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", exhaust)
    assert refusal(tmp_path / "a.png") == "it cannot be read: it needs more memory than there is"


def test_the_pixel_limit_is_the_callers_to_choose(frame, tmp_path):
    write_frame(tmp_path / "a.png", frame)
    assert read_frame(tmp_path / "a.png", max_pixels=37 * 53).shape == frame.shape
    with pytest.raises(FrameError, match="53 x 37 pixels, more than 1,960"):
        read_frame(tmp_path / "a.png", max_pixels=37 * 53 - 1)


def test_extreme_shapes_are_read(tmp_path):
    for height, width in ((1, 1), (1, 20_000), (20_000, 1)):
        thin = np.arange(height * width * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)
        write_frame(tmp_path / "a.png", thin)
        assert np.array_equal(read_frame(tmp_path / "a.png"), thin)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_a_cut_file_is_refused_or_whole(frame, tmp_path, suffix):
    write_frame(tmp_path / f"a{suffix}", frame)
    data, whole = (tmp_path / f"a{suffix}").read_bytes(), read_frame(tmp_path / f"a{suffix}")
    cut = tmp_path / f"cut{suffix}"
    refused = 0
    for length in range(1, len(data), 37):
        cut.write_bytes(data[:length])
        try:
            assert np.array_equal(read_frame(cut), whole)
        except FrameError:
            refused += 1
    assert refused >= (len(data) // 37) - 1


def test_a_cut_progressive_jpeg_is_refused(frame, tmp_path):
    data = saved(Image.fromarray(frame), tmp_path / "a.jpg", progressive=True).read_bytes()
    (tmp_path / "b.jpg").write_bytes(data[: len(data) * 2 // 3])
    assert refusal(tmp_path / "b.jpg").startswith("it cannot be read: ")


def test_real_photographs_against_other_decoders(assets):
    av = pytest.importorskip("av")
    import imageio.v3 as imageio

    for path in find_frames(assets / "data" / "kodak24")[:2]:
        with av.open(str(path)) as container:
            assert np.array_equal(
                read_frame(path), next(container.decode(video=0)).to_ndarray(format="rgb24")
            )
    for path in find_frames(assets / "data" / "bsds500" / "val")[:5]:
        assert np.array_equal(
            read_frame(path), imageio.imread(path, plugin="pillow", mode="RGB", rotate=True)
        )
