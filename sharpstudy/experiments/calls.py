"""What a call at each bitrate is worth restored, where PSNR says little: as eyes see it, as text, in motion.

The released students, doing nothing and a mask tuned for each rung, by LPIPS on test frames, by the character
error rate of tesseract on rendered pages, and by flicker on recordings of which the call is one stream. With
it the bitrate that would look as good untouched. Weights of LPIPS, tesseract and recordings are used where
they are here; the table says what was not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.distill import choose_device
from sharpstudy.evaluate import (
    DO_NOTHING,
    ClipSet,
    EvalSettings,
    clip_set,
    combine,
    do_nothing,
    score_model,
    text_set,
    tune_masks,
    unsharp,
)
from sharpstudy.experiments.conditions import (
    CONDITIONS,
    bitrate_table,
    condition_set,
    condition_table,
    judged_and_tuning,
    present_references,
    released_models,
)
from sharpstudy.experiments.options import (
    Line,
    finish,
    make_parser,
    names,
    say,
    set_threads,
    whole,
    write_table,
)
from sharpstudy.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.evaluate import Model

RUNGS = tuple(name for name in CONDITIONS if name.startswith("call-"))
CLIP_SECONDS = 1.0
PAGES = 24


@dataclass(frozen=True)
class CallsOptions:
    """Rungs by name; at most so many test frames, pages of text, and recordings, of which a second each."""

    rungs: tuple[str, ...] = RUNGS
    frames: int = 60
    pages: int = PAGES
    clips: int = 8
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.rungs:
            if name not in RUNGS:
                raise ValueError(f"--only: expected some of {', '.join(RUNGS)}, got {name!r}")


def run_calls(
    options: CallsOptions, models: Sequence[Model], references: Sequence[Reference], line: Line = say
) -> pd.DataFrame:
    """Scores of doing nothing, of the tuned mask and of the models, on frames, pages and clips of each rung.

    `references` hold test frames, which are judged, and validation frames, which tune the mask.
    """
    settings = EvalSettings(
        metrics=("lpips",), text_pages=options.pages, clip_seconds=CLIP_SECONDS, seed=options.seed + 1
    )
    test, tuning = judged_and_tuning(references, options.frames)
    moving = [one for one in references if one.split == "test"]
    scores = []
    for name in options.rungs:
        clips = _some(clip_set(moving, name, settings), options.clips)
        sets = [condition_set(test, name, settings), text_set(name, settings), clips]
        mask = unsharp(tune_masks([condition_set(tuning, name, settings)]))
        for model in (do_nothing(), mask, *models):
            scores.append(score_model(model, [one for one in sets if len(one)], settings))
            line(f"{name}: {model.name}")
    return combine(scores)


def calls_text(table: pd.DataFrame, bitrates: pd.DataFrame) -> str:
    """A block for each metric: the mean of every model on every rung, and the words against doing nothing."""
    lines = []
    for metric, part in table.groupby("metric", sort=False):
        known = METRICS[str(metric)]
        told = f" ({known.unit})" if known.unit else ""
        lines.append(f"{known.label}{told}, {known.direction} is better")
        for degradation, group in part.groupby("degradation", sort=False):
            counts = int(group["frames"].max())
            cells = [_cell(row) for row in group.itertuples()]
            lines.append(f"  {degradation} ({counts}): " + "; ".join(cells))
    for row in bitrates.itertuples():
        lines.append(
            f"{METRICS[row.metric].label}: {row.model} at {row.kbps} kbit/s looks like {row.same_as_kbps:.0f}"
            f" kbit/s untouched, {row.saved:.0%} saved"
        )
    return "\n".join(lines)


def _cell(row: object) -> str:
    if row.model == DO_NOTHING:
        return f"{row.model} {row.mean:.4f}"
    interval = f"[{row.low_nothing:+.4f}, {row.high_nothing:+.4f}]"
    return f"{row.model} {row.on_nothing:+.4f} {interval} {row.against_nothing}"


def _some(clips: ClipSet, count: int) -> ClipSet:
    """Clips spread over the whole set: as many as are wanted."""
    taken = min(count, len(clips))
    places = [at * len(clips) // taken for at in range(taken)]
    return replace(clips, rows=tuple(clips.rows[at] for at in places), load=lambda at: clips.load(places[at]))


def parser() -> argparse.ArgumentParser:
    """The command line of the calls."""
    made = make_parser("calls", str(__doc__), "calls")
    made.add_argument("--only", type=names, default=RUNGS, metavar="NAMES", help="some rungs, with commas")
    made.add_argument("--pages", type=whole(2), default=PAGES, help="pages of text (%(default)s)")
    made.add_argument("--clips", type=whole(0), default=8, help="recordings, at most (%(default)s)")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measures the released students, writes the tables to the folder, and prints the text."""
    told = parser().parse_args(words)
    return finish(lambda: _measure(told))


def _measure(told: argparse.Namespace) -> str:
    set_threads(told.threads)
    device = choose_device(told.device)
    options = CallsOptions(told.only, told.frames, told.pages, told.clips, device, told.seed)
    references = present_references()
    scores = run_calls(options, released_models(device), references)
    missing = scores[scores["value"].isna()].drop_duplicates(["metric", "reason"])
    table = condition_table(scores[scores["value"].notna()])
    bitrates = bitrate_table(table[table["metric"] == "lpips"])
    text = calls_text(table, bitrates)
    text += "".join(f"\n{row.metric}: n/a ({row.reason})" for row in missing.itertuples())
    told.out.mkdir(parents=True, exist_ok=True)
    write_table(told.out / "calls.csv", table, 4)
    write_table(told.out / "bitrates.csv", bitrates, 4)
    write_bytes(told.out / "calls.txt", f"{text}\n".encode())
    return text


if __name__ == "__main__":
    sys.exit(main())
