"""What the commands of the experiments share: their options, lines on stderr, and how errors end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from sharpstudy.data.frames import write_bytes
from sharpstudy.paths import REFERENCE

Line = Callable[[str], None]


def say(text: str) -> None:
    """A line of progress on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def counter(title: str, line: Line) -> Callable[[int, int], None]:
    """A `progress` that tells of every fourth part of the frames."""

    def tell(done: int, total: int) -> None:
        if 4 * done // total > 4 * (done - 1) // total:
            line(f"{title}: pairs {done}/{total}")

    return tell


def make_parser(name: str, description: str, out: str) -> argparse.ArgumentParser:
    """A parser with the options that all experiments have; their results go to results/reference/<out>."""
    parser = argparse.ArgumentParser(
        prog=f"python -m sharpstudy.experiments.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, default=REFERENCE / out, help=f"folder of the tables (results/reference/{out})"
    )
    parser.add_argument("--frames", type=whole(2), default=60, help="held-out frames, at most (%(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="of weights and patches (0)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto")
    parser.add_argument(
        "--threads",
        type=whole(0),
        default=0,
        help="of torch, %(default)s unless told; 0 leaves its own choice",
    )
    return parser


def add_training(parser: argparse.ArgumentParser) -> None:
    """The options of experiments that train."""
    parser.add_argument(
        "--source",
        default="",
        help="sources of frames joined by +; those of the realtime recipe's full budget unless told",
    )
    parser.add_argument("--train-frames", type=whole(0), default=0, help="at most so many; 0 takes all (0)")
    parser.add_argument(
        "--existing",
        choices=("keep", "replace"),
        default="keep",
        help="runs in --out that were made with other settings: refuse to go on, or begin anew (keep)",
    )


def whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` up."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
        return int(text)

    return read


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def set_threads(count: int) -> None:
    """Has torch compute on so many threads; 0 leaves them as they are."""
    if count:
        import torch

        torch.set_num_threads(count)


def finish(run: Callable[[], str]) -> int:
    """The exit code of a command that prints what it returns: 1 where a ValueError says what is wrong."""
    try:
        sys.stdout.write(run() + "\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def write_table(path: Path, table: object, decimals: int = 5) -> None:
    """Writes a DataFrame as CSV, rounded, whole or not at all."""
    write_bytes(path, table.round(decimals).to_csv(index=False, lineterminator="\n").encode())
