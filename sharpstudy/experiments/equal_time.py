"""The published students and the realtime one, each trained for the same seconds on the same degradation.

Every student is its recipe's own, with the recipe's optimiser, rate, batch, patch, and those of its losses
that need no teacher; a schedule that waits for validations stays at its peak. How many steps fit into the
time is measured by a short trial of the same loop; seconds and steps of the training itself are in the table.
All compute on the same number of threads. A student that enlarges by itself is compared where frames are made
by its factor. All are scored on the same held-out frames, and held against the realtime student frame by
frame.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sharpstudy.data.degrade import Degradation, parse_degradation
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.prepare import scale_of
from sharpstudy.distill import describe_machine
from sharpstudy.evaluate import CLEAN, DO_NOTHING
from sharpstudy.experiments import options as command
from sharpstudy.experiments.bench import Bench, told_material
from sharpstudy.experiments.judging import SIDE, difference_table, eval_settings, gain_facts
from sharpstudy.experiments.ledger import Existing, Ledger
from sharpstudy.experiments.material import CONDITIONS, Material, held_sets, training_pairs
from sharpstudy.experiments.options import Line, names
from sharpstudy.experiments.tables import equal_time_table, equal_time_text
from sharpstudy.experiments.training import for_steps, run_key, train_student
from sharpstudy.paths import REFERENCE, WORK
from sharpstudy.recipes import RECIPES, BudgetName, Recipe, load_recipe, without_teacher
from sharpstudy.students import STUDENTS

if TYPE_CHECKING:
    import pandas as pd

OURS = "realtime"
DEGRADATIONS = ("bicubic-x2", "bicubic-x4", "call-300k")
TRIAL_SHARE = 0.05  # of the time, for the trial that measures the steps a second
TRIAL_FRAMES = 2  # that the loop looks at before and after a trial
TRIAL_STEPS = 4  # of the first trial; the next has four times as many


@dataclass(frozen=True)
class EqualTimeOptions:
    """What the comparison is told; batch and patch are those of the recipes' `budget`."""

    seconds: float = 200.0
    degradations: tuple[str, ...] = DEGRADATIONS
    only: tuple[str, ...] = ()
    budget: BudgetName = "quick"
    seed: int = 0
    threads: int = 1
    side: int = SIDE
    device: str = "auto"
    out: Path = REFERENCE / "equal-time"
    existing: Existing = "keep"
    work: Path = WORK

    def __post_init__(self) -> None:
        for name in self.only:
            if name not in RECIPES:
                raise ValueError(f"--only: expected some of {', '.join(RECIPES)}, got {name!r}")
        for name in self.degradations:
            parse_degradation(name)
        if CLEAN in self.degradations or not self.degradations:
            raise ValueError("--degradation: expected some that change frames, got none or clean")
        if not self.seconds > 0:
            raise ValueError(f"--seconds: expected more than 0, got {self.seconds:g}")

    @property
    def students(self) -> list[str]:
        """The recipes whose students take part; the realtime one always does, as all are held against it."""
        return [name for name in RECIPES if not self.only or name in (*self.only, OURS)]


@dataclass(frozen=True, eq=False)
class Heat:
    """All that students have in common on one degradation."""

    options: EqualTimeOptions
    material: Material
    recipes: Mapping[str, Recipe]
    degradation: str
    bench: Bench

    def recipe(self, name: str) -> Recipe:
        """The recipe of a student without its teacher, on this degradation."""
        return replace(self.recipes[name], degradation=self.degradation)

    def made_of(self, name: str) -> str:
        """What stands for all that decides a student's row, but for how fast the machine is."""
        return run_key(self.recipe(name), self.options.seed, self.bench.ledger.settings)

    def label(self, name: str) -> str:
        """The name of a run in the ledger: the same student learns on several degradations."""
        return f"{name} on {self.degradation}"


def run_equal_time(options: EqualTimeOptions, material: Material, line: Line) -> pd.DataFrame:
    """The table of all students on all degradations; each row is written as soon as it is there."""
    ledger = Ledger(options.out, _settings(options, material), options.existing)
    recipes = {name: without_teacher(load_recipe(name)) for name in RECIPES}
    heats = [_heat(options, material, recipes, name, ledger, line) for name in options.degradations]
    for heat in heats:
        heat.bench.keep_nothing(heat.label(DO_NOTHING))
        for name in options.students:
            title = heat.label(name)
            if not fits(recipes[name], parse_degradation(heat.degradation)):
                line(f"{title}: left out, because it reads small frames that this degradation does not have")
                continue
            if ledger.has(title, heat.made_of(name)):
                line(f"{title}: is there already")
            else:
                _run(heat, name, title)
            table = report(heats)
    return table


def report(heats: Sequence[Heat]) -> pd.DataFrame:
    """Writes table, words and figure of what is there, and returns the table."""
    import pandas as pd

    from sharpstudy.plots import save_figure
    from sharpstudy.plots.experiments import equal_time_gains

    options, ledger = heats[0].options, heats[0].bench.ledger
    parts = []
    for heat in heats:
        there = [name for name in RECIPES if ledger.has(heat.label(name), heat.made_of(name))]
        runs = {name: ledger.runs[heat.label(name)] for name in there}
        scored = [name for name in there if runs[name]["scored"] == "yes"]
        scores = ledger.scores(heat.label(name) for name in (DO_NOTHING, *scored))
        gains = {one: gain_facts(scores, [one]) for one in scored}
        differences = difference_table(scores, {one: {options.seed: one} for one in scored}, OURS)
        parts.append(equal_time_table(heat.degradation, runs, gains, differences))
    table = pd.concat(parts, ignore_index=True)
    command.write_table(options.out / "equal-time.csv", table)
    text = equal_time_text(table, ledger.settings, describe_machine(options.device))
    write_bytes(options.out / "equal-time.txt", text.encode())
    if table["gain_psnr"].notna().any():
        save_figure(lambda: equal_time_gains(table), options.out / "gains")
    return table


def fits(recipe: Recipe, degradation: Degradation) -> bool:
    """Whether a recipe's student takes these frames: one that enlarges needs small ones of its factor."""
    scale = STUDENTS[recipe.student.name].scale
    return scale == 1 or scale_of(degradation) == scale


def steps_in(
    seconds: float, recipe: Recipe, budget: BudgetName, pairs: tuple[PairStore, PairStore], **how: Any
) -> int:
    """How many steps of the recipe this machine takes in so many seconds, by trials that grow fourfold.

    The last trial takes at least a twentieth of the time, so that the first slow steps weigh little.
    """
    spent, steps = recipe.budget(budget), TRIAL_STEPS
    train, validation = pairs
    few = (train, PairStore(validation.folder, validation.entries[:TRIAL_FRAMES]))
    while True:
        ready = for_steps(recipe, steps, spent.batch, spent.patch)
        with TemporaryDirectory() as folder:
            trial = train_student(ready, few, Path(folder), **how)
        if trial.student is None:
            return steps
        if trial.seconds >= TRIAL_SHARE * seconds:
            return max(1, round(seconds * trial.steps / trial.seconds))
        steps *= 4


def _heat(
    options: EqualTimeOptions,
    material: Material,
    recipes: Mapping[str, Recipe],
    degradation: str,
    ledger: Ledger,
    line: Line,
) -> Heat:
    """The frames of a degradation: its own and clean ones, for a blind one those of all conditions."""
    known = parse_degradation(degradation)
    conditions: Mapping[str, Degradation] = {degradation: known, CLEAN: CONDITIONS[CLEAN]}
    if degradation == "blind":
        conditions = CONDITIONS
    settings = eval_settings(options.side)
    sets = held_sets(material.held, conditions, options.work / "pairs", settings, line)
    bench = Bench(sets, settings, ledger, options.device, line)
    return Heat(options, material, recipes, degradation, bench)


def _run(heat: Heat, name: str, title: str) -> None:
    """Measures, trains and scores one student, and keeps it."""
    options, bench, recipe = heat.options, heat.bench, heat.recipe(name)
    draws, folder = heat.recipes[OURS].budget("full").draws, options.work / "pairs"
    told = command.counter(title, bench.line)
    pairs = training_pairs(heat.material, heat.degradation, draws, folder, told)
    how = {"seed": options.seed, "device": options.device}
    bench.line(f"{title}: how many steps fit into {options.seconds:g} s?")
    steps = steps_in(options.seconds, recipe, options.budget, pairs, **how)
    spent = recipe.budget(options.budget)
    ready = for_steps(recipe, steps, spent.batch, spent.patch)
    key = run_key(ready, options.seed, bench.ledger.settings)
    place = options.work / "experiments" / f"equal-time-{key}"
    trained = train_student(ready, pairs, place, **how, name=title, say=bench.line)
    facts = {"batch": spent.batch, "patch": spent.patch}
    bench.keep(title, heat.made_of(name), recipe, trained, facts, name)


def _settings(options: EqualTimeOptions, material: Material) -> dict[str, Any]:
    """What all rows of one table share."""
    told = {name: getattr(options, name) for name in ("seconds", "budget", "seed", "threads", "side")}
    return {**told, **material.facts()}


def parser() -> argparse.ArgumentParser:
    """The command line of the comparison."""
    made = command.make_parser("equal_time", __doc__, "equal-time")
    made.set_defaults(threads=1)
    made.add_argument("--seconds", type=float, default=200.0, help="of training, each student (200)")
    made.add_argument(
        "--degradation",
        type=names,
        default=DEGRADATIONS,
        metavar="NAMES",
        help=f"with commas; blind ones are judged under all conditions ({','.join(DEGRADATIONS)})",
    )
    made.add_argument("--only", type=names, default=(), metavar="NAMES", help="some recipes, with commas")
    made.add_argument(
        "--budget", choices=("quick", "full"), default="quick", help="whose batch and patch are taken (quick)"
    )
    command.add_training(made)
    return made


def main(words: list[str] | None = None) -> int:
    """The exit code: 0 when the table is written."""
    told = parser().parse_args(words)
    command.set_threads(told.threads)

    def run() -> str:
        given = {
            name: getattr(told, name) for name in ("seconds", "only", "budget", "seed", "threads", "device")
        }
        options = EqualTimeOptions(
            **given, degradations=told.degradation, out=told.out, existing=told.existing
        )
        run_equal_time(options, told_material(told), command.say)
        return (options.out / "equal-time.txt").read_text(encoding="utf-8")

    return command.finish(run)


if __name__ == "__main__":
    sys.exit(main())
