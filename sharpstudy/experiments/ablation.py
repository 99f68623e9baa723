"""What each part of the realtime recipe is worth: one thing changed at a time, everything else the same.

Every variant starts from the same seed, sees the same patches where it has the same pairs, and takes the same
number of steps. It is scored on held-out frames of the validation part, which no test set shares, under
conditions from mild to strong and left clean, and held against the base variant frame by frame. With several
seeds every variant is trained from each, and the intervals hold for other seeds too.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharpstudy.data.frames import write_bytes
from sharpstudy.distill import describe_machine
from sharpstudy.evaluate import DO_NOTHING
from sharpstudy.experiments import options as command
from sharpstudy.experiments.bench import Bench, told_material
from sharpstudy.experiments.judging import SIDE, difference_table, eval_settings, gain_facts
from sharpstudy.experiments.ledger import Existing, Ledger
from sharpstudy.experiments.material import CONDITIONS, Material, held_sets, training_pairs
from sharpstudy.experiments.options import Line, names, whole
from sharpstudy.experiments.tables import ablation_table, ablation_text
from sharpstudy.experiments.training import for_steps, run_key, train_student
from sharpstudy.experiments.variants import BASE, Variant, base_recipe, choose_variants, list_variants
from sharpstudy.paths import REFERENCE, WORK
from sharpstudy.recipes import Recipe

if TYPE_CHECKING:
    import pandas as pd

COUNTS = ("steps", "batch", "patch", "seeds")


@dataclass(frozen=True)
class AblationOptions:
    """What an ablation is told. side: of the square scored of each frame; work holds pairs and runs."""

    steps: int = 2500
    batch: int = 16
    patch: int = 96
    seed: int = 0
    seeds: int = 1
    only: tuple[str, ...] = ()
    side: int = SIDE
    device: str = "auto"
    out: Path = REFERENCE / "ablation"
    existing: Existing = "keep"
    work: Path = WORK


@dataclass(frozen=True, eq=False)
class Ablation:
    """What all variants share: what they are told, change, learn from and are judged on."""

    options: AblationOptions
    material: Material
    base: Recipe
    bench: Bench

    def recipe(self, variant: Variant) -> Recipe:
        """The recipe of a variant with the budget that all have."""
        told = self.options
        return for_steps(variant.recipe(self.base), told.steps, told.batch, told.patch)

    def made_of(self, variant: Variant, seed: int) -> str:
        """What stands for all that decides the row of a variant and training seed."""
        return run_key(self.recipe(variant), seed, self.bench.ledger.settings, variant.corners)

    def done(self, variant: Variant) -> dict[int, str]:
        """The runs of a variant that are there and up to date, by training seed."""
        seeds = takewhile(
            lambda seed: self.bench.ledger.has(run_name(variant, seed), self.made_of(variant, seed)),
            count(self.options.seed),
        )
        return {seed: run_name(variant, seed) for seed in seeds}


def run_name(variant: Variant, seed: int) -> str:
    """What the ledger and scores call the run of a variant and training seed."""
    return variant.name + (f", seed {seed}" if seed else "")


def run_ablation(options: AblationOptions, material: Material, line: Line) -> pd.DataFrame:
    """The table of all variants that are there; each run is kept as soon as it is scored.

    A run of the folder that was made of the same things is not made again. All variants of one seed come
    before the next seed.
    """
    base = base_recipe()
    chosen = choose_variants(base, options.only)
    ledger = Ledger(options.out, _settings(options, material), options.existing)
    settings = eval_settings(options.side)
    sets = held_sets(material.held, CONDITIONS, options.work / "pairs", settings, line)
    bench = Bench(sets, settings, ledger, options.device, line)
    bench.keep_nothing()
    ablation = Ablation(options, material, base, bench)
    runs = [(one, seed) for seed in range(options.seed, options.seed + options.seeds) for one in chosen]
    for place, (variant, seed) in enumerate(runs, 1):
        title = f"{run_name(variant, seed)} ({place} of {len(runs)})"
        if seed in ablation.done(variant):
            line(f"{title}: is there already")
        else:
            _run(variant, seed, title, ablation)
        table = report(ablation)
    return table


def report(ablation: Ablation) -> pd.DataFrame:
    """Writes table, words and figure of the runs that are up to date, and returns the table."""
    from sharpstudy.plots import save_figure
    from sharpstudy.plots.experiments import ablation_forest

    ledger, out = ablation.bench.ledger, ablation.options.out
    done = {one: ablation.done(one) for one in list_variants(ablation.base)}
    scored = {
        one.name: {seed: name for seed, name in runs.items() if ledger.runs[name]["scored"] == "yes"}
        for one, runs in done.items()
    }
    scores = ledger.scores([DO_NOTHING, *(name for runs in scored.values() for name in runs.values())])
    gains = {name: gain_facts(scores, list(runs.values())) for name, runs in scored.items() if runs}
    facts = {one: [ledger.runs[name] for name in runs.values()] for one, runs in done.items() if runs}
    table = ablation_table(facts, gains, difference_table(scores, scored, BASE))
    command.write_table(out / "ablation.csv", table)
    text = ablation_text(table, ledger.settings, describe_machine(ablation.options.device))
    write_bytes(out / "ablation.txt", text.encode())
    if table["diff_psnr"].notna().any():
        save_figure(lambda: ablation_forest(table), out / "against-base")
    return table


def _run(variant: Variant, seed: int, title: str, ablation: Ablation) -> None:
    """Trains and scores one variant, and keeps it."""
    options, line, made_of = ablation.options, ablation.bench.line, ablation.made_of(variant, seed)
    line(f"{title}: {variant.says}")
    recipe = ablation.recipe(variant)
    draws, folder = ablation.base.budget("full").draws, options.work / "pairs"
    told = command.counter(title, line)
    pairs = training_pairs(ablation.material, recipe.degradation, draws, folder, told)
    folder = options.work / "experiments" / f"ablation-{made_of}"
    how = {"seed": seed, "device": options.device, "corners": variant.corners}
    trained = train_student(recipe, pairs, folder, **how, name=title, say=line)
    ablation.bench.keep(run_name(variant, seed), made_of, recipe, trained, {})


def _settings(options: AblationOptions, material: Material) -> dict[str, Any]:
    """What all variants of one table share."""
    told = {name: getattr(options, name) for name in ("steps", "batch", "patch", "seed", "side")}
    return {**told, "conditions": ", ".join(CONDITIONS), **material.facts()}


def parser() -> argparse.ArgumentParser:
    """The command line of the ablation."""
    listed = "\n".join(f"  {one.name:<12} {one.group}: {one.says}" for one in list_variants(base_recipe()))
    made = command.make_parser(
        "ablation", f"{__doc__}\nVariants, with what each changes:\n{listed}", "ablation"
    )
    made.add_argument("--steps", type=whole(1), default=2500, help="of every variant (2500)")
    made.add_argument("--batch", type=whole(1), default=16, help="patches a step (16)")
    made.add_argument("--patch", type=whole(16), default=96, help="pixels a side of a patch (96)")
    made.add_argument(
        "--seeds", type=whole(1), default=1, help="trainings of each variant, from --seed on (1)"
    )
    made.add_argument("--only", type=names, default=(), metavar="NAMES", help="some variants, with commas")
    command.add_training(made)
    return made


def main(words: list[str] | None = None) -> int:
    """The exit code: 0 when the table is written."""
    told = parser().parse_args(words)
    command.set_threads(told.threads)

    def run() -> str:
        given = {name: getattr(told, name) for name in (*COUNTS, "seed", "only", "device")}
        options = AblationOptions(**given, out=told.out, existing=told.existing)
        run_ablation(options, told_material(told), command.say)
        return (options.out / "ablation.txt").read_text(encoding="utf-8")

    return command.finish(run)


if __name__ == "__main__":
    sys.exit(main())
