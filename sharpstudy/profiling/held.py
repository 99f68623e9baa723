"""Peak memory of one candidate, measured in a process that does nothing else."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .candidates import LIBRARIES, Candidate, ProfileError, scale_of
from .models import runtime_file, sample_frame

FRAMES = 3
LONGEST_S = 900


@dataclass(frozen=True)
class Held:
    """The most resident memory of the process, and what it held before the model was opened, in MiB."""

    peak_mb: float
    base_mb: float


def peak_memory(one: Candidate, width: int, height: int, threads: int, folder: Path) -> Held:
    """Memory of a fresh process that opens the candidate and restores three frames of that size.

    A fast runtime's process is given the file alone, so that PyTorch, which made the file, is not in it.
    """
    scale = scale_of(one.model)
    if width % scale or height % scale:
        raise ProfileError(f"{one}: expected a size in multiples of {scale}, got {width}x{height}")
    path = runtime_file(one, folder) if one.backend in ("onnxruntime", "openvino") else folder
    words = [one.model, one.role, one.backend, one.precision, width // scale, height // scale, threads, path]
    command = [sys.executable, "-m", "sharpstudy.profiling.held", *map(str, words)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        raise ProfileError(f"{one}: peak memory took longer than {LONGEST_S} s to measure") from None
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ProfileError(f"{one}: the process that measures memory ended with {answer.returncode}: {said}")
    return Held(**json.loads(answer.stdout.strip().splitlines()[-1]))


def main(words: list[str]) -> None:
    """Prints the memory of the candidate that the words name, as JSON."""
    from sharpstudy.speed import peak_mb, resident_mb

    from .opening import open_file, open_frame

    model, role, backend, precision, width, height, threads, path = words
    one = Candidate(model, role, backend, precision)  # type: ignore[arg-type]
    frame = sample_frame(int(width), int(height))
    _load_library(one)
    base = resident_mb()
    opening = open_file if Path(path).is_file() else open_frame
    opened = opening(one, Path(path), frame, int(threads))
    for _ in range(FRAMES):
        opened.end_to_end()
    print(json.dumps({"peak_mb": peak_mb(), "base_mb": base}))  # noqa: T201


def _load_library(one: Candidate) -> None:
    """Imports the backend, so that what it takes by itself is not put down to the model."""
    name = "torch" if one.backend.startswith("torch") else LIBRARIES.get(one.backend)
    if name:
        importlib.import_module(name)


if __name__ == "__main__":
    main(sys.argv[1:])
