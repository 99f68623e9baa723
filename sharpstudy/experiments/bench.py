"""What the trainings of one experiment share: the frames that judge them, and the ledger that keeps them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sharpstudy.distill import choose_device
from sharpstudy.evaluate import DO_NOTHING
from sharpstudy.experiments.judging import score_nothing, score_student, size_of
from sharpstudy.experiments.ledger import Ledger
from sharpstudy.experiments.material import Material, load_material
from sharpstudy.experiments.options import Line, say
from sharpstudy.experiments.training import Trained
from sharpstudy.recipes import Recipe, load_recipe
from sharpstudy.students import build_student

if TYPE_CHECKING:
    from sharpstudy.evaluate import EvalSettings, FrameSet


@dataclass(frozen=True, eq=False)
class Bench:
    """Where trainings are scored and kept, and who is told of them."""

    sets: Sequence[FrameSet]
    settings: EvalSettings
    ledger: Ledger
    device: str
    line: Line

    def keep_nothing(self, label: str = DO_NOTHING) -> None:
        """Keeps the scores of the degraded frames as they are under that label, unless they are there."""
        if not self.ledger.has(label, ""):
            self.ledger.put(label, "", {}, score_nothing(self.sets, self.settings))

    def keep(
        self,
        label: str,
        made_of: str,
        recipe: Recipe,
        trained: Trained,
        facts: Mapping[str, Any],
        name: str = "",
    ) -> None:
        """Scores a recipe's student and keeps it under the label; one that is lost with the reason.

        `name` is the student's in the scores, where it is not the label.
        """
        facts = {"steps": trained.steps, **facts, "note": trained.note, **_size(recipe)}
        scores = None
        if trained.student is None:
            self.line(f"{label}: {trained.note}")
        else:
            facts["seconds"] = round(trained.seconds, 1)
            told = (name or label, self.sets, self.settings, choose_device(self.device), recipe.name)
            scores = score_student(trained.student, *told)
        self.ledger.put(label, made_of, facts, scores)


def told_material(told: argparse.Namespace) -> Material:
    """What the command line says to learn from and to be judged on; the realtime recipe's sources else."""
    source = told.source or load_recipe("realtime").budget("full").source
    return load_material(source, told.frames, told.train_frames, remark=say)


def _size(recipe: Recipe) -> dict[str, float]:
    return size_of(build_student(recipe.student.name, **recipe.student.arguments))
