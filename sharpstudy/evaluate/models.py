"""What is judged: a model is a name, a part that it plays, and a function from a degraded frame to a restored
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sharpstudy.baselines import Unsharp, tune_unsharp
from sharpstudy.data.frames import read_frame
from sharpstudy.evaluate.folders import index_frames
from sharpstudy.evaluate.frames import EvalFrame, FrameSet

Role = Literal["baseline", "teacher", "student", "control"]
Origin = Literal["run", "released", "none"]
Control = Literal["none", "no-teacher", "random-teacher"]

DO_NOTHING, UNSHARP = "do nothing", "tuned unsharp"
WHOLE_PIXELS = 4_500_000  # in work at once for a network that takes whole frames: about 3 GB
WIDEST_SIGMA = 4.0  # standard deviations after which the mask's Gaussian is cut off
TUNED_ON = 12  # frames at most


@dataclass(frozen=True, eq=False)
class Model:
    """One model as tables name it; names are unique within a set of scores.

    margin: how far from a pixel the frame matters to it, in pixels; None where the whole frame does. grid:
    parts of a frame that it is given start at multiples of it. size: height and width of the only frames that
    it takes. answers: "any" frame, or only those that it has stored pictures of. at_once: frames of how many
    pixels may be restored at the same time. note: what a table should say of it.
    """

    name: str
    role: Role
    apply: Callable[[EvalFrame], np.ndarray]
    recipe: str = ""
    origin: Origin = "none"
    margin: int | None = None
    grid: int = 1
    size: tuple[int, int] | None = None
    answers: Literal["any", "stored"] = "any"
    at_once: int | None = None
    parameters: int | None = None
    kmac_per_pixel: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("model: expected a name, got none")
        for field, literal in (("role", Role), ("origin", Origin)):
            if getattr(self, field) not in get_args(literal):
                expected = ", ".join(get_args(literal))
                raise ValueError(f"{field} of {self.name}: expected {expected}, got {getattr(self, field)!r}")

    def restore(self, frame: EvalFrame) -> np.ndarray:
        """The restored frame, uint8 HxWx3, of the degraded frame's size."""
        height, width = frame.degraded.shape[:2]
        if self.size and self.size != (height, width):
            taken = f"{self.size[1]}x{self.size[0]}"
            raise ValueError(f"{self.name} takes frames of {taken} alone; {frame.frame} has {width}x{height}")
        restored = self.apply(frame)
        fits = isinstance(restored, np.ndarray) and restored.dtype == np.uint8
        if not fits or restored.shape != frame.degraded.shape:
            got = f"{getattr(restored, 'dtype', type(restored).__name__)} {getattr(restored, 'shape', '')}"
            raise ValueError(
                f"{self.name} on {frame.frame}: expected uint8 {frame.degraded.shape}, got {got}"
            )
        return restored


def model_name(recipe: str, origin: Origin = "run", control: Control = "none") -> str:
    """What tables call a recipe's student: "swinir-cnn", "swinir-cnn no-teacher", "swinir-cnn released"."""
    words = {recipe: True, control: control != "none", origin: origin == "released"}
    return " ".join(word for word, wanted in words.items() if wanted)


def do_nothing() -> Model:
    """The degraded frame as it is, which every model has to beat."""
    return Model(DO_NOTHING, "baseline", lambda frame: frame.degraded, margin=0, note="the degraded frame")


def unsharp(masks: Mapping[str, Unsharp], name: str = UNSHARP) -> Model:
    """An unsharp mask for each degradation, by name; frames of another degradation are refused.

    The mask for "clean" says which of them clean frames are harmed with.
    """

    def apply(frame: EvalFrame) -> np.ndarray:
        if frame.degradation not in masks:
            known = ", ".join(masks)
            raise ValueError(f"{name}: expected a mask for one of {known}, got {frame.degradation!r}")
        return masks[frame.degradation].restore(frame.degraded)

    words = [f"radius {mask.radius:g} amount {mask.amount:g} on {where}" for where, mask in masks.items()]
    return Model(name, "baseline", apply, margin=_reach(masks.values()), note="; ".join(words))


def tune_masks(sets: Iterable[FrameSet]) -> dict[str, Unsharp]:
    """The unsharp mask that suits each set of validation frames best, by degradation."""
    return {one.degradation: _tuned(one, range(len(one))) for one in sets}


def cross_tuned(frames: FrameSet, name: str = UNSHARP) -> Model:
    """An unsharp mask for frames without a validation part: half of the clips tune that of the other half.

    So no frame is judged with a mask that has seen its clip. It needs two clips.
    """
    clips = sorted({row.clip for row in frames.rows})
    if len(clips) < 2:
        raise ValueError(f"{name}: expected frames of at least two clips to tune on, got {len(clips)}")
    halves = [set(clips[0::2]), set(clips[1::2])]
    masks = [
        _tuned(frames, [at for at, row in enumerate(frames.rows) if row.clip not in half]) for half in halves
    ]

    def apply(frame: EvalFrame) -> np.ndarray:
        return masks[0 if frame.clip in halves[0] else 1].restore(frame.degraded)

    words = " and ".join(f"radius {mask.radius:g} amount {mask.amount:g}" for mask in masks)
    note = f"{words}, each tuned on the half of the clips that it is not judged on"
    return Model(name, "baseline", apply, margin=_reach(masks), note=note)


def from_callable(
    name: str,
    restore: Callable[[EvalFrame], np.ndarray],
    role: Role = "baseline",
    recipe: str = "",
    origin: Origin = "none",
    margin: int | None = None,
    grid: int = 1,
    parameters: int | None = None,
    kmac_per_pixel: float | None = None,
    note: str = "",
    at_once: int | None = None,
) -> Model:
    """A model of any function from an EvalFrame to a uint8 frame: a teacher, a deconvolution.

    It is called from several threads, on frames of at most `at_once` pixels in all (1: one at a time). With a
    margin it may be given a part of a frame.
    """
    return Model(
        name,
        role,
        restore,
        recipe,
        origin,
        margin,
        grid,
        parameters=parameters,
        kmac_per_pixel=kmac_per_pixel,
        note=note,
        at_once=at_once,
    )


def from_folder(
    folder: Path, name: str | None = None, keys: Mapping[str, str] | None = None, role: Role = "student"
) -> Model:
    """The restored pictures of somebody else's program, named as the frames are, or as `keys` says."""
    files = index_frames(Path(folder)).files
    keys = keys or {}

    def apply(frame: EvalFrame) -> np.ndarray:
        key = keys.get(frame.frame, frame.frame)
        if key not in files:
            raise ValueError(f"{folder}: no restored picture of {frame.frame!r} (looked for {key!r})")
        return read_frame(files[key])

    return Model(
        name or Path(folder).name, role, apply, answers="stored", note="pictures from another program"
    )


def _tuned(frames: FrameSet, places: Iterable[int]) -> Unsharp:
    places = list(places)
    if not places:
        raise ValueError(f"{UNSHARP} under {frames.degradation}: expected frames to tune on, got none")
    taken = [places[at * len(places) // TUNED_ON] for at in range(TUNED_ON)]
    pairs = [frames.load(at) for at in sorted(set(taken))]
    return tune_unsharp([(one.degraded, one.reference) for one in pairs])


def _reach(masks: Iterable[Unsharp]) -> int:
    return max((int(WIDEST_SIGMA * mask.radius + 0.5) for mask in masks), default=0)
