"""Trained weights into the files that ship, after they have shown on test frames that they are worth it.

release = judge_release(weights, recipe)     # restores test frames of the recipe's own degradation
write_release(release, folder, "realtime")   # refuses what is not better than doing nothing
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from sharpstudy.data.frames import write_bytes
from sharpstudy.data.references import Reference
from sharpstudy.data.sources import SourceOptions, load_source, select_balanced
from sharpstudy.evaluate import EvalSettings, combine, degraded_set, do_nothing, from_student, score_model
from sharpstudy.evaluate.networks import read_weight_file
from sharpstudy.recipes import Recipe
from sharpstudy.statistics import Verdict, compare
from sharpstudy.students import load_student
from sharpstudy.students.checkpoints import METADATA_KEY

METRICS = ("psnr", "ssim")
SIZE_LIMIT = 4_000_000  # bytes of one weight file; all that ship stay near 12 MB together


class ReleaseError(ValueError):
    """Weights that do not ship; one sentence of expected and got."""


@dataclass(frozen=True, eq=False)
class Release:
    """A student's weights with what they did on the test frames of its recipe."""

    weights: Path
    card: dict[str, Any]
    sources: str
    frames: int
    verdicts: tuple[Verdict, ...]

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
) -> Release:
    """What the weights do to at most `count` test frames under the recipe's degradation.

    Frames come from the recipe's own sources unless others are named, joined by "+"; only clips of the test
    part count. PSNR and SSIM are of whole frames.
    """
    card = _card_of(weights)
    sources = sources or recipe.budget(card["budget"]).source
    references = [one for one in load_source(sources, SourceOptions()) if one.split == "test"]
    if not references:
        raise ReleaseError(f"{sources}: expected frames in its test part, found none")
    settings = EvalSettings(metrics=METRICS, brief_metrics=METRICS)
    student = from_student(weights, recipe.name, name="student", device=device)
    with TemporaryDirectory() as folder:
        chosen = select_balanced(references, count)
        frames = degraded_set(chosen, recipe.degradation, Path(folder), settings, "own")
        scores = combine(score_model(model, [frames], settings) for model in (do_nothing(), student))
    return Release(weights, card, sources, *_verdicts(scores, chosen))


def recipe_of(weights: Path) -> str:
    """The recipe that the card beside trained weights names."""
    return _card_of(weights)["recipe"]


def _verdicts(scores: Any, references: list[Reference]) -> tuple[int, tuple[Verdict, ...]]:
    clips = {one.frame: one.clip for one in references}
    baseline = do_nothing().name
    verdicts = tuple(compare(scores, clips, "student", baseline, metric, "own") for metric in METRICS)
    return verdicts[0].frames, verdicts


def write_release(release: Release, folder: Path, name: str) -> list[Path]:
    """NAME.safetensors in float16 and NAME.json, the card with the verdicts, written to the folder."""
    if not release.better:
        psnr = next(one for one in release.verdicts if one.metric == "psnr")
        raise ReleaseError(
            f"{release.weights}: expected weights that are better than doing nothing, got: {psnr}"
        )
    student = load_student(read_weight_file(release.weights).student, release.weights).student
    state = {key: _halved(key, value) for key, value in student.state_dict().items()}
    content = _safetensors(state, release.weights)
    if len(content) > SIZE_LIMIT:
        raise ReleaseError(f"{name}: expected at most {SIZE_LIMIT:,} bytes, got {len(content):,}")
    path = folder / f"{name}.safetensors"
    digest = hashlib.sha256(content).hexdigest()
    card = {
        **release.card,
        "weights": {"file": path.name, "type": "float16", "sha256": digest},
        "judged": {"sources": release.sources, "frames": release.frames, "verdicts": _told(release.verdicts)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path.with_suffix(".json"), text.encode())
    return [path, path.with_suffix(".json")]


def _halved(name: str, tensor: torch.Tensor) -> torch.Tensor:
    half = tensor.half().contiguous() if tensor.is_floating_point() else tensor
    if not torch.isfinite(half).all():
        raise ReleaseError(f"{name}: expected values that float16 holds, got larger ones")
    return half


def _safetensors(state: dict[str, torch.Tensor], source: Path) -> bytes:
    """The weights with the metadata of the file that they come from, which says how to build the student."""
    from safetensors import safe_open
    from safetensors.torch import save

    with safe_open(source, framework="np") as file:
        metadata = file.metadata() or {}
    return save(state, {METADATA_KEY: metadata[METADATA_KEY]})


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
