"""One model at one size: its rows, and its ratios to others with which it takes turns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sharpstudy.runtime.threads import usable_cores
from sharpstudy.speed import Protocol, Turn, interleave, paired_ratio

from .budgets import Size
from .candidates import Candidate, ProfileError, find_candidate, is_installed
from .held import Held, peak_memory
from .opening import Opened, open_candidate
from .study import Bench, full_row, time_stages

LARGEST_SIDE = 8192
ROUNDS = 5
SLOW_MS = 500  # what takes longer is called once in its turn


@dataclass(frozen=True)
class Asked:
    """What is to be timed; threads 0 stands for all cores, an empty word for what is usual."""

    model: str
    size: Size
    backend: str = ""
    precision: str = ""
    threads: int = 0
    device: str = "cpu"
    seconds: float = 10.0
    memory: Literal["on", "off"] = "on"


@dataclass(frozen=True)
class Single:
    """The rows of profiles.csv for one model, and sentences on memory, quiet and ratios."""

    rows: list[dict[str, Any]]
    remarks: list[str]


def parse_size(text: str) -> Size:
    """Width and height from words such as 1920x1080."""
    found = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip().lower())
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(1 <= side <= LARGEST_SIDE for side in size):
        raise ProfileError(
            f"size: expected width x height from 1 to {LARGEST_SIDE}, such as 1920x1080, got {text!r}"
        )
    return size


def profile_one(asked: Asked, against: Sequence[str], folder: Path) -> Single:
    """The model's rows, and its ratio to a plain copy of the frame and to each of the models `against`."""
    one = _candidate(asked)
    others = [find_candidate("copy"), *(find_candidate(name) for name in against)]
    bench = Bench(folder, asked.threads or usable_cores(), asked.device)
    protocol = Protocol(
        warm_up=10, window=10, settled=0.05, warm_up_s=asked.seconds, seconds=asked.seconds, fewest=3
    )
    bench.judge()
    opened = open_candidate(one, *asked.size, bench.threads, folder, asked.device)
    try:
        timings = time_stages(opened, protocol)
        verdict = bench.judge()
        ratios = [_ratio(one, opened, other, bench, asked.size) for other in others]
    finally:
        opened.close()
    held = _held(one, bench, asked)
    rows = [
        full_row(bench, one, asked.size, stage, timing, verdict, held, (opened.note,))
        for stage, timing in timings.items()
    ]
    remarks = [f"The machine was {verdict[0]}{f': {verdict[1]}' if verdict[1] else ''}."]
    if held:
        remarks.append(f"Peak memory {held.peak_mb:,.0f} MiB, of which {held.base_mb:,.0f} before the model.")
    return Single(rows, remarks + ratios + [f"{one}: {opened.note}." for _ in (1,) if opened.note])


def _candidate(asked: Asked) -> Candidate:
    one = find_candidate(asked.model, asked.backend, asked.precision)
    if not is_installed(one.backend):
        raise ProfileError(f"{one}: expected {one.backend} on this machine, it is not installed")
    if asked.device != "cpu" and not one.backend.startswith("torch"):
        raise ProfileError(f"{one}: expected the device cpu, or the backend torch, got {asked.device!r}")
    return one


def _held(one: Candidate, bench: Bench, asked: Asked) -> Held | None:
    if asked.memory == "off" or asked.device != "cpu":
        return None
    return peak_memory(one, *asked.size, bench.threads, bench.folder)


def _ratio(one: Candidate, opened: Opened, other: Candidate, bench: Bench, size: Size) -> str:
    """A sentence: how many times as long as the other one takes, the two called in turns."""
    second = open_candidate(other, *size, bench.threads, bench.folder)
    try:
        calls = {"one": opened, "other": second}
        once = interleave({name: Turn(each.end_to_end) for name, each in calls.items()}, 1)
        turns = {
            name: Turn(each.end_to_end, *((1, 0) if once[name][0] > SLOW_MS else (10, 1)))
            for name, each in calls.items()
        }
        took = interleave(turns, ROUNDS, opened.synchronise)
    finally:
        second.close()
    slow, fast, words = (
        ("one", "other", "slower")
        if _sum(took, "one") > _sum(took, "other")
        else (
            "other",
            "one",
            "faster",
        )
    )
    ratio = paired_ratio(took[slow], took[fast], ROUNDS)
    return (
        f"{one} is {_figure(ratio.value)} times {words} than {other} "
        f"[{_figure(ratio.low)}, {_figure(ratio.high)}], medians of {ROUNDS} turns."
    )


def _sum(took: dict[str, list[float]], name: str) -> float:
    return sum(took[name]) / len(took[name])


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
