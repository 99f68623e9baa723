"""How much of the strongest teacher's gain does a realtime student keep? Down-ups that teachers exist for.

Teachers read the small frame and know its factor; the released students read the degraded frame and are told
nothing. All restore the busiest square of the same test frames, which no training saw. The share is the mean
gain over doing nothing by that of the teacher that gains most, both over the same frames.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sharpstudy.contenders import from_teacher
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.distill import choose_device
from sharpstudy.evaluate import DO_NOTHING, EvalSettings, combine, do_nothing, from_student, score_model
from sharpstudy.experiments.conditions import (
    condition_set,
    judged_and_tuning,
    present_references,
    released_models,
)
from sharpstudy.experiments.judging import eval_settings
from sharpstudy.experiments.options import Line, finish, make_parser, say, set_threads, write_table
from sharpstudy.experiments.phases import clip_gains, share
from sharpstudy.statistics import resample
from sharpstudy.teachers import TeacherError, load_teacher

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.evaluate import Model

TEACHERS = MappingProxyType(
    {"bicubic-x2": ("rlfn-x2", "imdn-x2"), "bicubic-x4": ("hit-srf-x4", "rlfn-x4", "imdn-x4")}
)


@dataclass(frozen=True)
class ShareOptions:
    """At most so many test frames, and the seed of what a degradation leaves to chance."""

    frames: int = 60
    seed: int = 0


def run_shares(
    options: ShareOptions,
    teachers: dict[str, Sequence[Model]],
    students: Sequence[Model],
    references: Sequence[Reference],
    line: Line = say,
) -> pd.DataFrame:
    """Scores of doing nothing, of the students, and of the teachers of each degradation."""
    settings = replace(eval_settings(), seed=options.seed + 1)
    test, _ = judged_and_tuning(references, options.frames)
    scores = []
    for name, known in teachers.items():
        frames = condition_set(test, name, settings)
        for model in (do_nothing(), *students, *known):
            scores.append(score_model(model, [frames], settings))
            line(f"{name}: {model.name}")
    return combine(scores)


def shares_table(scores: pd.DataFrame, students: Sequence[str]) -> pd.DataFrame:
    """Each model's gain under each degradation (dB), and its share of the strongest teacher's."""
    import pandas as pd

    rows = []
    for degradation, group in scores.groupby("degradation", sort=False):
        names = [name for name in dict.fromkeys(group["model"]) if name != DO_NOTHING]
        found = {name: clip_gains(scores, name, str(degradation)) for name in names}
        taught = [name for name in names if name not in students]
        if not taught:
            continue
        strongest = max(taught, key=lambda name: found[name][0].mean())
        best, categories = found[strongest]
        for name, (gains, _) in found.items():
            mean = resample(gains, categories)
            row = {"degradation": degradation, "model": name, "clips": len(gains), "gain": mean.mean}
            row |= dict(zip(("gain_low", "gain_high"), mean.interval(), strict=True))
            row["strongest"] = strongest
            row |= dict(
                zip(("share", "share_low", "share_high"), share(gains, best, categories), strict=True)
            )
            rows.append(row)
    return pd.DataFrame(rows)


def shares_text(table: pd.DataFrame) -> str:
    """A line for each model under each degradation."""
    lines = []
    for degradation, group in table.groupby("degradation", sort=False):
        strongest, clips = group["strongest"].iloc[0], int(group["clips"].iloc[0])
        lines.append(f"{degradation}, {clips} clips: gain over doing nothing, and share of {strongest}'s")
        lines += [
            f"  {row.model:<24}{row.gain:+.2f} dB [{row.gain_low:+.2f}, {row.gain_high:+.2f}]"
            f"{row.share:8.0%} [{row.share_low:.0%}, {row.share_high:.0%}]"
            for row in group.itertuples()
        ]
    return "\n".join(lines)


def present_teachers(settings: EvalSettings, line: Line) -> dict[str, Sequence[Model]]:
    """The teachers whose weights are on this machine, by the degradation that they undo."""
    found: dict[str, Sequence[Model]] = {}
    for degradation, known in TEACHERS.items():
        models = []
        for name in known:
            try:
                models.append(from_teacher(load_teacher(name), name, settings.context))
            except TeacherError as error:
                line(f"{name} is left out: {error}")
        if models:
            found[degradation] = models
    if not found:
        raise ValueError("teachers: expected the weights of one at least (`sharpstudy fetch`), got none")
    return found


def parser() -> argparse.ArgumentParser:
    """The command line of the shares."""
    made = make_parser("teacher_share", str(__doc__), "teacher-share")
    made.add_argument(
        "--beside", action="append", default=[], metavar="NAME=FILE", type=_named,
        help="another realtime student's .safetensors; may come several times",
    )  # fmt: skip
    return made


def _named(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals or not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"expected NAME=FILE with a file that is there, got {text!r}")
    return name, Path(file)


def main(words: Sequence[str] | None = None) -> int:
    """Measures students and teachers, writes the table to the folder, and prints the text."""
    told = parser().parse_args(words)
    return finish(lambda: _measure(told))


def _measure(told: argparse.Namespace) -> str:
    set_threads(told.threads)
    device = choose_device(told.device)
    teachers = present_teachers(eval_settings(), say)
    students = released_models(device)
    students += [from_student(path, "realtime", name=name, device=device) for name, path in told.beside]
    references = present_references()
    scores = run_shares(ShareOptions(told.frames, told.seed), teachers, students, references)
    table = shares_table(scores, [one.name for one in students])
    text = shares_text(table)
    told.out.mkdir(parents=True, exist_ok=True)
    write_table(told.out / "teacher-share.csv", table, 4)
    write_bytes(told.out / "teacher-share.txt", f"{text}\n".encode())
    return text


if __name__ == "__main__":
    sys.exit(main())
