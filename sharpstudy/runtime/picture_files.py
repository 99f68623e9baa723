"""Picture files with everything in them that is not pixels, so that a restored picture can keep it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from sharpstudy.data.files import CANNOT_READ, CANNOT_WRITE, FrameError, one_sentence, write_bytes
from sharpstudy.data.frames import FRAME_SUFFIXES, write_frame
from sharpstudy.data.samples import decode, upright

_BACK = {6: 8, 8: 6}  # the EXIF orientation that undoes each; the others undo themselves
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".png": "PNG", ".bmp": "BMP"}
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")
# Description, make, model, software, date, artist and copyright (TIFF 6.0).
_TIFF_WORDS = (270, 271, 272, 305, 306, 315, 33432)
_GREY_MODES = ("1", "L", "LA", "La")
_ICC_SPACES = {b"RGB ": 3, b"GRAY": 1}


@dataclass(frozen=True)
class Picture:
    """An upright picture: its frame for the network, its own samples, and what else its file holds."""

    frame: np.ndarray  # uint8 HxWx3
    samples: np.ndarray | None  # HxWxC as stored: C = 1, 2, 3 or 4 (with alpha); None: nothing but the frame
    orientation: int = 1  # in which the file stores it; EXIF kept whole says so to its readers
    words: dict[str, object] | None = None  # for Pillow's save
    notes: tuple[str, ...] = ()

    def plain(self) -> Picture:
        """The picture without alpha, depth and orientation, but with its words; for frames made of it."""
        grey = self.samples is not None and self.samples.shape[2] < 3
        lost = ("exif", "icc_profile") if grey else ("exif",)
        words = {key: value for key, value in (self.words or {}).items() if key not in lost}
        return replace(self, samples=None, orientation=1, words=words)

    def with_restored(self, restored: np.ndarray) -> np.ndarray:
        """The picture's samples (grey or RGB, with alpha, uint8 or uint16) with what was restored in them."""
        samples = self.samples
        if samples is None or samples.dtype.kind == "f":
            return restored
        colours = samples.shape[2] - (samples.shape[2] in (2, 4))
        colour, alpha = samples[..., :colours], samples[..., colours:]
        change = restored.astype(np.int32) - self.frame
        if colours == 1:
            change = np.rint(change.mean(axis=2, keepdims=True)).astype(np.int32)
        top = np.iinfo(samples.dtype).max
        sharp = np.clip(colour + change * (top // 255), 0, top).astype(samples.dtype)
        return np.concatenate([sharp, alpha], axis=2)


@dataclass
class _Aside:
    """What a file holds besides its pixels."""

    words: dict[str, object] = field(default_factory=dict)
    orientation: int = 1
    notes: list[str] = field(default_factory=list)
    mode: str = ""


def read_picture(path: Path) -> Picture:
    """The picture in a PNG, JPEG, WebP, TIFF or BMP file; a FrameError says why it cannot be had."""
    with one_sentence(path, CANNOT_READ):
        samples = decode(path)
        aside = _aside_of(path)
        if (
            aside.mode in _GREY_MODES and samples.shape[2] > 2
        ):  # which the decoder spreads over three channels
            samples = samples[..., ::3]
        frame = _frame_of(samples)
    if not _profile_fits(aside.words.get("icc_profile"), samples):
        aside.notes.append("its colour profile is of another kind of samples and is left out")
        aside.words.pop("icc_profile")
    if samples.dtype.kind == "f":
        aside.notes.append("its floating-point samples become 8 bits")
    return Picture(frame, samples, aside.orientation, aside.words, tuple(aside.notes))


def _frame_of(samples: np.ndarray) -> np.ndarray:
    """What the network sees: colours as they are under a mask of transparency, in 8 bits."""
    colours = samples.shape[2] - (samples.shape[2] in (2, 4))
    colour = samples[..., :colours]
    if samples.dtype == np.uint16:
        colour = np.rint(colour / 257).astype(np.uint8)
    elif samples.dtype.kind == "f":
        colour = np.rint(colour.clip(0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(colour, (*samples.shape[:2], 3)))


def _aside_of(path: Path) -> _Aside:
    """What Pillow finds in a file besides its pixels."""
    try:
        image = Image.open(path)
    except Exception:  # deep TIFF files that Pillow does not know have no words that could be had
        return _Aside()
    with image:
        aside = _Aside(mode=image.mode)
        if getattr(image, "n_frames", 1) > 1:
            aside.notes.append(f"only the first of its {image.n_frames} pages")
        wanted = ("icc_profile", "xmp", "dpi", "comment")
        aside.words.update({key: image.info[key] for key in wanted if image.info.get(key)})
        if image.format == "TIFF":  # its tags tell of the file as much as of the picture, which Pillow turns
            tags = {tag: image.tag_v2[tag] for tag in _TIFF_WORDS if tag in image.tag_v2}
            aside.words.update({"tiffinfo": tags} if tags else {})
            if ExifTags.IFD.Exif in image.tag_v2:
                aside.notes.append("its EXIF block is left out")
        elif image.info.get("exif"):
            aside.words["exif"] = image.info["exif"]
            aside.orientation = _orientation_of(image)
    return aside


def _profile_fits(profile: object, samples: np.ndarray) -> bool:
    if not isinstance(profile, bytes):
        return True
    colours = samples.shape[2] - (samples.shape[2] in (2, 4))
    return _ICC_SPACES.get(profile[16:20]) == colours


def _orientation_of(image: Image.Image) -> int:
    try:
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damage to a side note must not cost the picture
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def write_picture(path: Path, samples: np.ndarray, picture: Picture, quality: int = 95) -> tuple[str, ...]:
    """What had to be left out; the file at `path` holds upright samples (HxWxC) and the words of `picture`.

    The pixels are turned back to the orientation in which `picture` was stored, so that its EXIF stays true.
    """
    suffix = path.suffix.lower()
    if suffix not in FRAME_SUFFIXES:
        raise FrameError(path, f"the suffix must be one of {', '.join(FRAME_SUFFIXES)}")
    notes = list(picture.notes)
    samples = upright(samples, _BACK.get(picture.orientation, picture.orientation))
    name = _FORMATS.get(suffix, "TIFF")
    samples = _fitting(samples, name, notes)
    if samples.dtype == np.uint16:
        if picture.words:
            notes.append("the words in it (EXIF, colour profile) are left out with 16 bits")
        write_frame(path, samples)
        return tuple(notes)
    with one_sentence(path, CANNOT_WRITE):
        data = BytesIO()
        image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
        image.save(data, name, **_options(name, quality), **(picture.words or {}))
    write_bytes(path, data.getvalue())
    return tuple(notes)


def _fitting(samples: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """The samples as the format can hold them: 16 bits as RGB in PNG and TIFF, no alpha in JPEG and BMP."""
    channels = samples.shape[2]
    if channels in (2, 4) and name not in _WITH_ALPHA:
        notes.append(f"{name} has no transparency: it is laid over white")
        top = np.iinfo(samples.dtype).max
        alpha = samples[..., -1:] / top
        samples = np.rint(samples[..., :-1] * alpha + top * (1 - alpha)).astype(samples.dtype)
        channels -= 1
    if samples.dtype == np.uint16 and (channels in (2, 4) or name not in ("PNG", "TIFF")):
        notes.append("its 16 bits become 8")
        samples = np.rint(samples / 257).astype(np.uint8)
    if samples.dtype == np.uint16 and channels == 1:
        samples = np.repeat(samples, 3, axis=2)
    if samples.dtype == np.uint8 and channels == 2 and name == "WEBP":
        samples = samples[..., [0, 0, 0, 1]]
    return np.ascontiguousarray(samples)


def _options(name: str, quality: int) -> dict[str, object]:
    if name == "JPEG":
        return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}
    if name == "WEBP":
        return {"quality": quality, "lossless": quality == 100}
    return {"compression": "tiff_adobe_deflate"} if name == "TIFF" else {}
