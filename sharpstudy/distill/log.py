"""What a training leaves for people to read: a CSV, restored squares as pictures, a line of progress."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sharpstudy.data.frames import FrameError, read_frame, write_bytes, write_frame
from sharpstudy.distill.settings import OnStep, Progress, TrainingError
from sharpstudy.distill.validate import Squares, Validation

MEASURES = (
    "loss",
    "lr",
    "grad_norm",
    "val_psnr",
    "val_ssim",
    "val_loss",
    "do_nothing_psnr",
    "do_nothing_ssim",
    "gain_db",
    "val_squares",
    "val_side",
    "pairs_per_s",
    "seconds",
)
WHOLE = ("step", "epoch", "val_squares", "val_side")
GAP = 4  # white pixels between the parts of a picture


class Log:
    """The rows of log.csv, one for each validation: step, epoch, each term, then MEASURES.

    Terms, loss and grad_norm (before clipping) are means over the steps since the row before; terms are
    unweighted. pairs_per_s leaves validation out, seconds are those of training and validation since the
    first step. Step 0 is the untrained network. An empty cell was not measured.
    """

    def __init__(self, path: Path, terms: Sequence[str], rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self.path, self.columns = path, ("step", "epoch", *terms, *MEASURES)
        self.rows = list(rows)

    def add(self, row: Mapping[str, Any]) -> None:
        """Put a row at the end and write the whole file, so that no row is ever half there."""
        self.rows.append({column: row.get(column) for column in self.columns})
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(key, value) for key, value in one.items()} for one in self.rows)
        try:
            write_bytes(self.path, text.getvalue().encode())
        except FrameError as error:
            raise TrainingError(f"log: {error}") from error


def write_samples(
    folder: Path, epoch: int, squares: Squares, validation: Validation, count: int
) -> list[Path]:
    """Keep degraded, restored and reference side by side, at their own size, for `count` squares."""
    paths = []
    for index in range(min(count, len(validation.restored))):
        parts = squares.degraded[index], validation.restored[index], squares.references[index]
        gap = np.full((len(parts[0]), GAP, 3), 255, np.uint8)
        path = folder / f"epoch-{epoch:04d}-{index:02d}.png"
        try:
            write_frame(path, np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1))
        except FrameError as error:
            raise TrainingError(f"samples: {error}") from error
        paths.append(path)
    return paths


@dataclass(frozen=True, eq=False)
class Sample:
    """A validation square as kept after an epoch: uint8 HxWx3 frames; `place` is its number among them."""

    epoch: int
    place: int
    degraded: np.ndarray
    restored: np.ndarray
    reference: np.ndarray


def read_samples(folder: Path) -> list[Sample]:
    """What `write_samples` kept in a folder, by epoch and place; nothing where it kept nothing."""
    samples = []
    for path in sorted(folder.glob("epoch-*.png")):
        _, epoch, place = path.stem.split("-")
        whole = read_frame(path)
        side = (whole.shape[1] - 2 * GAP) // 3
        parts = [whole[:, start : start + side] for start in range(0, 3 * (side + GAP), side + GAP)]
        samples.append(Sample(int(epoch), int(place), *parts))
    return samples


@contextmanager
def progress_line(title: str) -> Iterator[OnStep]:
    """An `on_step` that keeps one line on stderr: terms, dB over doing nothing, pairs a second, time left."""
    from tqdm import tqdm

    layout = "{desc} {percentage:3.0f}%|{bar:16}| {n}/{total}{postfix}"
    with tqdm(desc=title, file=sys.stderr, bar_format=layout, dynamic_ncols=True, miniters=1) as line:

        def show(progress: Progress) -> None:
            line.total, line.n = progress.steps, progress.step
            line.set_postfix_str(describe_progress(progress), refresh=False)
            line.update(0)

        yield show


def describe_progress(progress: Progress) -> str:
    """Where a training stands, in one line."""
    terms = " ".join(f"{name} {value:.4f}" for name, value in progress.terms.items())
    return (
        f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.4f} ({terms})"
        f"  {progress.gain_db:+.2f} dB over doing nothing  {progress.pairs_per_s:.1f} pairs/s"
        f"  {_time(progress.seconds_left)} left"
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    return str(value) if column in WHOLE else f"{value:.7g}"


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
