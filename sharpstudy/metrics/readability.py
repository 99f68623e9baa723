"""Whether shared text can be read: the character error rate of tesseract, an optional system program."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess

import numpy as np

from sharpstudy.metrics.inputs import Unavailable, check_frame

ABSENT = Unavailable("tesseract is not installed; install the tesseract-ocr package with its English data")
PAGE_MODE = "6"  # one uniform block of text
SECONDS = 120


def character_error_rate(text: str, reading: str) -> float:
    """Edits that turn the reading into the text, per character of the text; 0 is perfect, it may exceed 1.

    Runs of spaces and line ends count as one space; case and punctuation count in full.
    """
    text, reading = normalised(text), normalised(reading)
    if not text:
        raise ValueError("text: expected at least one character that is not white space")
    return edit_distance(text, reading) / len(text)


def cer(frame: np.ndarray, text: str) -> float | Unavailable:
    """Character error rate of what tesseract reads in a frame whose text is known, or why there is none."""
    reading = read_text(frame)
    return reading if isinstance(reading, Unavailable) else character_error_rate(text, reading)


def read_text(frame: np.ndarray) -> str | Unavailable:
    """What tesseract reads in the frame: page mode 6, English, one thread, the frame at its own size."""
    check_frame(frame, "frame")
    program = shutil.which("tesseract")
    if program is None:
        return ABSENT
    command = [program, "stdin", "stdout", "--psm", PAGE_MODE, "-l", "eng"]
    threads = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # more threads change the load, not the text
    try:
        done = subprocess.run(command, input=_png(frame), capture_output=True, timeout=SECONDS, env=threads)
    except subprocess.TimeoutExpired:
        return Unavailable(f"tesseract took more than {SECONDS} seconds")
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        return Unavailable(f"tesseract failed: {reason[0]}")
    return done.stdout.decode("utf-8", "replace")


def tesseract_version() -> str | None:
    """The first line that tesseract says of itself, to be recorded with its scores; None where absent."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    done = subprocess.run([program, "--version"], capture_output=True, timeout=SECONDS)
    lines = (done.stdout or done.stderr).decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else None


def edit_distance(first: str, second: str) -> int:
    """The least number of insertions, deletions and replacements between two strings (Levenshtein 1966)."""
    if not second:
        return len(first)
    letters = np.array([ord(letter) for letter in second])
    places = np.arange(len(second) + 1)
    row = places.copy()
    for count, letter in enumerate(first, start=1):
        best = np.empty_like(row)
        best[0] = count
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        row = np.minimum.accumulate(best - places) + places  # insertions: the cheapest start to the left
    return int(row[-1])


def normalised(text: str) -> str:
    """The text with each run of white space as one space and none at the ends."""
    return re.sub(r"\s+", " ", text).strip()


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
