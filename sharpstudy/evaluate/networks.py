"""Students as models: from a network in memory or a weight file that says which it is."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sharpstudy.data.degrade import shrink
from sharpstudy.evaluate.frames import EvalFrame, Region
from sharpstudy.evaluate.models import WHOLE_PIXELS, Control, Model, Origin, Role, model_name
from sharpstudy.paths import WEIGHTS

if TYPE_CHECKING:
    import torch

    from sharpstudy.students import Student

TILE = 256  # pixels of the restored frame that are computed at once
GRID = 8  # pixels: tiles start at its multiples, and at those of the network's own grid
COUNTED = 192  # the side for which multiply-adds are counted


@dataclass(frozen=True)
class WeightFile:
    """What a weight file and the card beside it say: the student, and the recipe and control that made it."""

    path: Path
    student: str
    recipe: str = ""
    control: Control = "none"


def from_student(
    source: Student | Path,
    recipe: str = "",
    origin: Origin = "run",
    role: Role = "student",
    name: str | None = None,
    device: str = "cpu",
    context: int | None = None,
) -> Model:
    """A student in memory, or one in a .safetensors file, which knows its architecture.

    One that enlarges reads the small frame where there is one of its scale, else the degraded frame shrunk by
    its scale. Frames are restored in tiles that overlap by all that a pixel depends on; a student that reads
    the whole frame is given the whole frame, or with a `context` a part with so many pixels around it.
    """
    import torch

    from sharpstudy.students import count_parameters, load_student, macs_per_pixel

    student = source
    if isinstance(source, (str, Path)):
        student = load_student(read_weight_file(Path(source)).student, source).student
    student = copy.deepcopy(student).eval().folded()
    reach = reach_of(student)
    grid = _grid_of(student)
    note = f"{student.name}, in tiles"
    if reach is None:
        more = "" if context is None else f"; given a part, it sees {context} pixels around it"
        note = f"{student.name}, which reads the whole frame{more}"
    network = student.to(torch.device(device), memory_format=torch.channels_last).requires_grad_(False)
    return Model(
        name=name or model_name(recipe or student.name, origin),
        role=role,
        apply=_Restorer(network, student.reads, student.scale, reach, grid, device),
        recipe=recipe,
        origin=origin,
        margin=context if reach is None else reach,
        grid=grid,
        at_once=WHOLE_PIXELS if reach is None else None,
        parameters=count_parameters(student),
        kmac_per_pixel=macs_per_pixel(student, COUNTED, COUNTED) / 1000,
        note=note,
    )


def reach_of(student: Student) -> int | None:
    """How many pixels of the restored frame away a place can still matter; None where all of them do."""
    from torch import nn

    convolutions = [part for part in student.modules() if isinstance(part, nn.Conv2d)]
    if student.name == "realtime" and student.cues:
        return None
    if student.name == "realtime":
        return (len(convolutions) + 1) * student.unshuffle - 1
    if student.name == "srresnet-edge":  # all but the last work on the small frame
        return len(convolutions) * student.scale
    if student.name in ("swinir-cnn", "edsr-residual", "bsrgan-ultralight"):
        return len(convolutions)
    return None


def read_weight_file(path: Path) -> WeightFile:
    """What a .safetensors file says of itself, and what a card beside it (.json, card.json) adds."""
    from safetensors import SafetensorError, safe_open

    from sharpstudy.students.checkpoints import METADATA_KEY

    if not path.is_file():
        raise ValueError(f"{path}: expected a weight file, found none")
    try:
        with safe_open(path, framework="np") as file:
            said = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: expected a whole safetensors file; {reason}") from error
    if not isinstance(said, dict) or "student" not in said:
        raise ValueError(
            f"{path}: expected a file that names its student, as sharpstudy.students.save_student writes it"
        )
    card = _card_beside(path)
    control = card.get("control")
    kind = control.get("name", "none") if isinstance(control, dict) else "none"
    return WeightFile(path, said["student"], card.get("recipe", ""), kind)


def released_weights(recipe: str) -> Path:
    """Where the weights that ship for a recipe's student lie, whether they are there or not."""
    return WEIGHTS / f"{recipe}.safetensors"


def _card_beside(path: Path) -> dict:
    for card in (path.with_suffix(".json"), path.with_name("card.json")):
        if card.is_file():
            try:
                found = json.loads(card.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{card}: expected JSON; {error}") from error
            return found if isinstance(found, dict) else {}
    return {}


def _grid_of(student: Student) -> int:
    return student.unshuffle if student.name == "realtime" else student.scale


@dataclass(frozen=True, eq=False)
class _Restorer:
    """A network on a device; frames go in and come out as uint8, in tiles where that is exact."""

    network: torch.nn.Module
    reads: str
    scale: int
    reach: int | None
    grid: int
    device: str

    def __call__(self, frame: EvalFrame) -> np.ndarray:
        read = small_for(frame, self.scale) if self.reads == "small" else frame.degraded
        return run_tiles(self._enlarge, read, frame.degraded.shape[:2], self.scale, self.reach, self.grid)

    def _enlarge(self, read: np.ndarray) -> np.ndarray:
        import torch

        from sharpstudy.data.frames import to_frame, to_tensor

        with torch.inference_mode():
            batch = to_tensor(read)[None].to(self.device, memory_format=torch.channels_last)
            restored = self.network(batch)[0].float().cpu()
        if not torch.isfinite(restored).all():
            raise ValueError("the network restores values that are no numbers")
        return to_frame(restored)


def small_for(frame: EvalFrame, scale: int) -> np.ndarray:
    """What a network that enlarges by `scale` reads: the small frame, or the degraded one shrunk."""
    if frame.small is not None and frame.scale == scale:
        return frame.small
    return shrink(frame.degraded, scale)


def run_tiles(
    enlarge: Callable[[np.ndarray], np.ndarray],
    read: np.ndarray,
    size: tuple[int, int],
    scale: int,
    reach: int | None,
    grid: int = 1,
) -> np.ndarray:
    """The restored frame of a size, uint8, from tiles that overlap by `reach`; whole where that is None.

    Tiles start at multiples of the network's own grid, so that it sees the same blocks of pixels.
    """
    height, width = size
    if reach is None or height * width <= (TILE + 2 * reach) ** 2:
        return np.ascontiguousarray(enlarge(read)[:height, :width])
    restored, grid = np.empty((height, width, 3), np.uint8), math.lcm(GRID, grid)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            core = Region(top, left, min(top + TILE, height), min(left + TILE, width))
            wide = core.grown(reach, grid, height, width)
            ends = (-(-at // scale) for at in (wide.top, wide.left, wide.bottom, wide.right))
            part = enlarge(Region(*ends).of(read))
            restored[core.top : core.bottom, core.left : core.right] = core.inside(wide).of(part)
    return restored
