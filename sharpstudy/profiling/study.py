"""The profile: one row for each candidate, size and stage; a row that stays empty says why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sharpstudy.speed import Machine, Protocol, Timing, Watch, describe_machine, summarise, time_calls

from .budgets import Size, SpeedBudget, too_heavy, too_large, wants_file, wants_memory, wants_sustained
from .candidates import Candidate, ProfileError, kmac_per_pixel, parameters_of
from .held import Held, peak_memory
from .opening import Opened, open_candidate
from .video_file import time_file

if TYPE_CHECKING:
    import pandas as pd

Stage = Literal["model", "end_to_end", "sustained", "file"]
COLUMNS = (
    "model",
    "role",
    "backend",
    "precision",
    "device",
    "threads",
    "width",
    "height",
    "stage",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "fps",
    "jitter_ms",
    "within_33",
    "within_17",
    "peak_mb",
    "base_mb",
    "parameters",
    "kmac_per_pixel",
    "machine",
    "repeats",
    "warm_up",
    "steady",
    "valid",
    "note",
)
Progress = Callable[[str], None]


def say_nothing(text: str) -> None:
    """Progress for those who want none."""


@dataclass
class Bench:
    """Where candidates are timed: threads, folder for exported files, machine, and the watch over it."""

    folder: Path
    threads: int
    device: str = "cpu"
    machine: Machine = field(default_factory=describe_machine)
    watch: Watch | None = None

    def judge(self) -> tuple[str, str]:
        """Whether the machine was quiet since the last question, and why not."""
        if self.watch is None:
            self.watch = Watch(self.threads)
        return self.watch.judge()


def profile_study(
    bench: Bench, budget: SpeedBudget, wanted: Iterable[Candidate], progress: Progress = say_nothing
) -> list[dict[str, Any]]:
    """The rows of profiles.csv for every candidate at every size of the budget, in order."""
    rows = []
    for one in wanted:
        for size in budget.sizes:
            progress(f"{one} at {size[0]}x{size[1]}")
            reason = too_heavy(one, size, budget) or too_large(one, size, bench.machine.memory_gb)
            rows += (
                [empty_row(bench, one, size, reason)] if reason else profile_cell(bench, budget, one, size)
            )
    return rows


def profile_cell(bench: Bench, budget: SpeedBudget, one: Candidate, size: Size) -> list[dict[str, Any]]:
    """The rows of one candidate at one size: the network alone, end to end, and sustained where wanted."""
    bench.judge()  # what came before is not this cell's affair
    try:
        opened = open_candidate(one, *size, bench.threads, bench.folder, bench.device)
    except (ValueError, RuntimeError, MemoryError, ImportError) as error:
        return [empty_row(bench, one, size, f"not measured: {_first_line(error)}")]
    try:
        timings = time_stages(opened, budget.protocol)
        if wants_sustained(one, size, budget):
            timings["sustained"] = time_sustained(opened, budget.sustained_s)
        if opened.restore and wants_file(one, size, budget):
            timings["file"] = time_file(opened.restore, *size)
    except (RuntimeError, MemoryError) as error:
        return [empty_row(bench, one, size, f"not measured: {_first_line(error)}")]
    finally:
        opened.close()
    verdict = bench.judge()
    held, remark = None, ""
    if wants_memory(one, size, budget) and bench.device == "cpu":
        try:
            held = peak_memory(one, *size, bench.threads, bench.folder)
        except ProfileError as error:
            remark = str(error)
    notes = (opened.note, remark)
    return [
        full_row(bench, one, size, stage, timing, verdict, held, notes) for stage, timing in timings.items()
    ]


def time_stages(opened: Opened, protocol: Protocol) -> dict[Stage, Timing]:
    """The timings of the network alone, where there is one, and end to end."""
    whole = time_calls(opened.end_to_end, protocol, opened.synchronise)
    if opened.laps:
        inside = tuple(opened.laps[-len(whole.milliseconds) :])
        return {"model": Timing(inside, whole.warm_up, whole.steady), "end_to_end": whole}
    if opened.network is None:
        return {"end_to_end": whole}
    return {"model": time_calls(opened.network, protocol, opened.synchronise), "end_to_end": whole}


def time_sustained(opened: Opened, seconds: float) -> Timing:
    """The latencies of the second half of a run without a pause; what heats up or fills up has done so."""
    protocol = Protocol(1, 1, 1.0, 1e-3, repeats=10**9, seconds=seconds)
    timing = time_calls(opened.end_to_end, protocol, opened.synchronise)
    half = len(timing.milliseconds) // 2
    return Timing(timing.milliseconds[half:], half, "steady")


def profile_threads(
    bench: Bench,
    budget: SpeedBudget,
    wanted: Iterable[Candidate],
    size: Size,
    progress: Progress = say_nothing,
) -> list[dict[str, Any]]:
    """The rows of candidates at one size on 1, 2, 4 ... threads, up to less than the bench has."""
    counts = [count for count in (1, 2, 4, 8, 16, 32) if count < bench.threads]
    rows = []
    for one in wanted:
        for count in counts:
            progress(f"{one} on {count} of {bench.threads} threads")
            narrow = replace(budget, memory="none", forms="few", sustained_s=1e-3)
            fewer = Bench(bench.folder, count, bench.device, bench.machine, bench.watch)
            found = profile_cell(fewer, narrow, one, size)
            rows += [row for row in found if row["stage"] in ("model", "end_to_end")]
    return rows


def as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as profiles.csv has them: whole numbers whole, times to the microsecond."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for column in ("threads", "width", "height", "parameters", "repeats", "warm_up"):
        table[column] = table[column].astype("Int64")
    return table.round(dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "jitter_ms", "kmac_per_pixel"), 3)).round(
        dict.fromkeys(("fps", "peak_mb", "base_mb", "within_33", "within_17"), 2)
    )


def full_row(
    bench: Bench,
    one: Candidate,
    size: Size,
    stage: Stage,
    timing: Timing,
    verdict: tuple[str, str],
    held: Held | None,
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """One row of profiles.csv for what was measured."""
    valid, why = verdict
    few = f"few repeats: p95 is the slowest of {len(timing.milliseconds)}"
    remarks = [*notes, why, few if len(timing.milliseconds) < 20 else ""]
    memory = {"peak_mb": held.peak_mb, "base_mb": held.base_mb} if held and stage == "end_to_end" else {}
    found = {
        **_identity(bench, one, size, stage),
        **summarise(timing.milliseconds),
        **memory,
        "warm_up": timing.warm_up,
        "steady": timing.steady,
        "valid": valid,
        "note": "; ".join(filter(None, remarks)),
    }
    return {column: found.get(column, math.nan) for column in COLUMNS}


def empty_row(bench: Bench, one: Candidate, size: Size, reason: str) -> dict[str, Any]:
    """The row of a cell without a measurement: its figures are empty and the note says why."""
    found = {**_identity(bench, one, size, "end_to_end"), "valid": "not measured", "note": reason}
    return {column: found.get(column, math.nan) for column in COLUMNS}


def _identity(bench: Bench, one: Candidate, size: Size, stage: Stage) -> dict[str, Any]:
    parameters, kmac = parameters_of(one.model), kmac_per_pixel(one.model)
    return {
        "model": Path(one.model).name,
        "role": one.role,
        "backend": one.backend,
        "precision": one.precision,
        "device": bench.device if one.backend.startswith("torch") and one.role != "baseline" else "cpu",
        "threads": bench.threads,
        "width": size[0],
        "height": size[1],
        "stage": stage,
        "parameters": math.nan if parameters is None else parameters,
        "kmac_per_pixel": math.nan if kmac is None else kmac,
        "machine": bench.machine.label,
    }


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Exception from")]
    return (lines or [type(error).__name__])[0][:200]
