"""Files read safely and written whole: one sentence for whatever is wrong, and nothing half-written."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_PIXELS = 178_000_000
"""Larger pictures are refused before they are decoded: it is just under what Pillow takes for a decompression
bomb, holds a 16,384 x 8,192 picture, and is half a gigabyte as uint8 RGB."""

_MOST_PACKED = 2000
CANNOT_READ = "it cannot be read"
CANNOT_WRITE = "it cannot be written"


class FrameError(ValueError):
    """A file that cannot be read or written: one sentence with the file and the reason."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(path, reason)  # both are kept as arguments so that the error survives pickling
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@contextmanager
def one_sentence(path: Path, what: str) -> Iterator[None]:
    """A block in which whatever a library raises comes out as a FrameError that begins with `what`."""
    try:
        yield
    except FrameError:
        raise
    except MemoryError:
        raise FrameError(path, f"{what}: it needs more memory than there is") from None
    except Exception as error:  # decoders raise nearly every type there is for damaged bytes
        raise FrameError(path, f"{what}: {reason_of(error)}") from None


def reason_of(error: BaseException) -> str:
    """The first line of what an error says, without the numbers and names that libraries wrap around it."""
    text = (getattr(error, "strerror", None) or str(error)).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def check_file(path: str | os.PathLike[str]) -> Path:
    """The path, once it is known to name a file with something in it; a pipe would hang, so it is refused."""
    path = Path(path)
    with one_sentence(path, "it cannot be opened"):
        if path.is_dir():
            raise FrameError(path, "this is a folder, not a file")
        if not path.exists():
            raise FrameError(path, "there is no such file")
        if not path.is_file():
            raise FrameError(path, "this is not an ordinary file")
        if path.stat().st_size == 0:
            raise FrameError(path, "the file is empty")
        path.open("rb").close()
    return path


def check_size(path: Path, width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Nothing, for a size that a frame can have; a FrameError for an empty or an enormous one."""
    if not (isinstance(width, int) and isinstance(height, int)):  # damaged tags come as tuples or text
        raise FrameError(path, "its header holds no sensible size")
    if width < 1 or height < 1:
        raise FrameError(path, f"its header claims {width} x {height} pixels")
    if width * height > max_pixels:
        raise FrameError(path, f"its header claims {width} x {height} pixels, more than {max_pixels:,}")


def check_claim(path: Path, claimed: float) -> None:
    """Nothing, if the file is large enough to hold `claimed` bytes of pixels once they are unpacked.

    One byte of Deflate, LZW, JPEG or CCITT data stands for about 1400 at most: a header that claims far more
    is a bomb or damaged, and is refused before memory is taken for it.
    """
    size = path.stat().st_size
    if claimed > _MOST_PACKED * size:
        raise FrameError(path, f"its header claims {claimed:,.0f} bytes of pixels, too many for {size:,}")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Nothing; the file at `path` holds `data`, and never a part of it. Folders on the way are made."""
    with whole_file(path) as part, one_sentence(Path(path), CANNOT_WRITE):
        part.write_bytes(data)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside `path`, of the same suffix, to write to; it replaces `path` when the block ends well."""
    path = Path(path)
    part = path.parent / f".{uuid.uuid4().hex}.part{path.suffix}"
    with one_sentence(path, CANNOT_WRITE):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        with one_sentence(path, CANNOT_WRITE):
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
