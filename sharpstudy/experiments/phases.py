"""Does the sharpener need the grid it was trained on? Gains at factors and grid shifts that nobody aligned.

Frames that no training has seen are scaled down and up by factors of 1.5 to 4, on grids shifted by some
pixels. The share is the gain on a shifted grid by the gain on the aligned one, of the same frames; a shift by
whole factors is the aligned grid again. With --with-aligned two students are trained beside it for the same
few steps on one factor: one on the aligned grid alone, as is common, and one on random grids.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sharpstudy.data.degrade import DownUp, to_mapping
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import select_balanced
from sharpstudy.distill import choose_device
from sharpstudy.evaluate import (
    DO_NOTHING,
    EvalSettings,
    FrameSet,
    combine,
    from_student,
    released_weights,
    score_model,
)
from sharpstudy.evaluate.tables import clips_of
from sharpstudy.experiments.judging import SIDE, eval_settings, score_nothing, score_student
from sharpstudy.experiments.material import SCREENS, load_material, present_sources, training_pairs
from sharpstudy.experiments.options import (
    Line,
    counter,
    finish,
    make_parser,
    say,
    set_threads,
    whole,
    write_table,
)
from sharpstudy.experiments.places import PLACES, Place, shifted_sets
from sharpstudy.experiments.tables import phases_text
from sharpstudy.experiments.training import Corners, for_steps, run_key, train_student
from sharpstudy.experiments.variants import base_recipe
from sharpstudy.paths import REFERENCE, WORK
from sharpstudy.statistics import Resampled, collect_units, resample, resample_weights

if TYPE_CHECKING:
    import pandas as pd

    from sharpstudy.evaluate import Model
    from sharpstudy.students import Student

HELD = ("bundled", "kodak24")  # sources of test frames; those that are not here are left out
GRIDS: Mapping[str, tuple[Any, Corners]] = MappingProxyType(
    {"one grid": ((0.0, 0.0), "on the grid"), "random grids": ("random", "anywhere")}
)
DRAWS, VALIDATED = 4, 20  # random grids of each frame that they learn from; frames that the loop looks at
LEARNED = 2.0  # factor that the students beside it learn


def held_frames(count: int, line: Line | None = None) -> list[Reference]:
    """Test frames that no training has seen: screens of unseen seeds, photographs, Kodak's where they are."""
    found = present_sources(HELD, SCREENS, line)
    return select_balanced([one for part in found.values() for one in part if one.split == "test"], count)


def share_table(scores: pd.DataFrame, names: Sequence[str], places: Sequence[Place] = PLACES) -> pd.DataFrame:
    """Each student's gain at each place (dB), and its share of that on the aligned grid, with intervals.

    A share of a gain that was not shown to be above 0 says nothing, and is left empty.
    """
    import pandas as pd

    rows = []
    for name in names:
        for place in places:
            gains, categories = clip_gains(scores, name, place.name)
            found = resample(gains, categories)
            low, high = found.interval()
            row = {"student": name, "factor": place.factor, "shift_up": place.shift[0]}
            row |= {"shift_left": place.shift[1], "phase_up": place.phase[0], "phase_left": place.phase[1]}
            row |= {"grid": "aligned" if place.aligned else "shifted"}
            row |= {"gain": found.mean, "gain_low": low, "gain_high": high}
            aligned, _ = clip_gains(scores, name, Place(place.factor, (0.0, 0.0)).name)
            row |= dict(
                zip(("share", "share_low", "share_high"), share(gains, aligned, categories), strict=True)
            )
            rows.append({**row, "clips": len(gains)})
    return pd.DataFrame(rows)


def share(shifted: np.ndarray, aligned: np.ndarray, categories: Sequence[str]) -> tuple[float, float, float]:
    """Mean gain on the shifted grid by that on the aligned one, with its interval over the same clips.

    Both means are resampled together. Three times NaN where the aligned gain is not shown to be above 0.
    """
    base = resample(aligned, categories)
    if base.interval()[0] <= 0:
        return (float("nan"),) * 3
    weights = resample_weights(tuple(categories))
    below = weights @ aligned
    ratios = np.sort((weights @ shifted)[below > 0] / below[below > 0])
    found = Resampled(float(shifted.mean() / aligned.mean()), ratios, base.freedom)
    return (found.mean, *found.interval())


@dataclass(frozen=True)
class PhasesOptions:
    """What is told: the weights, and how many steps the students beside it learn (0: none is trained)."""

    weights: Path
    steps: int = 0
    seed: int = 0
    side: int = SIDE
    device: str = "auto"
    source: str = "bundled"
    out: Path = REFERENCE / "phases"
    work: Path = WORK


def trained_on_grids(options: PhasesOptions, line: Line) -> dict[str, Student]:
    """Realtime students that learned one factor for the same steps, on one grid and on random ones."""
    material, made = load_material(options.source, VALIDATED, remark=line), {}
    budget = for_steps(base_recipe(), options.steps, 16, 96)
    for grid, (phase, corners) in GRIDS.items():
        name = f"learned × {LEARNED:g} on {grid}"
        recipe = replace(budget, degradation=to_mapping(DownUp(LEARNED, phase=phase)))
        folder = options.work / "pairs"
        pairs = training_pairs(material, recipe.degradation, DRAWS, folder, counter(name, line))
        key = run_key(recipe, options.seed, material.facts(), corners)
        folder = options.work / "experiments" / f"phases-{key}"
        how = {"seed": options.seed, "device": options.device, "corners": corners}
        trained = train_student(recipe, pairs, folder, **how, name=name, say=line)
        if trained.student is None:
            raise ValueError(f"{name}: {trained.note}")
        made[name] = trained.student
    return made


def run_phases(options: PhasesOptions, references: Sequence[Reference], line: Line) -> pd.DataFrame:
    """The table of shares, written with its words and figure."""
    from sharpstudy.plots import save_figure
    from sharpstudy.plots.experiments import share_heatmap

    device, settings = choose_device(options.device), eval_settings(options.side)
    name = "released" if options.weights == released_weights("realtime") else options.weights.stem
    released = from_student(options.weights, name=name, device=device)
    students: Mapping[str, Student] = {}
    if options.steps:
        students = trained_on_grids(options, line)
    sets = shifted_sets(references)
    parts = [score_nothing(sets, settings), _scored(released, sets, settings, line)]
    for one, student in students.items():
        line(f"scoring {one}")
        parts.append(score_student(student, one, sets, settings, device))
    table = share_table(combine(parts), [name, *students])
    write_table(options.out / "phases.csv", table)
    write_bytes(options.out / "phases.txt", phases_text(table, len(references)).encode())
    save_figure(lambda: share_heatmap(table), options.out / "share")
    return table


def _scored(model: Model, sets: Sequence[FrameSet], settings: EvalSettings, line: Line) -> pd.DataFrame:
    def tell(done: int, total: int) -> None:
        if 10 * done // total > 10 * (done - 1) // total:
            line(f"scoring {model.name}: {done}/{total}")

    return score_model(model, sets, settings, tell)


def clip_gains(scores: pd.DataFrame, name: str, condition: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """PSNR over doing nothing of each clip (dB), and the clips' categories."""
    units = collect_units(scores, clips_of(scores), [name, DO_NOTHING], "psnr", condition)
    return (units.values[name] - units.values[DO_NOTHING]).to_numpy(), units.categories


def parser() -> argparse.ArgumentParser:
    """The command line of the phases."""
    made = make_parser("phases", __doc__, "phases")
    made.add_argument(
        "weights", nargs="?", type=Path, default=None, help="a .safetensors file; the released student's"
    )
    made.add_argument("--with-aligned", action="store_true", help="train the two students beside it")
    made.add_argument("--steps", type=whole(1), default=1500, help="of those students (1500)")
    made.add_argument("--source", default="bundled", help="of frames that those learn from (bundled)")
    return made


def main(words: list[str] | None = None) -> int:
    """The exit code: 0 when the table is written."""
    told = parser().parse_args(words)
    set_threads(told.threads)

    def run() -> str:
        given: dict[str, Any] = {name: getattr(told, name) for name in ("seed", "device", "source", "out")}
        weights = told.weights or released_weights("realtime")
        options = PhasesOptions(weights, steps=told.steps if told.with_aligned else 0, **given)
        run_phases(options, held_frames(told.frames, say), say)
        return (options.out / "phases.txt").read_text(encoding="utf-8")

    return finish(run)


if __name__ == "__main__":
    sys.exit(main())
