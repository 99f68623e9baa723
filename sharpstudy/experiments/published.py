"""What was published about each system, beside its released student under two protocols.

Own: the recipe's degradation on pictures like the published ones (own_protocols.py). Honest: a call at 300
and 800 kbit/s, and frames that were never degraded. Doing nothing and a tuned unsharp mask stand beside both.
A system whose student is not released is named, and its own protocol is measured without one. Speeds and
opinion scores are not measured here.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.distill import choose_device
from sharpstudy.evaluate import (
    CLEAN,
    EvalSettings,
    combine,
    do_nothing,
    from_student,
    read_weight_file,
    score_model,
    tune_masks,
    unsharp,
)
from sharpstudy.experiments.conditions import (
    SAMPLING,
    SOURCES,
    ConditionsOptions,
    present_references,
    run_conditions,
)
from sharpstudy.experiments.options import (
    Line,
    counter,
    finish,
    make_parser,
    names,
    say,
    set_threads,
    whole,
    write_table,
)
from sharpstudy.experiments.own_protocols import (
    PROTOCOLS,
    find_pictures,
    own_sets,
    published_systems,
    without_screens,
)
from sharpstudy.experiments.published_tables import (
    HONEST,
    figure_table,
    measure_table,
    published_text,
)
from sharpstudy.paths import WEIGHTS, WORK
from sharpstudy.recipes import load_recipe

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.evaluate import Model

# A frame of many megapixels is no call, and a network that reads whole frames has no room for it.
HONEST_SOURCES = tuple(name for name in SOURCES if name != "hires_cc0")
METRICS = ("psnr", "ssim")
SCORES_LIMIT = 200_000  # bytes of the scores, packed; more stay out
SCORE_COLUMNS = ("system", "degradation", "model", "frame", "clip", "category", *METRICS)


@dataclass(frozen=True)
class PublishedOptions:
    """Which systems, at most how many test frames of either protocol, and whether the honest one scores whole
    frames (side 0) or the busiest square of each.
    """

    systems: tuple[str, ...] = published_systems()
    frames: int = 100
    side: int = 0
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        known = published_systems()
        if unknown := [name for name in self.systems if name not in known]:
            raise ValueError(f"systems: expected some of {', '.join(known)}, got {unknown[0]!r}")
        if not self.systems:
            raise ValueError(f"systems: expected some of {', '.join(known)}, got none")


@dataclass(frozen=True, eq=False)
class Released:
    """A student that ships: its model, and what its card says of the training."""

    model: Model
    card: Mapping[str, Any]


def released_students(options: PublishedOptions, folder: Path = WEIGHTS) -> dict[str, Released]:
    """The released students of the systems, by system; a file that is another recipe's is refused."""
    found = {}
    for name in options.systems:
        path = folder / f"{name}.safetensors"
        if not path.is_file():
            continue
        file = read_weight_file(path)
        if (file.student, file.recipe) != (load_recipe(name).student.name, name):
            raise ValueError(
                f"{path.name}: expected the student of recipe {name!r} with its card, got {file.student!r} of"
                f" {file.recipe or 'no recipe'}"
            )
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        context = EvalSettings().context
        model = from_student(path, name, "released", name=name, device=options.device, context=context)
        found[name] = Released(model, card)
    return found


def run_own(
    system: str,
    model: Model | None,
    found: Mapping[str, Sequence[Reference]],
    options: PublishedOptions,
    folder: Path,
    line: Line = say,
) -> tuple[pd.DataFrame, str]:
    """Scores of a system under its own protocol, and the sources of the pictures.

    Doing nothing and the mask are scored where there is no model, too.
    """
    protocol = PROTOCOLS[system]
    settings = EvalSettings(metrics=METRICS, brief_metrics=METRICS, seed=options.seed + 1)
    pictures = found if protocol.screens else without_screens(found)
    sets = own_sets(load_recipe(system), protocol, pictures, options.frames, folder, settings)
    models = [do_nothing(), unsharp(tune_masks(sets.held)), *([model] if model else [])]
    line(f"{system}: {len(sets.test[0])} frames of {sets.sources}")
    scores = [score_model(one, sets.test, settings, counter(f"{system}, {one.name}", line)) for one in models]
    return combine(scores), sets.sources


def run_honest(
    models: Sequence[Model], references: Sequence[Reference], options: PublishedOptions, line: Line = say
) -> pd.DataFrame:
    """Scores of the released students, of doing nothing and of the mask on calls and on clean frames."""
    conditions = ConditionsOptions(
        (*HONEST, CLEAN), options.frames, options.device, options.seed, options.side
    )
    return run_conditions(conditions, models, references, line)


def compact_scores(parts: Mapping[str, pd.DataFrame]) -> bytes:
    """The scores by system ("" for the honest protocol), a row a frame and model, as a packed CSV.

    The same bytes for the same scores.
    """
    import pandas as pd

    keys = ["degradation", "model", "frame", "clip", "category"]
    wide = [
        scores.set_index([*keys, "metric"])["value"].unstack("metric").reset_index().assign(system=system)
        for system, scores in parts.items()
        if len(scores)
    ]
    table = pd.concat(wide, ignore_index=True)[list(SCORE_COLUMNS)].round(4)
    return gzip.compress(table.to_csv(index=False, lineterminator="\n").encode(), mtime=0)


def parser() -> argparse.ArgumentParser:
    """The command line of what was published."""
    made = make_parser("published", str(__doc__), "published")
    made.set_defaults(frames=PublishedOptions().frames)
    made.add_argument("--only", type=names, default=published_systems(), metavar="NAMES",
                      help="some systems, with commas")  # fmt: skip
    made.add_argument("--side", type=whole(0), default=0,
                      help="of calls and clean frames: the busiest square (0: whole)")  # fmt: skip
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measures the released students of the published systems, writes the tables, and prints the text."""
    told = parser().parse_args(words)
    return finish(lambda: _measure(told))


def _measure(told: argparse.Namespace) -> str:
    options = PublishedOptions(told.only, told.frames, told.side, choose_device(told.device), told.seed)
    set_threads(told.threads)
    students = released_students(options)
    for name in options.systems:
        if name not in students:
            say(f"{name}: its student is not released; doing nothing and the mask are measured")
    found = find_pictures((PROTOCOLS[name] for name in options.systems), SAMPLING, say)
    scores, sources = {}, {}
    for name in options.systems:
        model = students[name].model if name in students else None
        scores[name], sources[name] = run_own(
            name, model, found, options, WORK / "experiments" / "published", say
        )
    if students:
        calls = present_references(HONEST_SOURCES)
        scores[""] = run_honest([one.model for one in students.values()], calls, options)
    return write_results(told.out, scores, {name: one.card for name, one in students.items()}, sources)


def write_results(
    out: Path,
    scores: Mapping[str, pd.DataFrame],
    cards: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, str],
) -> str:
    """The text, after it and the tables were written: published.csv, measures.csv and the packed scores.

    `cards` and `sources` are by system; one without a card is not released.
    """
    measures = measure_table(scores)
    figures = figure_table(measures, cards, sources)
    text = published_text(figures, measures)
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / "published.csv", figures, 4)
    write_table(out / "measures.csv", measures, 4)
    packed = compact_scores(scores)
    if len(packed) <= SCORES_LIMIT:
        write_bytes(out / "scores.csv.gz", packed)
    else:
        (out / "scores.csv.gz").unlink(missing_ok=True)
        say(f"scores.csv.gz is left out: {len(packed):,} bytes, at most {SCORES_LIMIT:,}")
    write_bytes(out / "published.txt", f"{text}\n".encode())
    return text


if __name__ == "__main__":
    sys.exit(main())
