"""Two thousand damaged and odd files: each is read, or refused in one sentence, in little time and memory."""

from __future__ import annotations

import io
import os
import struct
import threading
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from sharpstudy.data.clips import read_clip, write_clip
from sharpstudy.data.frames import FrameError, read_frame, write_frame

FILES = 2000
CLIPS = 300  # of them
GROWTH_MB = 150  # what reading may hold at its worst, decoders included
SLOWEST_S = 10  # for one file of a few kilobytes, on a machine that is busy

Valid = dict[str, bytes]


def saved(picture: Image.Image, format_name: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, format_name, **options)
    return data.getvalue()


def tiff(samples: np.ndarray, **options: object) -> bytes:
    data = io.BytesIO()
    tifffile.imwrite(data, samples, **options)
    return data.getvalue()


def odd_but_valid(rng: np.random.Generator, folder: Path) -> Valid:
    """Stills that are sound, though some are rare; each must be read."""
    noise = rng.integers(0, 256, (29, 41, 4)).astype(np.uint8)
    deep = rng.integers(0, 65536, (29, 41, 3)).astype(np.uint16)
    full, colour = Image.fromarray(noise), Image.fromarray(noise[..., :3])
    grey, palette = colour.convert("L"), colour.convert("P")
    turned = {f"turned{number}.jpg": saved(colour, "JPEG", exif=exif_of(number)) for number in range(1, 9)}
    for name in ("deep.png", "deep.tif"):
        write_frame(folder / name, deep)
    return turned | {
        "one.png": saved(grey.convert("1"), "PNG"),
        "grey.png": saved(grey, "PNG"),
        "grey16.png": saved(Image.fromarray(deep[..., 0]), "PNG"),
        "greyalpha.png": saved(full.convert("LA"), "PNG"),
        "palette.png": saved(palette, "PNG", transparency=3),
        "rgba.png": saved(full, "PNG"),
        "key.png": saved(colour, "PNG", transparency=(1, 2, 3)),
        "deep.png": (folder / "deep.png").read_bytes(),
        "deep.tif": (folder / "deep.tif").read_bytes(),
        "moving.png": saved(colour, "PNG", save_all=True, append_images=[colour]),
        "grey.jpg": saved(grey, "JPEG"),
        "cmyk.jpg": saved(colour.convert("CMYK"), "JPEG"),
        "progressive.jpg": saved(colour, "JPEG", progressive=True),
        "plain.webp": saved(colour, "WEBP"),
        "alpha.webp": saved(full, "WEBP", lossless=True),
        "plain.bmp": saved(colour, "BMP"),
        "palette.bmp": saved(palette, "BMP"),
        "one.tif": saved(grey.convert("1"), "TIFF", compression="group4"),
        "lzw.tif": saved(colour, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": saved(colour, "TIFF", compression="jpeg"),
        "cmyk.tif": saved(colour.convert("CMYK"), "TIFF"),
        "palette.tif": saved(palette, "TIFF"),
        "float.tif": tiff(rng.random((29, 41, 3)).astype(np.float32), photometric="rgb"),
        "pages.tif": tiff(np.stack([deep[..., 0]] * 2), photometric="minisblack"),
        "tiles.tif": tiff(np.pad(deep, ((0, 3), (0, 7), (0, 0))), tile=(16, 16), photometric="rgb"),
        "wide.png": saved(Image.new("RGB", (20_000, 1)), "PNG"),
        "tall.png": saved(Image.new("L", (1, 20_000)), "PNG"),
        "dot.png": saved(Image.new("RGB", (1, 1)), "PNG"),
        "column.jpg": saved(Image.new("RGB", (1, 300)), "JPEG"),
    }


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def small_clips(rng: np.random.Generator, folder: Path) -> Valid:
    frames = [rng.integers(0, 256, (32, 48, 3)).astype(np.uint8) for _ in range(6)]
    choices = {"a.mp4": "h264", "a.mkv": "h264", "a.webm": "vp9", "b.mkv": "ffv1"}
    for name, codec in choices.items():
        write_clip(folder / name, frames, codec=codec)
    clips = {name: (folder / name).read_bytes() for name in choices}
    return clips | {"a_48x32_9fps.yuv": frames[0].tobytes() * 3}


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    wrong = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(0, len(wrong), int(rng.integers(1, 20)))
    wrong[places] ^= (1 << rng.integers(0, 8, len(places))).astype(np.uint8)
    return wrong.tobytes()


def flip_head(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage where sizes, types and offsets stand."""
    return flip(data[:100], rng) + data[100:]


def overwrite(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 64))
    filling = rng.bytes(length) if rng.random() < 0.5 else (b"\xff" if rng.random() < 0.5 else b"\0") * length
    return data[:start] + filling + data[start + length :]


def swap(data: bytes, rng: np.random.Generator) -> bytes:
    start, stop = sorted(int(place) for place in rng.integers(0, len(data), 2))
    return data[stop:] + data[start:stop] + data[:start]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    return data + data[: int(rng.integers(0, len(data)))]


DAMAGE: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    cut,
    flip,
    flip_head,
    overwrite,
    swap,
    repeat,
)


def claims(rng: np.random.Generator) -> tuple[str, bytes]:
    """A header alone, of an enormous or an impossible picture, and chance bytes after it."""
    width, height = (
        int(side) for side in rng.choice([0, 1, 3, 13_000, 30_000, 100_000, 2**31 - 1, 2**32 - 1], 2)
    )
    tail = rng.bytes(int(rng.integers(0, 200)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    wrap = struct.pack("<IHHI", 54 + len(tail), 0, 0, 54)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 2**31)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    made = {
        "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
        + head
        + struct.pack(">I", zlib.crc32(b"IHDR" + head))
        + tail,
        "a.bmp": b"BM"
        + wrap
        + struct.pack("<IIIHHIIiiII", 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0)
        + tail,
        "a.tif": b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + tail,
        "a.jpg": b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", height % 65536, width % 65536) + tail,
        "a.webp": b"RIFF"
        + struct.pack("<I", 30 + len(tail))
        + b"WEBPVP8X\n\0\0\0\0\0\0\0"
        + b"\xff" * 6
        + tail,
        "a.txt.png": b"just some text, " * 9,
        "a.gif": b"GIF89a" + tail,
        "a.mkv": bytes.fromhex("1a45dfa3a342868101") + tail,
    }
    name = str(rng.choice(list(made)))
    return name, made[name]


def odd_files(rng: np.random.Generator, stills: Valid, clips: Valid) -> Iterator[tuple[str, bytes]]:
    """FILES names and contents: the valid stills, and damage of all kinds to stills and clips."""
    yield from stills.items()
    suffixes = [".png", ".jpg", ".webp", ".tif", ".bmp", ".mp4", ""]
    for number in range(FILES - CLIPS - len(stills)):
        if number % 8 == 0:
            yield claims(rng)
            continue
        name = str(rng.choice(list(stills)))
        data = rng.choice(DAMAGE)(stills[name], rng)
        stem = Path(name).stem
        yield (stem + str(rng.choice(suffixes)) if number % 8 == 1 else name), data
    for _ in range(CLIPS):
        name = str(rng.choice(list(clips)))
        yield name, rng.choice(DAMAGE)(clips[name], rng)


class MemoryWatch:
    """The most memory that the process held since the watch began, looked at every few milliseconds."""

    def __init__(self) -> None:
        psutil = pytest.importorskip("psutil")
        self._process = psutil.Process()
        self._start = self.highest = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.highest = max(self.highest, self._process.memory_info().rss)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        return (self.highest - self._start) / 2**20


def look_at(path: Path) -> str:
    """What came of a file; any other exception than FrameError goes on and fails the test."""
    clip = path.suffix in (".mp4", ".mkv", ".webm", ".yuv") and path.stat().st_size > 0
    try:
        frames = [item.frame for item in read_clip(path)] if clip else [read_frame(path)]
    except FrameError as error:
        text = str(error)
        outcome = (
            text
            if text.startswith(f"{path}: ") and "\n" not in text and len(text) < 500
            else "not one sentence"
        )
        return "refused" if outcome == text else outcome
    sound = all(frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3 for frame in frames)
    return "read" if sound and frames else "not a frame"


def test_every_valid_still_is_read(rng, tmp_path):
    for name, data in odd_but_valid(rng, tmp_path).items():
        (tmp_path / name).write_bytes(data)
        assert read_frame(tmp_path / name).dtype == np.uint8, name


@pytest.mark.slow
@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_two_thousand_odd_files(tmp_path, record_property):
    pytest.importorskip("av")
    rng = np.random.default_rng(2000)
    stills, clips = odd_but_valid(rng, tmp_path), small_clips(rng, tmp_path)
    read_frame(tmp_path / "deep.tif")  # imports what is imported late, which is no cost of any one file
    outcomes: Counter[str] = Counter()
    slowest, count = (0.0, ""), 0
    with MemoryWatch() as watch:
        for name, data in odd_files(rng, stills, clips):
            path = tmp_path / name
            path.write_bytes(data)
            start = time.perf_counter()
            outcomes[look_at(path)] += 1
            slowest = max(slowest, (time.perf_counter() - start, name))
            path.unlink()
            count += 1
    record_property("outcomes", dict(outcomes))
    record_property("slowest_file_s", slowest)
    record_property("memory_growth_mb", watch.growth_mb)
    assert count == FILES
    assert set(outcomes) == {"read", "refused"}
    assert outcomes["read"] > 300
    assert outcomes["refused"] > 800
    assert slowest[0] < SLOWEST_S, slowest
    assert watch.growth_mb < GROWTH_MB


def test_odd_files_leave_nothing_open(rng, tmp_path):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("open files are counted on Linux only")
    stills, clips = odd_but_valid(rng, tmp_path), small_clips(rng, tmp_path)
    before = len(os.listdir(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for name, data in {**stills, **clips}.items():
            (tmp_path / name).write_bytes(cut(data, rng))
            look_at(tmp_path / name)
    assert len(os.listdir(folder)) == before
