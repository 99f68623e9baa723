"""What the levels of the live picture are worth: each against the raw frame, on frames of calls.

python -m sharpstudy.evaluate.live_levels [--model realtime] [--frames 3]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, load_source
from sharpstudy.evaluate.conditions import clean_set, degraded_set
from sharpstudy.evaluate.frames import CLEAN
from sharpstudy.evaluate.models import DO_NOTHING, Model, do_nothing, from_callable
from sharpstudy.evaluate.scoring import combine, score_model
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.tables import clips_of
from sharpstudy.runtime.levels import HALF_STRENGTH, add_detail, half_detail, halved
from sharpstudy.runtime.sharp_frames import HALF_SHARP, sharpness
from sharpstudy.statistics import compare, estimate

if TYPE_CHECKING:
    import pandas as pd

Restore = Callable[[np.ndarray], np.ndarray]

SOURCES = "webcam_clips+call_clips+call_screens+game_screens"
DEGRADATIONS = (CLEAN, "call-1500k", "call-800k", "call-500k", "call-300k", "call-200k", "call-100k")
METRICS = ("psnr", "ssim")


def level_models(restore: Restore) -> list[Model]:
    """The raw frame, and what the levels "full" and "half" make of it with this restorer."""
    return [
        do_nothing(),
        from_callable("full", lambda frame: restore(frame.degraded), "student"),
        from_callable("half", lambda frame: half_level(frame.degraded, restore), "student"),
    ]


def half_level(frame: np.ndarray, restore: Restore) -> np.ndarray:
    """The frame as the level "half" shows it: raw where it is sharp at half size."""
    if sharpness(halved(frame)) > HALF_SHARP:
        return frame
    return add_detail(frame, half_detail(frame, restore), HALF_STRENGTH)


def level_scores(
    references: Sequence[Reference],
    restore: Restore,
    degradations: Sequence[str] = DEGRADATIONS,
) -> pd.DataFrame:
    """PSNR and SSIM of whole frames, a row for each level, degradation, frame and metric."""
    settings = EvalSettings(metrics=METRICS, brief_metrics=METRICS)
    with TemporaryDirectory() as folder:
        sets = [
            clean_set(references, settings)
            if name == CLEAN
            else degraded_set(references, name, Path(folder), settings)
            for name in degradations
        ]
        return combine(score_model(model, sets, settings) for model in level_models(restore))


def level_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Each level's mean under each degradation, its gain on raw with a 95 % interval, and the verdict."""
    import pandas as pd

    clips = clips_of(scores)
    rows = []
    for degradation in dict.fromkeys(scores["degradation"]):
        for metric in METRICS:
            raw = estimate(scores, clips, DO_NOTHING, metric, degradation).mean
            for level in ("full", "half"):
                verdict = compare(scores, clips, level, DO_NOTHING, metric, degradation)
                facts = (degradation, metric, level, raw, raw + verdict.difference)
                rows.append((*facts, verdict.difference, verdict.low, verdict.high, verdict.word))
    names = ["degradation", "metric", "level", "raw", "mean", "gain", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=names)


def main() -> None:
    """Measures the released model and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="realtime")
    parser.add_argument("--sources", default=SOURCES)
    parser.add_argument("--frames", type=int, default=3, help="of each clip")
    parser.add_argument("--degradations", nargs="+", default=DEGRADATIONS)
    words = parser.parse_args()
    from sharpstudy.runtime import Sharpener

    options = SourceOptions(every=20, frames_per_clip=words.frames)
    references = [one for one in load_source(words.sources, options) if one.split == "test"]
    with Sharpener(words.model, bypass="off") as sharpener:
        table = level_table(level_scores(references, sharpener, words.degradations))
    sys.stdout.write(f"{len(references)} frames, {len({one.clip for one in references})} clips\n")
    sys.stdout.write(f"{table.round(4).to_string(index=False)}\n")


if __name__ == "__main__":
    main()
