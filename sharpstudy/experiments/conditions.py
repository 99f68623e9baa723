"""What the released students are worth at every degradation, against doing nothing and a tuned unsharp mask.

Test frames of every source that is here, none of which a training saw: photographs, screens, webcam frames.
Each is degraded in every named way, restored, and held against both. The mask is the best one for each
degradation, tuned on validation frames that were degraded alike: it is told what the students must see.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sharpstudy.data.degrade import parse_degradation
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, select_balanced
from sharpstudy.distill import choose_device
from sharpstudy.evaluate import (
    CLEAN,
    DO_NOTHING,
    UNSHARP,
    EvalSettings,
    FrameSet,
    combine,
    do_nothing,
    from_student,
    score_model,
    tune_masks,
    unsharp,
)
from sharpstudy.evaluate.tables import clips_of
from sharpstudy.experiments.material import held_sets, present_sources
from sharpstudy.experiments.options import Line, finish, make_parser, names, say, set_threads, write_table
from sharpstudy.metrics import METRICS as KNOWN
from sharpstudy.paths import WEIGHTS, WORK
from sharpstudy.statistics import compare, estimate

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.evaluate import Model

CONDITIONS = (
    *("call-100k", "call-200k", "call-300k", "call-500k", "call-800k", "call-1500k", "call-vp9-300k"),
    *("bicubic-x1.5", "bicubic-x2", "bicubic-x3", "bicubic-x4", "bicubic-x4-offgrid"),
    *("blur-1.0", "blur-1.5", "blur-2.0", "jpeg-60", CLEAN),
)
SOURCES = (
    *("bundled", "set5", "set14", "kodak24", "hires_cc0", "bsds500", "game_screens"),
    *("call_screens", "webcam_clips", "call_clips"),
)
SAMPLING = SourceOptions(every=20, frames_per_clip=3)
METRICS = ("psnr", "ssim")
_RUNG = re.compile(r"call-\d+k")
RELEASED = ("realtime-S", "realtime", "realtime-L")


@dataclass(frozen=True)
class ConditionsOptions:
    """What is measured: degradations by name, at most so many test frames, and a third as many to tune on.

    side: the busiest square of each frame is scored; 0 scores whole frames.
    """

    degradations: tuple[str, ...] = CONDITIONS
    frames: int = 60
    device: str = "auto"
    seed: int = 0
    side: int = 0


def run_conditions(
    options: ConditionsOptions, models: Sequence[Model], references: Sequence[Reference], line: Line = say
) -> pd.DataFrame:
    """Scores of doing nothing, of the tuned mask and of the models, a row for each frame and metric.

    `references` hold test frames, which are judged, and validation frames, which tune the mask.
    """
    settings = EvalSettings(side=options.side, metrics=METRICS, brief_metrics=METRICS, seed=options.seed + 1)
    test, tuning = judged_and_tuning(references, options.frames)
    scores = []
    for name in options.degradations:
        frames = condition_set(test, name, settings)
        masks = tune_masks([condition_set(tuning, name, settings)]) if name != CLEAN else {}
        used = [do_nothing(), *([unsharp(masks)] if masks else []), *models]
        scores += [score_model(model, [frames], settings) for model in used]
        line(f"{name}: {len(frames)} frames")
    return combine(scores)


def condition_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Each model's mean under each degradation, with gains and verdicts on doing nothing and on the mask."""
    import pandas as pd

    clips = clips_of(scores)
    rows = []
    for (degradation, metric, model), group in scores.groupby(["degradation", "metric", "model"], sort=False):
        row = {"degradation": degradation, "metric": metric, "model": model, "frames": len(group)}
        row["mean"] = estimate(scores, clips, model, metric, degradation).mean
        here = scores.loc[scores["degradation"] == degradation, "model"].unique()
        for baseline, key in ((DO_NOTHING, "nothing"), (UNSHARP, "mask")):
            if baseline in here and model not in (DO_NOTHING, baseline):
                verdict = compare(scores, clips, model, baseline, metric, degradation)
                row |= {
                    f"on_{key}": verdict.difference,
                    f"low_{key}": verdict.low,
                    f"high_{key}": verdict.high,
                }
                row[f"against_{key}"] = verdict.word
        rows.append(row)
    return pd.DataFrame(rows)


def bitrate_table(table: pd.DataFrame) -> pd.DataFrame:
    """What a call would have to send, untouched, to look as good as restored, by rung of the H.264 ladder.

    The bitrate at which doing nothing reaches the restored mean, between rungs on a logarithmic scale;
    `saved` is the share of it that need not be sent. Rungs above the highest that is measured say nothing.
    Metrics of which less is better count the other way round.
    """
    import numpy as np
    import pandas as pd

    rungs = {name: int(name[5:-1]) for name in table["degradation"].unique() if _RUNG.fullmatch(name)}
    rows = []
    for metric, group in table[table["degradation"].isin(rungs)].groupby("metric", sort=False):
        means = group.pivot(index="degradation", columns="model", values="mean")
        means = means.assign(kbps=means.index.map(rungs)).sort_values("kbps")
        sign = 1 if KNOWN[metric].direction == "higher" else -1
        untouched = np.maximum.accumulate(sign * means[DO_NOTHING])
        for model in means.columns.difference([DO_NOTHING, "kbps"], sort=False):
            for kbps, mean in zip(means["kbps"], means[model], strict=True):
                if sign * mean > untouched.iloc[-1]:
                    continue
                same = float(np.exp(np.interp(sign * mean, untouched, np.log(means["kbps"]))))
                rows.append((metric, model, kbps, mean, same, 1 - kbps / max(same, kbps)))
    return pd.DataFrame(rows, columns=["metric", "model", "kbps", "mean", "same_as_kbps", "saved"])


def condition_text(table: pd.DataFrame) -> str:
    """PSNR for people: a line for each degradation, with the gains of mask and models on doing nothing."""
    psnr = table[table["metric"] == "psnr"]
    models = [name for name in dict.fromkeys(psnr["model"]) if name != DO_NOTHING]
    lines = [f"{'dB':<20}{DO_NOTHING:>12}" + "".join(f"{name:>28}" for name in models)]
    for degradation, group in psnr.groupby("degradation", sort=False):
        by_model = group.set_index("model")
        nothing = by_model.loc[DO_NOTHING, "mean"]
        cells = [_cell(by_model, name, degradation == CLEAN) for name in models]
        untouched = "untouched" if degradation == CLEAN else f"{nothing:.2f}"
        lines.append(f"{degradation:<20}{untouched:>12}" + "".join(f"{cell:>28}" for cell in cells))
    return "\n".join(lines)


def _cell(by_model: pd.DataFrame, name: str, clean: bool) -> str:
    """A gain on doing nothing, or of clean frames how near to them the model stays."""
    if name not in by_model.index:
        return "-"
    row = by_model.loc[name]
    if clean:
        return f"{row['mean']:.2f} to the frame"
    beaten = " >mask" if row.get("against_mask") == "better" else ""
    return f"{row['on_nothing']:+.2f} [{row['low_nothing']:+.2f}, {row['high_nothing']:+.2f}]{beaten}"


def judged_and_tuning(references: Sequence[Reference], count: int) -> tuple[list[Reference], list[Reference]]:
    """At most `count` test frames, and a third as many validation frames that masks are tuned on."""
    parts = []
    for split, most in (("test", count), ("validation", max(6, count // 3))):
        chosen = [one for one in references if one.split == split]
        if len(chosen) < 2:
            raise ValueError(f"frames: expected at least two in the {split} part, got {len(chosen)}")
        parts.append(select_balanced(chosen, most))
    return parts[0], parts[1]


def present_references(sources: Sequence[str] = SOURCES) -> list[Reference]:
    """The frames of those sources that are on this machine."""
    return [one for part in present_sources(sources, SAMPLING, say).values() for one in part]


def condition_set(references: list[Reference], name: str, settings: EvalSettings) -> FrameSet:
    """The frames under one degradation; both experiments keep the degraded ones in one folder."""
    folder = WORK / "experiments" / "conditions"
    return held_sets(references, {name: parse_degradation(name)}, folder, settings)[0]


def released_models(device: str, folder: Path = WEIGHTS) -> list[Model]:
    """The realtime students whose weights ship, from small to large."""
    here = [(name, folder / f"{name}.safetensors") for name in RELEASED]
    return [from_student(path, name, name=name, device=device) for name, path in here if path.is_file()]


def main(words: Sequence[str] | None = None) -> int:
    """Measures the released students, writes three tables to the folder, and prints the text."""
    parser = make_parser("conditions", str(__doc__), "conditions")
    parser.add_argument("--only", type=names, default=CONDITIONS, metavar="NAMES",
                        help="some degradations, with commas")  # fmt: skip
    told = parser.parse_args(words)
    return finish(lambda: _measure(told))


def _measure(told: argparse.Namespace) -> str:
    set_threads(told.threads)
    device = choose_device(told.device)
    options = ConditionsOptions(told.only, told.frames, device, told.seed)
    references = present_references()
    table = condition_table(run_conditions(options, released_models(device), references))
    text = condition_text(table)
    told.out.mkdir(parents=True, exist_ok=True)
    write_table(told.out / "conditions.csv", table, 4)
    write_table(told.out / "bitrates.csv", bitrate_table(table), 4)
    write_bytes(told.out / "conditions.txt", f"{text}\n".encode())
    return text


if __name__ == "__main__":
    sys.exit(main())
