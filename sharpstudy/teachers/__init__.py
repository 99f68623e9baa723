"""Teachers: slow networks that must prove themselves before a student may learn from them.

`load_teacher` knows the networks of TEACHERS and no others. `gate` judges one on a recipe's own validation
pairs.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sharpstudy.teachers.loading import TeacherError, fill, read_weights
from sharpstudy.teachers.registry import TEACHERS, TeacherInfo
from sharpstudy.teachers.teacher import PRECISIONS, Precision, Teacher

if TYPE_CHECKING:
    from sharpstudy.assets import Asset

__all__ = [
    "TEACHERS",
    "Teacher",
    "TeacherError",
    "TeacherInfo",
    "build_network",
    "load_teacher",
    "macs_per_pixel",
    "released_weights",
    "teacher_rows",
]

# A side of what the network reads that windows of 4 to 64 pixels divide, so that no padding is counted.
COUNTED_SIDE = 192


def load_teacher(
    name: str,
    weights: str | Path = "official",
    device: str | torch.device = "cpu",
    precision: Precision = "fp32",
    seed: int = 0,
) -> Teacher:
    """The named teacher with its weights, frozen and ready to restore frames.

    `weights` is "official" (the published file, see assets.py), "released" (trained by this study, shipped
    with it), "random" (a control; `seed` draws them), or the path of a file. Where the study knows a file's
    sha256, that is compared before the file is parsed. bf16 is mixed precision; fp16 is not offered, since
    SwinIR breaks.
    """
    info = _info(name)
    if precision not in PRECISIONS:
        raise ValueError(f"precision of a teacher: expected one of {PRECISIONS}, got {precision!r}")
    target = torch.device(device)
    if target.type == "cuda" and not torch.cuda.is_available():
        raise TeacherError(
            f"teacher {name!r}: device {device!s} was asked for, and this machine has no CUDA device"
        )
    network = build_network(name, seed)
    digest = None
    if weights != "random":
        path, expected = _weight_file(info, weights)
        state, digest = read_weights(path, name, expected)
        fill(network, _renamed(info, state, path), name, path)
    network.eval().requires_grad_(False)
    return Teacher(info, network.to(target), str(weights), digest, target, precision)


def build_network(name: str, seed: int = 0) -> nn.Module:
    """The named network with random weights drawn from `seed`; torch's own generator stays as it was."""
    info = _info(name)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.meshgrid")  # spandrel's own affair
        torch.manual_seed(seed)
        return info.build()


def released_weights(name: str) -> Path:
    """Where the weights that this study trained for a teacher lie, whether they are there or not."""
    from sharpstudy.paths import WEIGHTS

    return WEIGHTS / f"{_info(name).name}.safetensors"


def teacher_rows() -> list[dict[str, Any]]:
    """One row a teacher for a table, from the registry alone: no weights are read."""
    return [_row(info) for info in TEACHERS.values()]


@cache
def macs_per_pixel(name: str) -> float:
    """Multiply-adds for one pixel of the restored frame, convolutions and matrix products counted."""
    from torch.utils.flop_counter import FlopCounterMode

    info = _info(name)
    network = build_network(name).eval().to("meta")
    side = -(-COUNTED_SIDE // info.grid) * info.grid
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, side, side, device="meta"))
    return counter.get_total_flops() / 2 / (side * info.scale) ** 2


def _row(info: TeacherInfo) -> dict[str, Any]:
    published = _published(info)
    return {
        "teacher": info.name,
        "family": info.family,
        "scale": info.scale,
        "parameters": info.parameters,
        "kmac_per_pixel": macs_per_pixel(info.name) / 1000,
        "levels": info.levels,
        "trained_for": info.trained_for,
        "origin": published[0].origin if published else "trained by this study",
        "licence": published[0].licence if published else "Apache-2.0",
    }


def _info(name: str) -> TeacherInfo:
    if name not in TEACHERS:
        raise TeacherError(f"teacher {name!r} is not known; expected one of {', '.join(TEACHERS)}")
    return TEACHERS[name]


def _published(info: TeacherInfo) -> list[Asset]:
    from sharpstudy.assets import ASSETS

    return [ASSETS[name] for name in info.assets]


def _weight_file(info: TeacherInfo, weights: str | Path) -> tuple[Path, str | None]:
    """The file to read and, where it is known, its sha256 or the beginning of it."""
    if weights == "official":
        return _official_file(info)
    if weights != "released":
        return Path(weights), None
    path = released_weights(info.name)
    if not path.exists():
        raise TeacherError(f"teacher {info.name!r} has no released weights: {path.name} does not ship yet")
    return path, None


def _official_file(info: TeacherInfo) -> tuple[Path, str | None]:
    from sharpstudy.assets import AssetError, find_asset, require_asset

    published = _published(info)
    if not published:
        raise TeacherError(f"teacher {info.name!r} has no official weights: this study trains it")
    asset = next((asset for asset in published if find_asset(asset.name)), published[0])
    try:
        path = require_asset(asset.name)
    except AssetError as error:
        raise TeacherError(f"teacher {info.name!r} has no official weights here: {error}") from error
    return path, asset.sha256 or asset.sha256_prefix


def _renamed(info: TeacherInfo, state: dict[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    try:
        return info.rename(state)
    except Exception as error:  # the file is somebody else's: any surprise in it is a refusal
        words = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise TeacherError(f"teacher {info.name!r} refuses the weight file {path.name}: {words}") from error
