"""How many clean and degraded frames pass for sharp, and whether a clip wavers between sharp and not.

python -m sharpstudy.evaluate.sharp_shares [--sources kodak24 webcam_clips ...] [--frames 12]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from sharpstudy.data.clips import read_clip
from sharpstudy.data.degrade import degrade, degrade_clip, parse_degradation
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, load_source
from sharpstudy.runtime.sharp_frames import SHARP, SOFT, SharpJudge, sharpness

if TYPE_CHECKING:
    import pandas as pd

SOURCES = ("bundled", "kodak24", "bsds500", "call_screens", "game_screens", "webcam_clips", "call_clips")
DEGRADATIONS = (
    "clean",
    "call-1500k",  # not scaled down, so that its edges stay
    "call-800k",
    "bicubic-x1.5",
    "call-500k",
    "bicubic-x2",
    "call-300k",
    "call-100k",
    "blur-1.0",
    "blur-1.5",
)
LEAD = 10  # frames of a call until its picture has settled


def sharpness_table(
    sources: Sequence[str] = SOURCES, degradations: Sequence[str] = DEGRADATIONS, frames: int = 12
) -> pd.DataFrame:
    """A row for each frame under each degradation: source, clip, degradation, sharpness.

    Of sources of clips, the recordings' own frames follow each other, so that turns can be counted.
    """
    import pandas as pd

    rows = []
    for source in sources:
        for clip, shown in _recordings(source, frames):
            for name in degradations:
                settings = parse_degradation(name)
                if len(shown) > 1:
                    degraded = degrade_clip(shown, settings, seed=1)[LEAD:]
                else:
                    degraded = [degrade(shown[0], settings, seed=1)]
                rows += [(source, clip, name, sharpness(frame)) for frame in degraded]
    return pd.DataFrame(rows, columns=["source", "clip", "degradation", "sharpness"])


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """The share of frames above SHARP, and between SOFT and SHARP, of each degradation and source."""
    table = table.assign(
        sharp=table["sharpness"] > SHARP, between=table["sharpness"].between(SOFT, SHARP, inclusive="right")
    )
    return table.pivot_table(
        index="degradation", columns="source", values=["sharp", "between"], sort=False, aggfunc="mean"
    )


def turns(table: pd.DataFrame) -> pd.DataFrame:
    """How often a clip turns between sharp and not: by SHARP alone, and as a SharpJudge has it."""
    import pandas as pd

    rows = []
    for (source, clip, name), part in table.groupby(["source", "clip", "degradation"], sort=False):
        if len(part) > 1:
            judge, values = SharpJudge(), part["sharpness"]
            rows.append((source, clip, name, _turns(values > SHARP), _turns(map(judge.of, values))))
    return pd.DataFrame(rows, columns=["source", "clip", "degradation", "single", "judge"])


def _turns(answers: Iterable[bool]) -> int:
    return sum(a != b for a, b in pairwise(answers))


def _recordings(source: str, frames: int) -> list[tuple[str, list]]:
    """Pictures as recordings of one frame, evenly taken; clips with some of their consecutive frames."""
    options = SourceOptions(screens=14, screen_width=960, screen_height=540, frames_per_clip=1)
    references = load_source(source, options)
    if references[0].recording is not None:
        return [(one.clip, _opening(one, LEAD + frames)) for one in references]
    return [(one.clip, [one.load()]) for one in references[:: max(1, len(references) // frames)]]


def _opening(reference: Reference, count: int) -> list:
    return [one.frame for one in islice(read_clip(reference.recording.path), count)]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", nargs="+", default=SOURCES)
    parser.add_argument("--degradations", nargs="+", default=DEGRADATIONS)
    parser.add_argument("--frames", type=int, default=12, help="of each source of pictures, or each clip")
    words = parser.parse_args()
    table = sharpness_table(words.sources, words.degradations, words.frames)
    found = shares(table)
    for name, title in (("sharp", f"share above {SHARP}"), ("between", f"share from {SOFT} to {SHARP}")):
        sys.stdout.write(f"{title}\n{found[name].round(2).to_string()}\n\n")
    clips = turns(table)
    if len(clips):
        sums = clips.groupby("degradation", sort=False)[["single", "judge"]].sum()
        sys.stdout.write(
            f"turns between sharp and not, of {clips['clip'].nunique()} clips\n{sums.to_string()}\n"
        )


if __name__ == "__main__":
    main()
