"""What became of the teachers that were tried for a recipe, as sentences and as rows of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sharpstudy.data.pairs import PairStore
from sharpstudy.teachers.gate import DO_NOTHING, METRICS, TEACHER, UNSHARP, GateResult
from sharpstudy.teachers.loading import TeacherError
from sharpstudy.teachers.targets import Caching
from sharpstudy.teachers.teacher import Teacher

State = Literal["teaches", "control", "refused", "not here"]
MODELS = (DO_NOTHING, UNSHARP, TEACHER)


@dataclass(frozen=True)
class Tried:
    """What became of one teacher with one kind of weights, in a sentence and, where it ran, in figures."""

    teacher: str
    weights: str
    state: State
    reason: str
    result: GateResult | None = None
    caching: Caching | None = None  # of the validation pairs

    def row(self) -> dict[str, Any]:
        """The figures for a table, empty where the teacher did not run; no timing among them."""
        row: dict[str, Any] = {"teacher": self.teacher, "weights": self.weights, "state": self.state}
        for metric in METRICS:
            means = self.result.means[metric] if self.result else {}
            gain = self.result.gains[metric] if self.result else None
            row |= {f"{metric}_{model.replace(' ', '_')}": means.get(model) for model in MODELS}
            row[f"{metric}_gain"] = gain.difference if gain else None
            row[f"{metric}_gain_low"] = gain.low if gain else None
            row[f"{metric}_gain_high"] = gain.high if gain else None
        verdict = self.result.gains["psnr"] if self.result else None
        pairs, clips = (verdict.frames, verdict.clips) if verdict else (None, None)
        return {**row, "pairs": pairs, "clips": clips, "reason": self.reason}


@dataclass(frozen=True)
class TeachReport:
    """Who teaches a recipe at a budget and why, with the pairs, which have targets where somebody teaches.

    `taken` says which frames the pairs were made of, `remarks` whatever else a reader has to know; caching is
    that of the training pairs.
    """

    recipe: str
    budget: str
    train: PairStore
    validation: PairStore
    taken: str
    teacher: Teacher | None = None
    tried: tuple[Tried, ...] = ()
    caching: Caching | None = None
    remarks: tuple[str, ...] = ()

    def gate_rows(self) -> list[dict[str, Any]]:
        """One row for each teacher that was tried; the same for the same frames and weights."""
        return [{"recipe": self.recipe, "budget": self.budget, **one.row()} for one in self.tried]

    def timing_rows(self) -> list[dict[str, Any]]:
        """One row for each teacher and part whose targets were asked for; speeds differ from run to run."""
        parts = [(one.teacher, one.weights, "validation", one.caching) for one in self.tried]
        if self.teacher:
            who = self.tried[-1]
            parts.append((who.teacher, who.weights, "train", self.caching))
        start = {"recipe": self.recipe, "budget": self.budget}
        return [
            {**start, "teacher": name, "weights": weights, "part": part, **caching.row()}
            for name, weights, part, caching in parts
            if caching
        ]

    def __str__(self) -> str:
        lines = [f"recipe {self.recipe!r}, {self.budget} budget: {self.taken}", *self.remarks]
        lines += [f"{one.state}: {one.reason}" for one in self.tried]
        lines += [f"targets, {row['teacher']}, {row['part']}: {_speed(row)}" for row in self.timing_rows()]
        return "\n".join(lines)


class NoTeacher(TeacherError):  # noqa: N818 - it is an answer, not a mishap
    """No teacher of a recipe can be had and passes the gate; `report` holds why."""

    def __init__(self, report: TeachReport) -> None:
        super().__init__(str(report))
        self.report = report


def _speed(row: dict[str, Any]) -> str:
    counts = f"{row['computed']} computed, {row['found']} found"
    if not row["computed"]:
        return counts
    return f"{counts}, {row['frames_per_second']:.3g} frames/s, {row['seconds_per_megapixel']:.3g} s/MP"
