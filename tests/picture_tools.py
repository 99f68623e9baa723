"""Pictures and clips put together by hand, for the tests of the readers and writers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from sharpstudy.data.clips import ClipFrame


def gradient(rng: np.random.Generator) -> np.ndarray:
    """A frame of smooth colours with a sharp edge and some noise, of odd size (37 x 53)."""
    y, x = np.mgrid[:37, :53]
    smooth = np.stack([x * 4, y * 6, 255 - x * 2 - y], -1)
    smooth[10:20, 20:40] = (250, 20, 60)
    return (smooth + rng.integers(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8)


def png(
    samples: np.ndarray, colour_type: int, *, bits: int = 16, extra: bytes = b"", adam7: bool = False
) -> bytes:
    """A PNG put together by hand (ISO/IEC 15948): unfiltered rows of HxWxC samples."""
    height, width = samples.shape[:2]
    wide = samples.reshape(height, width, -1).astype(">u2" if bits == 16 else ">u1")
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    parts = [wide[y::dy, x::dx] for y, x, dy, dx in passes] if adam7 else [wide]
    rows = b"".join(b"\x00" + row.tobytes() for part in parts if part.size for row in part)
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(adam7))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def moving(count: int = 20, height: int = 64, width: int = 96) -> list[np.ndarray]:
    """A bright bar on a slope: the bar's column tells the number of the frame."""
    y, x = np.mgrid[:height, :width]
    still = np.stack([x + y, 2 * y, 200 - x], -1).clip(0, 255).astype(np.uint8)
    frames = [still.copy() for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[:, 4 * number : 4 * number + 4] = 255
    return frames


def numbers(items: list[ClipFrame]) -> list[int]:
    """The numbers that the frames of moving() show."""
    return [int(item.frame.astype(int).sum((0, 2)).reshape(-1, 4).sum(1).argmax()) for item in items]
