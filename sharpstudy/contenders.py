"""Who is judged beside whom: baselines, published light networks, teachers, students and their controls.

Each is a model of `evaluate` with the degradations that it is judged on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sharpstudy.assets import file_sha256
from sharpstudy.baselines import Blurred, KnownBlur, Wiener, tune_wiener
from sharpstudy.data.degrade import Blur, DownUp
from sharpstudy.data.resample import enlarge
from sharpstudy.evaluate import (
    ClipSet,
    EvalFrame,
    FrameSet,
    Model,
    Protocol,
    degradation_name,
    from_callable,
    from_student,
    tune_masks,
    unsharp,
)
from sharpstudy.paths import WEIGHTS, WORK
from sharpstudy.recipes import RECIPES, load_recipe
from sharpstudy.teachers import TEACHERS, Teacher, TeacherError, load_teacher, macs_per_pixel
from sharpstudy.teachers.gate import restore_pair

WIENER, BICUBIC = "Wiener, knows the blur", "bicubic"
BICUBIC_REACH = 16  # pixels beyond which the small frame cannot matter, at the largest factor
SIZES = ("", "-S", "-M", "-L")  # what follows a recipe's name where its student ships in several sizes

Remark = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Contender:
    """A model and where it is judged: as the protocol says for its `own` degradation, or on all `places`.

    A student that does not `travel` is judged on its own degradation and on clean frames alone.
    """

    model: Model
    own: str = ""
    places: tuple[str, ...] = ()
    travels: bool = True

    def sets(self, protocol: Protocol) -> list[FrameSet | ClipSet]:
        """What of the protocol it is scored on."""
        if self.own:
            return protocol.sets_for(self.model.role if self.travels else "control", self.own)
        return [one for name in self.places for one in protocol.sets_for("baseline", name)]


def baselines(protocol: Protocol, held: Mapping[str, FrameSet]) -> Iterator[Contender]:
    """The tuned unsharp mask, Wiener's filter where the blur is known, and bicubic enlargement.

    `held` are validation frames by degradation, which the mask and the filter are tuned on. Bicubic
    enlargement is left out where it is what doing nothing is. Doing nothing itself is no contender: it is
    scored on everything.
    """
    first = {name: one.load(0) for name, one in protocol.frames.items() if len(one)}
    yield Contender(unsharp(tune_masks(held.values())), places=tuple(first))
    blurs = tuple(name for name, frame in first.items() if isinstance(frame.settings, Blur))
    told = [told_blur(held[name].load(at)) for name in blurs for at in range(len(held[name]))]
    if told:
        yield Contender(knowing_the_blur(tune_wiener(told)), places=blurs)
    small = {name: frame for name, frame in first.items() if frame.small is not None}
    others = tuple(name for name, frame in small.items() if not is_bicubic(frame))
    if others:
        note = "the small frame enlarged by bicubic interpolation, however the degraded one was"
        yield Contender(from_callable(BICUBIC, by_bicubic, margin=BICUBIC_REACH, note=note), places=others)


def light_networks(names: Iterable[str], protocol: Protocol, remark: Remark) -> Iterator[Contender]:
    """Published networks where there are small frames of their scale; `remark` hears why one is not here."""
    first = {name: one.load(0) for name, one in protocol.frames.items() if len(one)}
    for name in names:
        scale = TEACHERS[name].scale
        fits = tuple(at for at, frame in first.items() if frame.small is not None and frame.scale == scale)
        try:
            model = from_teacher(load_teacher(name), f"{name}, published", protocol.settings.context)
        except TeacherError as error:
            remark(str(error))
            continue
        if fits:
            yield Contender(model, places=fits)


def trained_students(folder: Path, context: int, remark: Remark) -> Iterator[Contender]:
    """The students and controls of <folder>/<recipe>/, as their training left them, and their teachers.

    A student's card names who taught it; `remark` is told of a teacher that is not here, or of none, of
    recipes that do not ship, and where students of different budgets stand side by side. A quick student of
    a recipe whose student ships does not travel: its few steps say nothing of other degradations.
    """
    budgets: dict[str, list[str]] = {}
    for recipe in RECIPES:
        files = (folder / recipe).glob("*.safetensors")
        cards = [read_card(path) for path in sorted(files, key=lambda path: path.stem)]
        for path, card in cards:
            name = f"{recipe} {path.stem.removeprefix('student').strip('-')}".strip()
            role = card.get("role", "student" if path.stem.startswith("student") else "control")
            model = from_student(path, recipe, "run", role, name, context=context)
            budgets.setdefault(card.get("budget", "unknown"), []).append(name)
            travels = card.get("budget") != "quick" or not released_files(recipe, WEIGHTS)
            yield Contender(model, own=own_degradation(recipe), travels=travels)
        taught = next((card.get("teacher") for path, card in cards if path.stem == "student"), None)
        if taught:
            yield from _teacher(recipe, taught, context, remark)
        elif cards:
            remark(f"{recipe}: nobody taught its student")
    if len(budgets) > 1:
        sides = "; ".join(f"{budget}: {', '.join(names)}" for budget, names in sorted(budgets.items()))
        remark(f"not all of these were trained at one budget, {sides}")
    for name in sorted({path.parent.name for path in folder.glob("*/*.safetensors")} - set(RECIPES)):
        remark(f"{name}: a recipe that does not ship; `sharpstudy evaluate` judges its student")


def released_students(folder: Path, context: int) -> Iterator[Contender]:
    """The students that ship with the study."""
    for recipe in RECIPES:
        for path in released_files(recipe, folder):
            model = from_student(path, recipe, "released", name=f"{path.stem} released", context=context)
            yield Contender(model, own=own_degradation(recipe))


def released_files(recipe: str, folder: Path) -> list[Path]:
    """The weights that ship for a recipe, one file for each size of its student."""
    paths = (folder / f"{recipe}{size}.safetensors" for size in SIZES)
    return [path for path in paths if path.is_file()]


def from_teacher(
    teacher: Teacher, name: str, context: int, role: str = "baseline", recipe: str = ""
) -> Model:
    """A teacher, or any of its registry, as a model: it reads the small frame where that is its own input.

    Of a part of a frame it is given `context` pixels around it; what lies farther matters little.
    """
    info = teacher.info
    return from_callable(
        name,
        lambda frame: restore_pair(teacher, frame),
        role=role,
        recipe=recipe,
        margin=context,
        grid=info.grid * info.scale,
        parameters=info.parameters,
        kmac_per_pixel=macs_per_pixel(info.name) / 1000,
        note=f"{info.family} with {Path(teacher.weights).name} weights",
    )


def knowing_the_blur(wiener: Wiener) -> Model:
    """Wiener's filter as a model: it reads the blur that was drawn for a frame, which nobody else is told."""

    def restore(frame: EvalFrame) -> np.ndarray:
        return wiener.restore(frame.degraded, told_blur(frame).blur)

    return from_callable(
        WIENER, restore, margin=32, note=f"noise {wiener.noise:g}, tuned on validation frames"
    )


def told_blur(frame: EvalFrame) -> Blurred:
    """The frame with the Gaussian that blurred it."""
    drawn = frame.drawn
    if not isinstance(drawn, Blur):
        raise ValueError(f"{frame.frame}: expected a frame that was blurred, got {drawn!r}")
    return Blurred(frame.degraded, frame.reference, KnownBlur(drawn.kernel, drawn.sigma))


def by_bicubic(frame: EvalFrame) -> np.ndarray:
    """The small frame enlarged by bicubic interpolation."""
    if frame.small is None:
        raise ValueError(f"{frame.frame}: expected a frame with a small one behind it, got none")
    return enlarge(frame.small, frame.degraded.shape[:2], factor=frame.scale)


def is_bicubic(frame: EvalFrame) -> bool:
    """Whether the degraded frame is the bicubic enlargement of its small one."""
    settings = frame.settings
    return isinstance(settings, DownUp) and (settings.up or settings.method) == "bicubic"


def own_degradation(recipe: str) -> str:
    """The degradation that a shipped recipe undoes, as tables name it."""
    return degradation_name(load_recipe(recipe))


def read_card(path: Path) -> tuple[Path, dict[str, Any]]:
    """A weight file and what the card beside it says; nothing where it has none."""
    card = path.with_suffix(".json")
    return path, json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}


def _teacher(recipe: str, taught: Mapping[str, str], context: int, remark: Remark) -> Iterator[Contender]:
    """The teacher that a card names, found by the sha256 of its weights where this study trained it."""
    weights: str | Path = taught["weights"]
    if weights not in ("official", "released", "random"):
        files = (WORK / "teachers").glob(f"*/{weights}")
        weights = next(
            (path for path in sorted(files) if file_sha256(path) == taught["sha256"]), Path(weights)
        )
    try:
        teacher = load_teacher(taught["name"], weights)
    except TeacherError as error:
        remark(f"{recipe}: its teacher cannot be judged: {error}")
        return
    name = f"{teacher.name} (teaches {recipe})"
    yield Contender(from_teacher(teacher, name, context, "teacher", recipe), own=own_degradation(recipe))
