"""What the training loop costs: pairs a second of each recipe, against forward and backward passes alone.

`python -m sharpstudy.training_speed` measures it on this machine; name recipes to measure only those.

The loop is measured over one epoch of the quick budget, the second of a training: the steps with all that
they do besides passes (patches are read, gradients clipped, weights moved and averaged, numbers watched), and
the one checkpoint of an epoch. Validation, which is as long as a recipe wants it, is left out as it is in the
log's pairs_per_s; the speed of the epoch with it stands beside. The passes alone are over batches that are
there already. Both take turns, and the best round of each counts: what else runs on a machine only slows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sharpstudy.data.pairs import PairStore, prepare_pairs
from sharpstudy.data.patches import Patches
from sharpstudy.data.sources import SourceOptions, load_source, select_balanced
from sharpstudy.distill import choose_device, student_settings, train
from sharpstudy.distill.from_recipe import cues_of
from sharpstudy.distill.learner import Learner, TeacherFeatures
from sharpstudy.losses import LossSum
from sharpstudy.recipes import RECIPES, Recipe, load_recipe
from sharpstudy.students import build_student
from sharpstudy.teachers import load_teacher

ROUNDS, FRAMES = 3, 8
WARM_UP = 3  # steps that are not timed: the first ones choose kernels and take memory


class Bench:
    """A recipe's student with its loss and patches, to be trained by the loop and by a bare one.

    Targets are the references, whose content costs the same; the teacher of the term `feature` has random
    weights.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: str = "auto") -> None:
        self.recipe, self.folder, self.device = recipe, folder, choose_device(device)
        self.student = build_student(recipe.student.name, **recipe.student.arguments)
        self.features, channels = None, None
        if any(term.term == "feature" for term in recipe.loss):
            teacher = load_teacher(recipe.teacher.name, "random")
            self.features = TeacherFeatures(recipe.loss, self.student, teacher)
            channels = self.features.channels
        self.loss_sum = LossSum(recipe.loss, budget="quick", channels=channels)
        self.settings = student_settings(recipe, "quick", self.student.reads, self.device)
        spent, self.pairs = recipe.budget("quick"), _pairs(recipe, folder)
        parts = {"reference", "target", self.student.reads}
        parts |= {self.features.reads} if self.features else set()
        facts = {"cues": cues_of(self.pairs)} if getattr(self.student, "cues", 0) else {}
        self.patches = Patches(self.pairs, spent.patch, spent.batch, 1, parts=sorted(parts), facts=facts)

    def loop(self, steps: int) -> dict[str, float]:
        """Pairs a second of the loop's second epoch, without its validation and with it."""
        settings = replace(self.settings, epochs=2, steps_per_epoch=steps, patience=None)
        rows = train(settings, self.student, self.loss_sum, self.patches, self.pairs, self.folder / "run",
                     resume="never", features=self.features).rows  # fmt: skip
        seconds = rows[-1]["seconds"] - rows[-2]["seconds"]
        return {"loop": rows[-1]["pairs_per_s"], "epoch": self.patches.batch_size * steps / seconds}

    def bare(self, steps: int) -> dict[str, float]:
        """Pairs a second of forward and backward passes over batches that are there already."""
        learner = Learner(self.student.train(), self.loss_sum, self.student.reads, self.features)
        learner.to(self.device, memory_format=torch.channels_last)
        batches = [self._placed(self.patches.batch(number)) for number in range(min(steps, 8))]
        for number in range(WARM_UP + steps):
            if number == WARM_UP:
                started = self._now()
            loss, _ = learner(batches[number % len(batches)])
            loss.backward()
            learner.zero_grad()
        return {"bare": self.patches.batch_size * steps / (self._now() - started)}

    def _placed(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: part.to(self.device) for name, part in batch.items()}

    def _now(self) -> float:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()


def measure_loop(recipe: Recipe, folder: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Pairs a second of the loop, of its epoch with validation and of passes alone; and loop by passes alone.

    Each is the best of all rounds.
    """
    bench = Bench(recipe, folder)
    steps = bench.settings.steps_per_epoch
    found = [{**bench.loop(steps), **bench.bare(steps)} for _ in range(rounds)]
    best = {name: max(speeds[name] for speeds in found) for name in found[0]}
    speeds = {f"{name}_pairs_per_s": speed for name, speed in best.items()}
    return {"recipe": recipe.name, **speeds, "ratio": best["loop"] / best["bare"]}


def _pairs(recipe: Recipe, folder: Path) -> PairStore:
    """A few pairs under the recipe's degradation, with their references for targets."""
    frames = [one for one in load_source("bundled", SourceOptions(20, 480, 272)) if one.split == "train"]
    store = prepare_pairs(select_balanced(frames, FRAMES), recipe.degradation, 1, folder / "pairs")
    return store.with_targets({entry.name: store.folder / entry.reference for entry in store.entries})


def main(names: list[str]) -> None:
    """Print a line for each recipe."""
    for name in names or RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            row = measure_loop(load_recipe(name), Path(folder))
        print(  # noqa: T201
            f"{name:<18} loop {row['loop_pairs_per_s']:8.1f} pairs/s, bare {row['bare_pairs_per_s']:8.1f},"
            f" ratio {row['ratio']:.2f}; with validation {row['epoch_pairs_per_s']:8.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
