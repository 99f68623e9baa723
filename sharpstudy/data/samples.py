"""Still files decoded to their samples at the depth they are stored with, or one sentence on why not."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from sharpstudy.data.deep import read_16_bits, read_deep_tiff
from sharpstudy.data.files import MAX_PIXELS, FrameError, check_claim, check_file, check_size

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")

_TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_BITS_PER_SAMPLE = 258  # TIFF tag
_OPENING = threading.Lock()  # all threads share one warnings filter


def decode(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The upright samples of a still, or of the first page or picture where a file holds several.

    HxWxC with C = 1 grey, 2 grey and alpha, 3 RGB or 4 RGB and alpha (not premultiplied); uint8, uint16 or
    float32 in [0,1]. The EXIF orientation is applied; a damaged EXIF block counts as upright. What goes wrong
    inside a decoder is raised as it comes: the caller turns it into one sentence.
    """
    path = check_file(path)
    with path.open("rb") as stream:
        head = stream.read(32)
        image = _open(path, stream, max_pixels)
        if head[:4] in _TIFF_MAGIC and (image is None or _is_deep(image)):
            samples, orientation = read_deep_tiff(path, stream, max_pixels)
        elif image is None:
            raise FrameError(path, f"this is none of the pictures that can be read ({', '.join(FORMATS)})")
        else:
            image.load()
            orientation = _orientation(image)
            deep = image.format == "PNG" and head[24] == 16
            samples = read_16_bits(path, stream, "png") if deep else _pillow_samples(image)
        return upright(samples, orientation)


def _open(path: Path, stream: BinaryIO, max_pixels: int) -> Image.Image | None:
    """The picture with only its header read, or None where Pillow does not know it."""
    stream.seek(0)
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError:
        raise FrameError(path, "its header claims more pixels than can be read safely") from None
    check_size(path, *image.size, max_pixels)
    if image.format != "WEBP":  # which packs a flat picture into next to nothing
        smallest = 1 / 8 if image.mode in ("1", "L", "P") else len(image.getbands())
        check_claim(path, image.width * image.height * smallest)
    return image


def _is_deep(image: Image.Image) -> bool:
    return max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))) > 8


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that loading has left to be applied; Pillow itself turns a TIFF."""
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damage to a side note must not cost the picture
        return 1


def upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """HxWxC samples turned by an EXIF orientation (1 to 8, CIPA DC-008); others leave them alone."""
    if orientation in (5, 6, 7, 8):
        samples = samples.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def _pillow_samples(image: Image.Image) -> np.ndarray:
    """uint8 HxWx3 or HxWx4 of a loaded picture, whatever its mode."""
    if image.mode == "La":
        image = image.convert("LA")  # Pillow knows no direct way
    clear = image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info
    target = "RGBA" if clear else "RGB"
    return np.array(image if image.mode == target else image.convert(target))
