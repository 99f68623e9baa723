"""The sets that the study judges by, which model is scored on which, and the numbers for `dvc metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharpstudy.data.references import Reference
from sharpstudy.data.sources import select_balanced
from sharpstudy.evaluate.conditions import Spec, clean_set, clip_set, degraded_set, text_set
from sharpstudy.evaluate.frames import ClipSet, FrameSet
from sharpstudy.evaluate.models import Role
from sharpstudy.evaluate.settings import EvalSettings
from sharpstudy.evaluate.tables import clean_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Protocol:
    """Frames, pages of text and clips by the name of their degradation, and the clean frames."""

    frames: Mapping[str, FrameSet]
    text: Mapping[str, FrameSet]
    clips: Mapping[str, ClipSet]
    clean: FrameSet
    settings: EvalSettings

    def sets_for(self, role: Role, own: str | None = None) -> list[FrameSet | ClipSet]:
        """What a model is scored on: `own` is the degradation that it undoes, None for one that has none.

        Without one: everything that is degraded, and clean frames. With one: frames, text and clips of it; a
        student and its controls also clean frames; a student also a few frames of every other degradation.
        """
        if own is None:
            return [*self.frames.values(), *self.text.values(), *self.clips.values(), self.clean]
        if own not in self.frames:
            raise ValueError(f"own: expected one of {', '.join(self.frames)}, got {own!r}")
        sets = [self.frames[own], self.text[own], self.clips[own]]
        if role in ("student", "control"):
            sets.append(self.clean)
        if role == "student":
            brief = self.settings.brief_metrics
            others = (one for name, one in self.frames.items() if name != own)
            sets += [thinned(one, self.settings.cross_frames, brief) for one in others]
        return [one for one in sets if len(one)]


def make_protocol(
    references: Sequence[Reference],
    degradations: Mapping[str, Spec],
    folder: Path,
    settings: EvalSettings,
    progress: Callable[[str, int, int], None] | None = None,
) -> Protocol:
    """The sets of test references under each degradation, by name; degraded frames are stored in `folder`.

    `progress` is told (degradation, done, all).
    """

    def watch(name: str) -> Callable[[int, int], None] | None:
        return None if progress is None else lambda done, total: progress(name, done, total)

    frames = {
        name: degraded_set(
            references, spec, folder, settings, name, settings.own_frames, progress=watch(name)
        )
        for name, spec in degradations.items()
    }
    return Protocol(
        frames=frames,
        text={name: text_set(spec, settings, name) for name, spec in degradations.items()},
        clips={name: clip_set(references, spec, settings, name) for name, spec in degradations.items()},
        clean=clean_set(references, settings, settings.clean_frames),
        settings=settings,
    )


def thinned(frames: FrameSet, count: int, metrics: tuple[str, ...] = ()) -> FrameSet:
    """At most `count` frames of a set in the study's proportions (0: all), perhaps with fewer metrics."""
    chosen = select_balanced(frames.rows, count) if count else frames.rows
    kept = {row.frame for row in chosen}
    places = [at for at, row in enumerate(frames.rows) if row.frame in kept]
    rows = tuple(frames.rows[at] for at in places)
    return replace(
        frames, rows=rows, load=lambda at: frames.load(places[at]), metrics=metrics or frames.metrics
    )


def headline(verdicts: pd.DataFrame, scores: pd.DataFrame, settings: EvalSettings) -> dict[str, Any]:
    """About twenty numbers for `dvc metrics`: each student's gain over doing nothing, and its clean frames.

    A student just trained stands for its recipe where there is one, else the released one.
    """
    students = verdicts[verdicts["role"] == "student"]
    primary = students[students["family"] == "primary"]
    clean = clean_table(scores, settings).set_index("model")["psnr"]
    numbers: dict[str, Any] = {}
    for recipe, part in primary.groupby("recipe", sort=True):
        origin = "run" if (part["origin"] == "run").any() else part["origin"].iloc[0]
        rows = part[part["origin"] == origin].drop_duplicates("metric")
        gains = rows.set_index("metric")["difference"]
        found = {f"gain_{metric}": _number(value) for metric, value in gains.items()}
        kept = clean.get(rows["model"].iloc[0])
        numbers[str(recipe)] = found if kept is None else {**found, "clean_psnr": _number(kept)}
    harmful = students.loc[students["harmful"] != "", "model"].nunique()
    counts = {name: int(primary[name].max()) for name in ("frames", "clips") if len(primary)}
    return {"students": numbers, "harmful_students": int(harmful), **counts}


def _number(value: float) -> float:
    return round(float(value), 4)
