"""The command line of `python -m sharpstudy.teach`, and of `torchrun -m sharpstudy.teach` on many devices."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from sharpstudy.data.sources import SourceOptions
from sharpstudy.paths import WORK
from sharpstudy.teach import QUICK_TRAIN, QUICK_VALIDATION, TeachSettings, progress_bar, teach
from sharpstudy.teachers.targets import Shard
from sharpstudy.teachers.teacher import PRECISIONS

START = TeachSettings()
PROGRAM = "python -m sharpstudy.teach"
ABOUT = "Find a recipe's teacher, judge it, and store what it makes of the recipe's pairs."


def _weights(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected TEACHER=FILE, got {text!r}")
    return name, Path(file)


def _shard(text: str) -> Shard:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected I/N, got {text!r}")
    return int(index), int(count)


LIMIT = "at most so many; quick takes {} by itself"
OPTIONS: dict[str, dict[str, Any]] = {
    "--budget": {"choices": ("quick", "full"), "default": "quick"},
    "--device": {"default": "auto", "help": "cpu, cuda or auto"},
    "--precision": {"choices": PRECISIONS, "default": START.precision},
    "--tile": {"type": int, "help": "restore in tiles of so many pixels that the teacher reads"},
    "--train-frames": {"type": int, "help": LIMIT.format(QUICK_TRAIN)},
    "--validation-frames": {"type": int, "help": LIMIT.format(QUICK_VALIDATION)},
    "--screens": {"type": int, "default": START.source.screens, "help": "rendered screens"},
    "--screen-width": {"type": int, "default": START.source.screen_width},
    "--screen-height": {"type": int, "default": START.source.screen_height},
    "--folder": {"type": Path, "help": "your own pictures, for the source 'folder'"},
    "--weights": {"type": _weights, "action": "append", "default": [], "metavar": "TEACHER=FILE"},
    "--seed": {"type": int, "default": START.seed},
    "--control": {"choices": ("none", "random"), "default": "none"},
    "--when-none": {"choices": ("refuse", "report"), "default": "refuse"},
    "--shard": {"type": _shard, "metavar": "I/N", "help": "one share of the training pairs, for job arrays"},
}


def make_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The parser of a recipe and its options, for a program of that name."""
    parser = argparse.ArgumentParser(prog=program, description=ABOUT)
    parser.add_argument("recipe", help="a recipe's name, or the file of your own")
    for name, how in OPTIONS.items():
        parser.add_argument(name, **how)
    return parser


def main(words: list[str] | None = None, program: str = PROGRAM) -> int:
    """The exit code: 0 where somebody teaches or nobody has to, 1 where the recipe stays without."""
    options = make_parser(program).parse_args(words)
    first = os.environ.get("RANK", "0") == "0"
    try:
        report = teach(
            options.recipe,
            options.budget,
            _settings(options),
            device=options.device,
            when_none=options.when_none,
            progress=progress_bar() if first else None,
        )
    except ValueError as error:
        if first:
            print(f"\n{error}", file=sys.stderr)  # noqa: T201
        return 1
    if first:
        print(report)  # noqa: T201
    return 0


def _settings(options: argparse.Namespace) -> TeachSettings:
    source = SourceOptions(
        options.screens, options.screen_width, options.screen_height, folder=options.folder
    )
    return TeachSettings(
        source=source,
        max_train=options.train_frames,
        max_validation=options.validation_frames,
        seed=options.seed,
        precision=options.precision,
        tile=options.tile,
        control=options.control,
        weights=dict(options.weights),
        work=WORK,
        shard=options.shard,
    )


if __name__ == "__main__":
    sys.exit(main())
