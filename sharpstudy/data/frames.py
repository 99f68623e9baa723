"""Frames in and out of files: uint8 HxWx3 RGB at the file edge, float32 (3,H,W) in [0,1] inside."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sharpstudy.data.files import (
    CANNOT_READ,
    CANNOT_WRITE,
    MAX_PIXELS,
    FrameError,
    one_sentence,
    whole_file,
    write_bytes,
)
from sharpstudy.data.samples import decode

if TYPE_CHECKING:
    import torch

__all__ = [
    "FRAME_SUFFIXES",
    "MAX_PIXELS",
    "FrameBatch",
    "FrameError",
    "check_frame",
    "fill_blocks",
    "find_frames",
    "read_frame",
    "read_frames",
    "read_precise",
    "to_frame",
    "to_tensor",
    "whole_file",
    "write_bytes",
    "write_frame",
]

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_DEEP_SUFFIXES = (".png", ".tif", ".tiff")
_BAND = 256  # rows worked on at a time, so that no float copy of a whole large frame is made


def read_frame(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The frame that a PNG, JPEG, WebP, TIFF or BMP file shows: uint8 HxWx3 RGB.

    The first page of several; EXIF orientation applied; deeper samples rounded to 8 bits; transparency laid
    over white. ICC profiles are ignored on purpose: a call's encoder ignores them too, and the models see the
    numbers that it sees. A FrameError for a file that is unreadable, cut short or too large.
    """
    with one_sentence(Path(path), CANNOT_READ):
        return _by_bands(decode(path, max_pixels), _band_to_8_bits, np.uint8)


def read_precise(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """What read_frame reads, before it is rounded to 8 bits: float32 HxWx3 RGB in [0,1]."""
    with one_sentence(Path(path), CANNOT_READ):
        return _by_bands(decode(path, max_pixels), _band_to_unit, np.float32)


def _by_bands(samples: np.ndarray, convert: Callable[[np.ndarray], np.ndarray], dtype: type) -> np.ndarray:
    """HxWx3 of `dtype`, converted a band of rows at a time; RGB that has the type already passes through."""
    if samples.shape[2] == 3 and samples.dtype == dtype:
        return samples
    frame = np.empty((*samples.shape[:2], 3), dtype)
    for top in range(0, len(frame), _BAND):
        frame[top : top + _BAND] = convert(samples[top : top + _BAND])
    return frame


def _band_to_unit(samples: np.ndarray) -> np.ndarray:
    """float32 in [0,1] with alpha over white; the last axis is 1 (grey) or 3 wide."""
    whole = np.float32(1) if samples.dtype.kind == "f" else np.float32(np.iinfo(samples.dtype).max)
    unit = samples / whole
    if samples.shape[2] in (1, 3):
        return unit
    colour, alpha = unit[..., :-1], unit[..., -1:]
    return colour * alpha + (1 - alpha)


def _band_to_8_bits(samples: np.ndarray) -> np.ndarray:
    return np.rint(_band_to_unit(samples) * np.float32(255)).astype(np.uint8)


@dataclass
class FrameBatch:
    """Iterating gives (path, frame) of each file that can be read; the others' errors come into `skipped`."""

    paths: list[Path]
    on_error: Callable[[FrameError], None] | None = None
    skipped: list[FrameError] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[tuple[Path, np.ndarray]]:
        self.skipped.clear()
        for path in self.paths:
            try:
                frame = read_frame(path)
            except FrameError as error:
                self.skipped.append(error)
                if self.on_error is not None:
                    self.on_error(error)
            else:
                yield path, frame


def read_frames(
    paths: Iterable[str | os.PathLike[str]], on_error: Callable[[FrameError], None] | None = None
) -> FrameBatch:
    """The readable frames of many files, one at a time; `on_error` is told of each file that is skipped."""
    return FrameBatch([Path(path) for path in paths], on_error)


def find_frames(folder: str | os.PathLike[str]) -> list[Path]:
    """The files under a folder whose suffix is a frame's, sorted by their path; hidden ones are left out."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FrameError(folder, "there is no such folder")
    with one_sentence(folder, "it cannot be listed"):
        inside = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    wanted = [
        path
        for path in inside
        if path.suffix.lower() in FRAME_SUFFIXES and not any(part.startswith(".") for part in path.parts)
    ]
    return [folder / path for path in sorted(wanted, key=Path.as_posix)]


def check_frame(frame: np.ndarray, dtypes: tuple[type, ...] = (np.uint8,)) -> None:
    """Nothing, for an HxWx3 array of one of `dtypes`; a ValueError that says what came for anything else."""
    wanted = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"a frame must be a numpy array of {wanted}, came {type(frame).__name__}")
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0 or frame.dtype not in dtypes:
        raise ValueError(f"a frame must be {wanted} (H, W, 3), came {frame.dtype} {frame.shape}")


def fill_blocks(frame: np.ndarray, multiple: int) -> np.ndarray:
    """The frame with its last row and column repeated until height and width are multiples."""
    down, across = (-side % multiple for side in frame.shape[:2])
    return np.pad(frame, ((0, down), (0, across), (0, 0)), mode="edge") if down or across else frame


def to_tensor(frame: np.ndarray) -> torch.Tensor:
    """The frame as float32 (3,H,W) in [0,1]."""
    import torch

    check_frame(frame)
    return torch.from_numpy(frame.transpose(2, 0, 1).astype(np.float32, order="C")).div_(255)


def to_frame(tensor: torch.Tensor) -> np.ndarray:
    """The frame nearest to a float (3,H,W) tensor: uint8 HxWx3, values clipped to [0,1] and rounded."""
    import torch

    if tensor.ndim != 3 or tensor.shape[0] != 3 or not tensor.is_floating_point():
        raise ValueError(f"expected a float (3, H, W) tensor, came {tensor.dtype} {tuple(tensor.shape)}")
    values = tensor.detach().to(device="cpu", dtype=torch.float32)
    if not torch.isfinite(values).all():
        raise ValueError("a frame cannot be made of a tensor that holds NaN or infinite values")
    return values.clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def write_frame(path: str | os.PathLike[str], frame: np.ndarray, quality: int = 95) -> None:
    """Nothing; the file at `path` holds the frame, whole or not at all, in the format that its suffix names.

    `quality` is 1 to 100 and matters to JPEG and WebP only: from 90 on JPEG keeps full chroma, and 100 makes
    WebP lossless. A uint16 frame keeps its 16 bits as PNG or TIFF.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FRAME_SUFFIXES:
        raise FrameError(path, f"the suffix must be one of {', '.join(FRAME_SUFFIXES)}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1 to 100, came {quality}")
    check_frame(frame, (np.uint8, np.uint16) if suffix in _DEEP_SUFFIXES else (np.uint8,))
    with one_sentence(path, CANNOT_WRITE):
        data = _encode(frame, suffix, quality)
    write_bytes(path, data)


def _encode(frame: np.ndarray, suffix: str, quality: int) -> bytes:
    if frame.dtype == np.uint16:
        return _png_16(frame) if suffix == ".png" else _tiff_16(frame)
    name, options = {
        ".png": ("PNG", {}),
        ".webp": ("WEBP", {"lossless": quality == 100, "quality": quality}),
        ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ".bmp": ("BMP", {}),
    }.get(suffix, ("JPEG", {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}))
    data = BytesIO()
    Image.fromarray(frame).save(data, name, **options)
    return data.getvalue()


def _png_16(frame: np.ndarray) -> bytes:
    """A 16-bit RGB PNG (ISO/IEC 15948), which Pillow cannot write; every row has the Sub filter."""
    height, width = frame.shape[:2]
    rows = np.ascontiguousarray(frame, ">u2").view(np.uint8).reshape(height, width * 6)
    packed = np.full((height, 1 + width * 6), 1, np.uint8)
    packed[:, 1:] = rows
    packed[:, 7:] -= rows[:, :-6]
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(packed.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _tiff_16(frame: np.ndarray) -> bytes:
    import tifffile

    data = BytesIO()
    tifffile.imwrite(data, frame, photometric="rgb", metadata=None, software=False)
    return data.getvalue()
