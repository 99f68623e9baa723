"""Trained weights into the files that ship, after they have shown on test frames that they are worth it.

release = judge_release(weights, recipe)     # restores test frames of the recipe's own degradation
write_release(release, folder, "realtime")   # refuses what is not better than doing nothing

A teacher that this study trained ships the same way, judged on the degradation of the recipe that trained it;
its card says which one that is, and the gate of every other recipe judges it anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sharpstudy.contenders import from_teacher
from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, load_source, select_balanced
from sharpstudy.distill import TrainingError, ship_weights
from sharpstudy.evaluate import (
    EvalSettings,
    FrameSet,
    Model,
    combine,
    cross_tuned,
    degradation_name,
    degraded_set,
    do_nothing,
    from_student,
    score_model,
    tune_masks,
    unsharp,
)
from sharpstudy.evaluate.networks import read_weight_file
from sharpstudy.recipes import Recipe
from sharpstudy.statistics import Verdict, compare
from sharpstudy.students import load_student
from sharpstudy.teachers import load_teacher

if TYPE_CHECKING:
    from torch import nn

METRICS = ("psnr", "ssim")
SIZE_LIMIT = 4_000_000  # bytes of one weight file; all that ship stay near 12 MB together
OWN = "own"  # the one degradation that weights are judged on
TUNED_ON = 12  # validation frames for the mask


class ReleaseError(ValueError):
    """Weights that do not ship; one sentence of expected and got."""


@dataclass(frozen=True, eq=False)
class Release:
    """Weights with what they did on the test frames of their recipe.

    `verdicts` are against doing nothing, `over_mask` against the tuned unsharp mask, by PSNR and SSIM.
    `teacher` is the name of the teacher whose weights they are; empty for a student's.
    """

    weights: Path
    card: dict[str, Any]
    sources: str
    frames: int
    degradation: str
    verdicts: tuple[Verdict, ...]
    over_mask: tuple[Verdict, ...]
    teacher: str = ""

    @property
    def better(self) -> bool:
        """Whether the restored frames lie nearer to the reference in PSNR, beyond chance."""
        return next(one for one in self.verdicts if one.metric == "psnr").word == "better"


def judge_release(
    weights: Path,
    recipe: Recipe,
    sources: str = "",
    count: int = 60,
    *,
    device: str = "cpu",
    teacher: str = "",
) -> Release:
    """What the weights do to at most `count` test frames under the recipe's degradation.

    Frames come from the recipe's own sources unless others are named, joined by "+"; only clips of the test
    part count. PSNR and SSIM are of whole frames. `teacher` names the teacher whose weights the file holds;
    without one it is a student's.
    """
    card = _card_of(weights)
    sources = sources or recipe.budget(card["budget"]).source
    references = load_source(sources, SourceOptions())
    chosen = select_balanced([one for one in references if one.split == "test"], count)
    if not chosen:
        raise ReleaseError(f"{sources}: expected frames in its test part, found none")
    settings = EvalSettings(metrics=METRICS, brief_metrics=METRICS)
    model = _model_of(weights, card, recipe, teacher, device, settings)
    nothing = do_nothing()
    with TemporaryDirectory() as folder:
        frames = degraded_set(chosen, recipe.degradation, Path(folder), settings, OWN)
        mask = _mask(references, frames, recipe, Path(folder), settings)
        scores = combine(score_model(one, [frames], settings) for one in (nothing, mask, model))
    clips = {one.frame: one.clip for one in chosen}
    verdicts, over_mask = (
        tuple(compare(scores, clips, model.name, one.name, metric, OWN) for metric in METRICS)
        for one in (nothing, mask)
    )
    name = degradation_name(recipe)
    return Release(weights, card, sources, verdicts[0].frames, name, verdicts, over_mask, teacher)


def recipe_of(weights: Path) -> str:
    """The recipe that the card beside trained weights names."""
    return _card_of(weights)["recipe"]


def write_release(release: Release, folder: Path, name: str) -> list[Path]:
    """NAME.safetensors in float16 and NAME.json, the card with the verdicts, written to the folder."""
    if not release.better:
        psnr = next(one for one in release.verdicts if one.metric == "psnr")
        raise ReleaseError(
            f"{release.weights}: expected weights that are better than doing nothing, got: {psnr}"
        )
    judged = {
        "sources": release.sources,
        "degradation": release.degradation,
        "frames": release.frames,
        "verdicts": _told(release.verdicts),
        "over_mask": _told(release.over_mask),
    }
    with TemporaryDirectory() as temporary:
        made = Path(temporary) / f"{name}.safetensors"
        try:
            ship_weights(_network_of(release), made, {**release.card, "judged": judged})
        except TrainingError as error:
            raise ReleaseError(f"{release.weights}: {error}") from error
        if made.stat().st_size > SIZE_LIMIT:
            size = made.stat().st_size
            raise ReleaseError(f"{name}: expected at most {SIZE_LIMIT:,} bytes, got {size:,}")
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / made.name, folder / f"{name}.json"]
        for path in written:
            write_bytes(path, made.with_suffix(path.suffix).read_bytes())
    return written


def _model_of(
    weights: Path, card: dict[str, Any], recipe: Recipe, teacher: str, device: str, settings: EvalSettings
) -> Model:
    if not teacher:
        return from_student(weights, recipe.name, name="student", device=device)
    of = card.get("teacher_network", {}).get("name", "a student")
    if of != teacher:
        raise ReleaseError(f"{weights}: expected the card of teacher {teacher!r}, got that of {of}")
    return from_teacher(load_teacher(teacher, weights, device), teacher, settings.context, "teacher")


def _network_of(release: Release) -> nn.Module:
    if release.teacher:
        return load_teacher(release.teacher, release.weights).network
    return load_student(read_weight_file(release.weights).student, release.weights).student


def _mask(
    references: Sequence[Reference], frames: FrameSet, recipe: Recipe, folder: Path, settings: EvalSettings
) -> Model:
    """The unsharp mask tuned on validation frames, or crosswise on the frames where there are none."""
    held = select_balanced([one for one in references if one.split == "validation"], TUNED_ON)
    if not held:
        return cross_tuned(frames)
    return unsharp(tune_masks([degraded_set(held, recipe.degradation, folder, settings, OWN)]))


def _told(verdicts: tuple[Verdict, ...]) -> dict[str, dict[str, Any]]:
    """What a card says of verdicts, by metric."""
    return {
        one.metric: {
            "against": one.baseline,
            "word": one.word,
            "difference": round(one.difference, 4),
            "interval": [round(one.low, 4), round(one.high, 4)],
            "clips": one.clips,
        }
        for one in verdicts
    }


def _card_of(weights: Path) -> dict[str, Any]:
    places = (weights.with_suffix(".json"), weights.with_name("card.json"))
    card = next((place for place in places if place.is_file()), None)
    if card is None:
        raise ReleaseError(
            f"{weights}: expected its card beside it, {places[0].name} or card.json, found none"
        )
    found = json.loads(card.read_text(encoding="utf-8"))
    if "recipe" not in found or "budget" not in found:
        raise ReleaseError(f"{card}: expected the card of a training, which names recipe and budget")
    return found
