"""The sharpener: a uint8 frame in, a sharper uint8 frame of the same size out."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from .choosing import Choice, Session, choose, open_session
from .errors import SharpenerError
from .models import find_model
from .sharp_frames import looks_sharp
from .threads import binding_note, usable_cores
from .tiles import Tiles

if TYPE_CHECKING:
    from sharpstudy.students import Student

    from .video import VideoReport

Bypass = Literal["on", "off"]
SMALLEST = 16  # pixels; less of a frame than this is all edge
LARGE = 64_000_000  # pixels that take about 2 GB on the way through the int8 file


class Sharpener:
    """Restores frames with one model on one backend; safe to call from several threads, which take turns.

    `model` is a released name, the path of an exported .onnx or a trained .safetensors file, or a student.
    `backend` "auto" takes the fastest that loads, and `about` says which and why. `bypass` "on" lets frames
    that look sharp already pass untouched. Counts: `frames` answered, `bypassed` of them, `errors` raised.
    """

    def __init__(
        self,
        model: str | Path | Student = "realtime",
        backend: str = "auto",
        threads: int | None = None,
        strength: float = 1.0,
        bypass: Bypass = "on",
    ) -> None:
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise SharpenerError(f"threads: expected a whole number from 1, or None, got {threads!r}")
        found = find_model(model)
        self.model, self.card, self._multiple = found.name, dict(found.card), found.multiple
        self.threads = threads or usable_cores()
        self.frames = self.bypassed = self.errors = 0
        self.passed = False
        self._lock, self._building = threading.Lock(), threading.Lock()
        self._buffers: dict[str, np.ndarray] = {}
        self.bypass = bypass
        _check_strength(strength)
        if backend == "auto":
            choice, self._full = choose(found, self.threads)
        else:
            choice, self._full = Choice(backend, "as asked"), open_session(found, backend, self.threads)
        self.backend, self._why = choice.backend, choice.why
        self._session: Session = self._full
        self._strength = 1.0
        self.strength = strength

    @property
    def about(self) -> str:
        """Model, precision, backend and threads, and why that backend, in a sentence."""
        precision = self.card.get("precision", "float32")
        plural = "s" if self.threads > 1 else ""
        notes = "; ".join(filter(None, (self._why, binding_note())))
        return f"{self.model} ({precision}) on {self.backend}, {self.threads} thread{plural}: {notes}"

    @property
    def tiles(self) -> Tiles:
        """How a large frame is cut for it: a model that reads the whole frame sees more of it at once."""
        reads_all = self.card.get("arguments", {}).get("cues", 0) > 0
        return Tiles(whole=LARGE) if reads_all else Tiles()

    @property
    def strength(self) -> float:
        """How much of what the model adds is added: 0 gives the frame back, 1 all of it.

        Any other strength has a session of its own, built by whoever sets it while frames go on at the
        former; it costs a frame nothing.
        """
        return self._strength

    @strength.setter
    def strength(self, strength: float) -> None:
        _check_strength(strength)
        with self._building:
            if strength == self._strength:
                return
            ready = self._full if strength in (0, 1) else self._full.with_strength(float(strength))
            with self._lock:
                former, self._session, self._strength = self._session, ready, float(strength)
                if former is not self._full:
                    former.close()

    @property
    def bypass(self) -> Bypass:
        """Whether frames that look sharp already pass untouched."""
        return self._bypass

    @bypass.setter
    def bypass(self, bypass: Bypass) -> None:
        if bypass not in ("on", "off"):
            raise SharpenerError(f"bypass: expected 'on' or 'off', got {bypass!r}")
        self._bypass = bypass

    def __call__(self, frame: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The restored frame: `out` where it is given, which takes no new memory, else a new array.

        A model that fails raises a SharpenerError, and the next frame is tried afresh.
        """
        _check(frame, "frame")
        if out is None:
            out = np.empty(frame.shape, np.uint8)
        else:
            _check(out, "out")
            if out.shape != frame.shape or not out.flags.writeable:
                raise SharpenerError(f"out: expected a writeable array of {frame.shape}, got {out.shape}")
        with self._lock:
            passes = self._strength == 0 or min(frame.shape[:2]) < SMALLEST
            self.passed = passes or (self._bypass == "on" and looks_sharp(frame))
            if self.passed:
                np.copyto(out, frame)
                self.bypassed += 1
            else:
                self._restore(frame, out)
            self.frames += 1
        return out

    def video(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        show: Literal["restored", "split"] = "restored",
        overwrite: Literal["no", "yes"] = "no",
    ) -> VideoReport:
        """What was done: the video file restored into another, with its sound, times and colours kept.

        `sharpstudy.runtime.sharpen_video` has more choices, and progress.
        """
        from .video import sharpen_video

        return sharpen_video(source, target, self, show=show, overwrite=overwrite)

    def close(self) -> None:
        """Gives back what the backend holds; the sharpener is not to be called after."""
        with self._building, self._lock:
            for session in {id(one): one for one in (self._session, self._full)}.values():
                session.close()
            self._buffers.clear()

    def __enter__(self) -> Sharpener:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _restore(self, frame: np.ndarray, out: np.ndarray) -> None:
        height, width, _ = frame.shape
        down, across = -height % self._multiple, -width % self._multiple
        fits = not down and not across
        apart = not np.may_share_memory(frame, out)
        source = frame if fits and frame.flags.c_contiguous else self._continued(frame, down, across)
        direct = fits and apart and out.flags.c_contiguous
        target = out if direct else self._buffer("target", source.shape)
        try:
            self._session.run(source, target)
        except Exception as error:
            self.errors += 1
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise SharpenerError(f"{self.model} on {self.backend} failed on a frame: {reason}") from error
        if not direct:
            np.copyto(out, target[:height, :width])

    def _continued(self, frame: np.ndarray, down: int, across: int) -> np.ndarray:
        """The frame in a buffer of a size that fits, continued by its last row and column."""
        height, width, _ = frame.shape
        source = self._buffer("source", (height + down, width + across, 3))
        source[:height, :width] = frame
        source[:height, width:] = frame[:, -1:]
        source[height:] = source[height - 1]
        return source

    def _buffer(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self._buffers or self._buffers[name].shape != shape:
            self._buffers[name] = np.empty(shape, np.uint8)
        return self._buffers[name]


def _check(frame: np.ndarray, name: str) -> None:
    if not isinstance(frame, np.ndarray):
        raise SharpenerError(f"{name}: expected a numpy array of uint8 (H, W, 3), got {type(frame).__name__}")
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise SharpenerError(f"{name}: expected uint8 (H, W, 3), got {frame.dtype} {frame.shape}")


def _check_strength(strength: float) -> None:
    number = isinstance(strength, (int, float, np.floating)) and not isinstance(strength, bool)
    if not number or not 0 <= strength <= 1:
        raise SharpenerError(f"strength: expected a number from 0 to 1, got {strength!r}")
