"""Pictures through the sharpener: what a file keeps, tiles without seams, and the command."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from sharpstudy.data.files import FrameError
from sharpstudy.data.frames import read_frame, read_precise, write_frame
from sharpstudy.runtime.compare import side_frame, split_frame
from sharpstudy.runtime.pictures import named_files, picture_target, sharpen_picture
from sharpstudy.runtime.tiles import Tiles, restore_large
from tests.material import picture
from tests.picture_tools import saved
from tests.using_tools import sharper


def inverted(frame: np.ndarray) -> np.ndarray:
    return 255 - frame


def unchanged(frame: np.ndarray) -> np.ndarray:
    return frame


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int) -> bytes:
    words = Image.Exif()
    words[0x0112], words[0x010F] = orientation, "a camera"
    words.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return words.tobytes()


@pytest.mark.parametrize(("height", "width"), [(300, 411), (97, 640), (333, 64), (192, 192)])
def test_tiles_give_what_the_whole_frame_gives(height, width):
    frame = picture(3, width, height)
    seen = []

    def noted(tile: np.ndarray) -> np.ndarray:
        seen.append(tile.shape)
        return sharper(tile)

    restored = restore_large(frame, noted, Tiles(whole=1, side=64, overlap=16, grid=16))
    assert np.array_equal(restored, sharper(frame))
    assert len(seen) == -(-height // 64) * -(-width // 64)
    assert max(max(shape[:2]) for shape in seen) <= 64 + 2 * 16


def test_too_little_overlap_would_be_seen():
    frame = picture(3, 200, 200)
    restored = restore_large(frame, sharper, Tiles(whole=1, side=64, overlap=0, grid=16))
    assert not np.array_equal(restored, sharper(frame))


def test_small_frames_go_in_one_piece_and_bad_tiles_are_refused():
    seen = []
    restore_large(picture(1), lambda frame: seen.append(1) or frame)
    assert seen == [1]
    with pytest.raises(ValueError, match="multiples of grid"):
        Tiles(side=100, grid=48)


def test_blocks_of_pixels_lie_alike_in_every_tile():
    frame = picture(5, 500, 340)

    def blocks(tile: np.ndarray) -> np.ndarray:
        """Each 4x4 block replaced by its first pixel, as only a network on blocks would do."""
        height, width = tile.shape[:2]
        return np.repeat(np.repeat(tile[::4, ::4], 4, 0), 4, 1)[:height, :width]

    assert np.array_equal(restore_large(frame, blocks, Tiles(1, 96, 48, 48)), blocks(frame))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_new_picture_shows_upright_what_the_old_one_showed(tmp_path, suffix, orientation):
    source = saved(Image.fromarray(picture(2)), tmp_path / f"a{suffix}", exif=exif(orientation), quality=95)
    sharpen_picture(source, tmp_path / f"b{suffix}", unchanged, quality=100)
    before, after = (ImageOps.exif_transpose(Image.open(tmp_path / f"{one}{suffix}")) for one in "ab")
    assert before.size == after.size
    assert np.abs(np.asarray(before.convert("RGB"), int) - np.asarray(after.convert("RGB"))).mean() < 1
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.info["exif"] == Image.open(source).info["exif"]
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_format_profile_and_resolution_are_kept(tmp_path, suffix):
    words = {"icc_profile": profile(), **({} if suffix == ".webp" else {"dpi": (300, 300)})}
    source = saved(Image.fromarray(picture(2)), tmp_path / f"a{suffix}", **words)
    report = sharpen_picture(source, tmp_path / f"b{suffix}", inverted)
    assert report.notes == ()
    assert (report.width, report.height) == (160, 120)
    with Image.open(source) as old, Image.open(report.target) as new:
        assert new.format == old.format
        assert new.info["icc_profile"] == profile()
        if "dpi" in words:
            assert new.info["dpi"] == pytest.approx((300, 300), abs=0.02)
        assert np.abs(255 - np.asarray(old, int) - np.asarray(new)).mean() < 2


def test_a_profile_of_other_samples_is_left_out_and_said(tmp_path):
    cmyk = profile()[:16] + b"CMYK" + profile()[20:]
    source = saved(Image.fromarray(picture(2)).convert("CMYK"), tmp_path / "a.jpg", icc_profile=cmyk)
    report = sharpen_picture(source, tmp_path / "b.jpg", unchanged)
    assert "colour profile" in report.notes[0]
    with Image.open(report.target) as new:
        assert new.mode == "RGB"
        assert "icc_profile" not in new.info


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".png", "RGBA"), (".png", "LA"), (".webp", "RGBA"), (".tif", "RGBA")]
)
def test_transparency_is_kept_and_colours_under_it_are_restored(tmp_path, suffix, mode):
    frame = picture(2)
    alpha = np.tile(np.arange(160, dtype=np.uint8), (120, 1))
    image = Image.merge("RGBA", [*Image.fromarray(frame).split(), Image.fromarray(alpha)]).convert(mode)
    words = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    source = saved(image, tmp_path / f"a{suffix}", **words)
    sharpen_picture(source, tmp_path / f"b{suffix}", inverted, quality=100)
    with Image.open(tmp_path / f"b{suffix}") as new:
        assert new.mode == mode
        assert np.array_equal(np.asarray(new.getchannel("A")), alpha)
        expected, got = (np.asarray(one.convert("RGBA"), int)[..., :3] for one in (image, new))
    seen = alpha > 0  # WebP does not keep colours that nobody sees
    assert np.array_equal((255 - expected)[seen], got[seen])


def test_a_grey_picture_stays_grey(tmp_path):
    grey = picture(2)[..., 1]
    saved(Image.fromarray(grey), tmp_path / "a.png")
    sharpen_picture(tmp_path / "a.png", tmp_path / "b.png", inverted)
    with Image.open(tmp_path / "b.png") as new:
        assert new.mode == "L"
        assert np.array_equal(np.asarray(new), 255 - grey)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_keep_what_the_network_does_not_change(tmp_path, suffix, rng):
    deep = rng.integers(2000, 60000, (40, 50, 3)).astype(np.uint16)
    write_frame(tmp_path / f"a{suffix}", deep)
    sharpen_picture(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}", unchanged)
    assert np.array_equal(np.rint(read_precise(tmp_path / f"b{suffix}") * 65535), deep)
    sharpen_picture(tmp_path / f"a{suffix}", tmp_path / f"c{suffix}", lambda frame: frame + np.uint8(3))
    assert np.array_equal(np.rint(read_precise(tmp_path / f"c{suffix}") * 65535), deep + 3 * 257)
    report = sharpen_picture(tmp_path / f"a{suffix}", tmp_path / "d.jpg", unchanged)
    assert "16 bits become 8" in report.notes[0]


def test_pages_and_lost_transparency_are_said(tmp_path):
    pages = [Image.fromarray(picture(number)) for number in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    report = sharpen_picture(tmp_path / "a.tif", tmp_path / "b.tif", unchanged)
    assert "first of its 3 pages" in report.notes[0]
    saved(Image.new("RGBA", (8, 8), (10, 20, 30, 0)), tmp_path / "c.png")
    report = sharpen_picture(tmp_path / "c.png", tmp_path / "d.jpg", unchanged)
    assert "laid over white" in report.notes[0]
    assert read_frame(tmp_path / "d.jpg").min() == 255


def test_nothing_is_overwritten_unless_asked(tmp_path):
    source = saved(Image.fromarray(picture(1)), tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"precious")
    with pytest.raises(FrameError, match="there already"):
        sharpen_picture(source, tmp_path / "b.png", unchanged)
    assert (tmp_path / "b.png").read_bytes() == b"precious"
    sharpen_picture(source, tmp_path / "b.png", unchanged, overwrite="yes")
    assert np.array_equal(read_frame(tmp_path / "b.png"), picture(1))


def test_before_and_after_side_by_side_and_split(tmp_path):
    raw = picture(1)
    restored = inverted(raw)
    both = side_frame(raw, restored)
    assert np.array_equal(both[:, :160], raw)
    assert np.array_equal(both[:, -160:], restored)
    half = split_frame(raw, restored)
    assert np.array_equal(half[:, :79], raw[:, :79])
    assert np.array_equal(half[:, 81:], restored[:, 81:])
    assert np.array_equal(split_frame(raw, restored, 0.0), restored)
    assert np.array_equal(split_frame(raw, restored, 1.0), raw)
    source = saved(Image.fromarray(raw), tmp_path / "a.png", exif=exif(6))
    sharpen_picture(source, tmp_path / "b.png", inverted, show="side")
    assert np.array_equal(
        read_frame(tmp_path / "b.png"), side_frame(np.rot90(raw, -1), np.rot90(restored, -1))
    )


def test_files_folders_and_patterns_name_pictures_once(tmp_path):
    for name in (
        "a.jpg",
        "b.png",
        "b.sharp.png",
        "deep/c.jpeg",
        "deep/c.compare.jpeg",
        ".hidden.png",
        "d.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    def names(*words: str, suffixes: tuple[str, ...] = (".jpg", ".jpeg", ".png")) -> list[str]:
        found = named_files([str(tmp_path / word) for word in words], suffixes)
        return [path.relative_to(tmp_path).as_posix() for path in found]

    assert names("") == ["a.jpg", "b.png", "deep/c.jpeg"]
    assert names("", suffixes=(".png", ".mp4")) == ["b.png", "d.mp4"]
    assert names("*.png", "b.png") == ["b.png"]
    assert names("b.sharp.png", "missing.jpg") == ["b.sharp.png", "missing.jpg"]
    assert names("**/*.jp*g") == ["a.jpg", "deep/c.jpeg"]
    assert set(named_files([str(tmp_path)], (".jpeg",)).values()) == {Path("deep")}
    assert set(named_files([str(tmp_path / "deep")], (".jpeg",)).values()) == {Path()}
    with pytest.raises(FrameError, match="no file is named like this"):
        names("*.tif")
    assert picture_target(Path("x/photo.jpg")) == Path("x/photo.sharp.jpg")
    assert picture_target(Path("photo.jpg"), "split", Path("out")) == Path("out/photo.compare.jpg")


def test_a_damaged_side_note_costs_no_picture(tmp_path):
    data = BytesIO()
    Image.fromarray(picture(1)).save(data, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    (tmp_path / "a.jpg").write_bytes(data.getvalue())
    sharpen_picture(tmp_path / "a.jpg", tmp_path / "b.jpg", unchanged)
    assert np.abs(read_frame(tmp_path / "b.jpg").astype(int) - read_frame(tmp_path / "a.jpg")).mean() < 2
