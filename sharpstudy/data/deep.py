"""Stills with more than 8 bits per sample, which Pillow would cut to their upper byte or not open at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from sharpstudy.data.files import FrameError, check_claim, check_size

if TYPE_CHECKING:
    from tifffile import TiffPage

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # TIFF 6.0, PhotometricInterpretation
_ORIENTATION = 274
_PREMULTIPLIED = 1  # TIFF 6.0, ExtraSamples
_SILENCE = logging.NullHandler()  # what tifffile logs of damage is told by the FrameError
_CHANNELS = {"gray16": 1, "ya16": 2, "rgb48": 3, "rgba64": 4}


def read_16_bits(path: Path, stream: BinaryIO, codec: str) -> np.ndarray:
    """uint16 HxWxC of a whole PNG or TIFF by FFmpeg's decoder, for a file that is known to be sound."""
    try:
        import av
    except ImportError:
        raise FrameError(path, "16-bit pictures of this kind need the package av") from None
    stream.seek(0)
    decoder = av.CodecContext.create(codec, "r")
    pictures = [*decoder.decode(av.Packet(stream.read())), *decoder.decode(None)]
    if not pictures:
        raise FrameError(path, "its 16-bit samples cannot be decoded")
    picture = pictures[0]
    name, order = picture.format.name[:-2], picture.format.name[-2:]
    if name not in _CHANNELS:
        raise FrameError(path, f"samples stored as {picture.format.name} cannot be read")
    plane, channels = picture.planes[0], _CHANNELS[name]
    rows = np.frombuffer(plane, np.uint8)[: plane.line_size * picture.height].reshape(picture.height, -1)
    rows = np.ascontiguousarray(rows[:, : picture.width * channels * 2])
    samples = rows.view(">u2" if order == "be" else "<u2")
    return samples.reshape(picture.height, picture.width, channels).astype(np.uint16)


def read_deep_tiff(path: Path, stream: BinaryIO, max_pixels: int) -> tuple[np.ndarray, int]:
    """The samples of a TIFF's first page, uint16 or float32 in [0,1] and HxWxC, and its orientation tag."""
    import tifffile

    logging.getLogger("tifffile").addHandler(_SILENCE)
    stream.seek(0)
    with tifffile.TiffFile(stream) as tiff:
        page = tiff.pages.first
        check_size(path, page.imagewidth, page.imagelength, max_pixels)
        plain = page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) and page.imagedepth == 1
        if not plain or page.samplesperpixel > 4:
            raise FrameError(path, "of deep TIFF files only grey and RGB, with or without alpha, can be read")
        check_claim(path, page.imagewidth * page.imagelength * page.samplesperpixel * page.bitspersample / 8)
        samples = _unit_range(path, _stored(path, page, stream))
        tag = page.tags.get(_ORIENTATION)
        return _straight(samples, page), tag.value if tag is not None else 1


def _stored(path: Path, page: TiffPage, stream: BinaryIO) -> np.ndarray:
    """HxWxC as stored; by FFmpeg where tifffile lacks the decompressor, as it does for LZW."""
    try:
        samples = page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error) or page.photometric == _WHITE_IS_ZERO:  # which FFmpeg would undo
            raise
        from PIL import Image

        Image.open(
            stream, formats=("TIFF",)
        ).load()  # refuses a file that is cut short, which FFmpeg would fill up
        return read_16_bits(path, stream, "tiff")
    if page.samplesperpixel > 1:
        samples = np.moveaxis(samples, page.axes.index("S"), -1)
    return samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)


def _unit_range(path: Path, samples: np.ndarray) -> np.ndarray:
    """uint16 as it is, uint32 and floats as float32 in [0,1]; a FrameError for other types and ranges."""
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind == "u" and size == 2:
        return samples.astype(np.uint16)
    if kind == "u" and size == 4:
        return (samples / np.float64(2**32 - 1)).astype(np.float32)
    if kind != "f":
        raise FrameError(path, f"samples stored as {samples.dtype.name} cannot be read")
    if not np.all((samples >= -1e-3) & (samples <= 1 + 1e-3)):  # false for NaN too
        raise FrameError(path, "its float samples do not all lie in [0, 1]")
    return np.clip(samples, 0, 1).astype(np.float32)


def _straight(samples: np.ndarray, page: TiffPage) -> np.ndarray:
    """The samples with black at zero and alpha not multiplied into the colours."""
    whole = np.float32(1) if samples.dtype == np.float32 else np.uint16(65535)
    if page.photometric == _WHITE_IS_ZERO:
        samples[..., 0] = whole - samples[..., 0]
    if samples.shape[2] in (1, 3) or _PREMULTIPLIED not in page.extrasamples:
        return samples
    unit = samples / np.float32(whole)
    unit[..., :-1] /= np.maximum(unit[..., -1:], np.float32(1e-9))
    return unit.clip(0, 1)
