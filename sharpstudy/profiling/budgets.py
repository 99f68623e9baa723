"""How much time a profile may take: which models at which sizes, and which cells are too heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sharpstudy.speed import PROTOCOLS, Protocol

from .candidates import BASELINES, PUBLISHED, REALTIME, Candidate, kmac_per_pixel, list_candidates

BudgetName = Literal["quick", "full"]
Size = tuple[int, int]
SIZES: tuple[Size, ...] = ((256, 256), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))
TEACHERS = ("unet", "srresnet-x4", "rlfn-x4", "edsr-baseline-x2", "hit-srf-x4", "swinir-classical-x4")
WIDEST_FLOATS = 64 * 4  # four maps of 64 channels alive at once, in a network at full resolution
MEMORY_SHARE = 0.6  # of the machine's memory that one cell may take


@dataclass(frozen=True)
class SpeedBudget:
    """What is timed, and for how long.

    `forms` says which students run in which forms: "all", or only the default realtime student in all of them
    and the others in int8 and, as published, in eager PyTorch. A frame that costs more than `largest_gmac`
    billion multiply-adds is left out, one in eager PyTorch only above `largest_gmac_eager`, one in int8 only
    above `largest_gmac_int8`.
    """

    protocol: Protocol
    sizes: tuple[Size, ...]
    teachers: tuple[str, ...]
    forms: Literal["all", "few"]
    largest_gmac: float
    largest_gmac_eager: float
    largest_gmac_int8: float
    memory: Literal["all", "few", "none"]
    sustained_s: float


BUDGETS: Mapping[str, SpeedBudget] = MappingProxyType(
    {
        "quick": SpeedBudget(PROTOCOLS["quick"], SIZES[:4], TEACHERS[:5], "few", 25, 103, 150, "few", 3),
        "full": SpeedBudget(PROTOCOLS["full"], SIZES, TEACHERS, "all", 1_100, 5_000, 5_000, "all", 30),
    }
)


def chosen(budget: SpeedBudget, models: tuple[str, ...] = ()) -> list[Candidate]:
    """The candidates of a budget; those of the named models where any are named."""
    named = list_candidates(models or (*BASELINES, *REALTIME, *PUBLISHED, *budget.teachers))
    return [one for one in named if budget.forms == "all" or models or _is_needed(one)]


def too_heavy(one: Candidate, size: Size, budget: SpeedBudget) -> str:
    """Why a candidate is not timed at a size under this budget; empty where it is."""
    per_pixel = kmac_per_pixel(one.model)
    if per_pixel is None:
        return ""
    gmac = per_pixel * size[0] * size[1] / 1e6
    limit = budget.largest_gmac
    if one.role != "teacher" and one.precision == "int8":
        limit = budget.largest_gmac_int8
    elif one.role != "teacher" and one.backend == "torch":
        limit = budget.largest_gmac_eager
    if gmac <= limit:
        return ""
    return f"not measured: {gmac:,.0f} G multiply-adds a frame, this budget waits for {limit:,.0f}"


def too_large(one: Candidate, size: Size, memory_gb: float | None) -> str:
    """Why a candidate's feature maps may not fit into the machine's memory at a size; empty where they do."""
    full_resolution = one.role in ("student", "teacher")
    needed = size[0] * size[1] * WIDEST_FLOATS * 4 / 2**30
    if not full_resolution or memory_gb is None or needed <= MEMORY_SHARE * memory_gb:
        return ""
    return f"not measured: needs about {needed:.0f} GiB of {memory_gb:.0f} GiB"


def wants_memory(one: Candidate, size: Size, budget: SpeedBudget) -> bool:
    """Whether peak memory is measured for a cell, which takes a process of its own; under `few`, of int8."""
    if budget.memory != "few":
        return budget.memory == "all"
    if one.precision != "int8" or one.model == "realtime-nano":
        return False
    return size == ((1920, 1080) if one.role == "realtime" else (640, 480))


def wants_sustained(one: Candidate, size: Size, budget: SpeedBudget) -> bool:
    """Whether a cell is also run without a pause: int8 at 1080p, under `few` the default student's."""
    known = one.role == "realtime" and one.precision == "int8" and size == (1920, 1080)
    return known and (budget.forms == "all" or one.model == "realtime-M")


def wants_file(one: Candidate, size: Size, budget: SpeedBudget) -> bool:
    """Whether a video file is restored too: by the default student in int8, at 720p and, of all, 1080p."""
    sizes = ((1280, 720), (1920, 1080)) if budget.forms == "all" else ((1280, 720),)
    return one.model == "realtime-M" and one.precision == "int8" and size in sizes


def _is_needed(one: Candidate) -> bool:
    if one.role == "realtime":
        return one.precision == "int8" or one.model == "realtime-M"
    if one.role == "student":
        return one.precision == "int8" or one.backend in ("torch", "onnxruntime")
    return True
