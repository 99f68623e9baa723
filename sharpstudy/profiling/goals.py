"""The study's speed goals, each measured in one run in which all candidates take turns."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharpstudy.runtime.threads import usable_cores
from sharpstudy.speed import Ratio, Turn, Watch, interleave, paired_ratio, summarise

from .candidates import Candidate, find_candidate, is_installed, kmac_per_pixel
from .opening import Opened, open_candidate
from .peaks import LAYERS, chain_call
from .split import op_split, split_backends
from .study import Progress, say_nothing

HEAVY = "bsrgan-ultralight"  # 334,147 parameters at full resolution
FULL_HD, HD = (1920, 1080), (1280, 720)
PEAK_SHAPE = (128, 96)
MET = ("by median and p95", "by median only", "no")


@dataclass(frozen=True)
class Rival:
    """One candidate of the run: its size, its threads (0 for all), how often it is called in a round."""

    one: Candidate
    size: tuple[int, int]
    threads: int = 0
    each: int = 20
    untimed: int = 3


def rivals() -> dict[str, Rival]:
    """Who takes part, by the name that the goals use; OpenVINO's only where it is installed."""
    found = {}
    for runtime in ("onnxruntime", "openvino"):
        if not is_installed(runtime):
            continue
        for size in ("S", "M", "L"):
            one = find_candidate(size, runtime, "int8")
            found[f"{size} 1080p {runtime}"] = Rival(one, FULL_HD)
            found[f"{size} 720p {runtime}"] = Rival(one, HD)
        small = find_candidate("S", runtime, "int8")
        found[f"S 1080p {runtime}, one core"] = Rival(small, FULL_HD, threads=1)
        heavy = find_candidate(HEAVY, runtime, "int8")
        found[f"334k 1080p {runtime} int8"] = Rival(heavy, FULL_HD, each=1, untimed=0)
    found["334k 1080p eager"] = Rival(find_candidate(HEAVY, "torch", "fp32"), FULL_HD, each=1, untimed=0)
    return found


@dataclass(frozen=True)
class Goal:
    """One goal: what is wanted of a figure, and what came out."""

    goal: str
    wanted: str
    measured: str
    met: str


def measure_goals(
    folder: Path, rounds: int = 3, threads: int = 0, progress: Progress = say_nothing
) -> tuple[list[dict[str, Any]], list[Goal]]:
    """The latencies of every candidate and the goals they meet, from one interleaved run.

    The first are rows of name, p50_ms, p95_ms, fps, repeats; with three rounds it takes about two minutes on
    two cores, most of it in the student of 334,147 parameters.
    """
    cores = threads or usable_cores()
    watch = Watch(cores)
    with ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for name, rival in rivals().items():
            progress(f"opening {name}")
            opened = open_candidate(rival.one, *rival.size, rival.threads or cores, folder)
            stack.callback(opened.close)
            turns |= _turns(name, rival, opened)
        turns |= _peak_turns(cores, folder)
        verdicts: list[tuple[str, str]] = []

        def after_round(number: int) -> None:
            verdicts.append(watch.judge())
            progress(f"round {number + 1} of {rounds}: {verdicts[-1][0]}")

        interleave(turns, 1, after_round=lambda number: progress("warmed up"))
        watch.judge()
        latencies = interleave(turns, rounds, after_round=after_round)
    shares = conv_shares(cores, folder)
    rows = [{"name": name, **summarise(values)} for name, values in latencies.items()]
    for row in rows:
        row["quiet_rounds"] = sum(verdict == "quiet" for verdict, _ in verdicts)
    return rows, judge_goals(latencies, rounds, shares)


def conv_shares(threads: int, folder: Path) -> dict[str, float]:
    """The share of the default student's frame at 1080p that goes into convolutions, by runtime."""
    found = {}
    for runtime in split_backends():
        rows = op_split(find_candidate("M", runtime, "int8"), *FULL_HD, threads, folder)
        total = sum(row["milliseconds"] for row in rows)
        found[runtime] = sum(row["milliseconds"] for row in rows if row["kind"] == "convolutions") / total
    return found


def judge_goals(
    latencies: Mapping[str, Sequence[float]], rounds: int, shares: Mapping[str, float]
) -> list[Goal]:
    """Every goal with what came out; a runtime that is not installed leaves its goals unmeasured."""
    fast = "openvino" if "M 1080p openvino" in latencies else "onnxruntime"
    peaks = {name: _gmac_peak(latencies[f"peak {name}"]) for name in shares}
    goals = [
        _latency("M, 1080p, default runtime", latencies["M 1080p onnxruntime"], 33.0),
        _latency(f"S, 1080p, {fast}", latencies[f"S 1080p {fast}"], 16.7),
        _latency(f"L, 720p, {fast}", latencies[f"L 720p {fast}"], 16.7),
        _latency(f"S, 1080p, one core, {fast}", latencies[f"S 1080p {fast}, one core"], 33.3),
    ]
    for runtime, share in shares.items():
        goals.append(_at_least(f"share of M's 1080p frame in convolutions, {runtime}", share, 0.85, "{:.0%}"))
        used = _share_of_peak(latencies[f"M 1080p {runtime} network"], max(peaks.values()))
        goals.append(_at_least(f"M's share of the int8 peak, 1080p, {runtime}", used, 0.70, "{:.0%}"))
    int8 = min(
        (name for name in latencies if name.startswith("334k") and name.endswith("int8")),
        key=lambda name: sum(latencies[name]),
    )
    for runtime in shares:
        ours = latencies[f"M 1080p {runtime}"]
        for other, least in (("334k 1080p eager", 400), (int8, 50)):
            ratio = paired_ratio(latencies[other], ours, rounds)
            goals.append(_ratio(f"{other} over M 1080p {runtime}", ratio, least))
    return goals


def _turns(name: str, rival: Rival, opened: Opened) -> dict[str, Turn]:
    """End to end under the name itself; the network alone beside it, where it is a call of its own."""
    turns = {name: Turn(opened.end_to_end, rival.each, rival.untimed)}
    if opened.network is not None and rival.one.model == "realtime-M":
        turns[f"{name} network"] = Turn(opened.network, rival.each, rival.untimed)
    return turns


def _peak_turns(threads: int, folder: Path) -> dict[str, Turn]:
    return {
        f"peak {runtime}": Turn(chain_call(runtime, "int8", *PEAK_SHAPE, threads, folder), 10, 3)
        for runtime in split_backends()
    }


def _gmac_peak(milliseconds: Sequence[float]) -> float:
    """Billions of multiply-adds a second in the chain's median run, since M's is a median too."""
    channels, side = PEAK_SHAPE
    return LAYERS * 9 * channels**2 * side**2 / 1e6 / summarise(milliseconds)["p50_ms"]


def _share_of_peak(milliseconds: Sequence[float], peak: float) -> float:
    gmac = (kmac_per_pixel("realtime-M") or math.nan) * FULL_HD[0] * FULL_HD[1] / 1e6
    return gmac / (summarise(milliseconds)["p50_ms"] / 1000) / peak


def _latency(goal: str, milliseconds: Sequence[float], limit: float) -> Goal:
    found = summarise(milliseconds)
    met = MET[0] if found["p95_ms"] <= limit else MET[1] if found["p50_ms"] <= limit else MET[2]
    measured = f"p50 {found['p50_ms']:.1f}, p95 {found['p95_ms']:.1f} ms"
    return Goal(goal, f"at most {limit} ms", measured, met)


def _at_least(goal: str, value: float, least: float, form: str) -> Goal:
    return Goal(goal, f"at least {form.format(least)}", form.format(value), "yes" if value >= least else "no")


def _ratio(goal: str, ratio: Ratio, least: float) -> Goal:
    measured = f"{ratio.value:,.0f} times [{ratio.low:,.0f}, {ratio.high:,.0f}]"
    return Goal(goal, f"at least {least} times", measured, "yes" if ratio.value >= least else "no")


def goal_text(folder: Path, threads: int = 0, progress: Progress = say_nothing, rounds: int = 3) -> str:
    """The run as text: every candidate's latencies, then every goal and whether it is met."""
    rows, goals = measure_goals(folder, rounds, threads, progress)
    lines = [
        f"{row['name']:<38} p50 {row['p50_ms']:10.2f}  p95 {row['p95_ms']:10.2f} ms  {row['repeats']} frames"
        for row in rows
    ]
    lines.append(f"quiet rounds: {rows[0]['quiet_rounds']} of {rounds}\n")
    lines += [f"{one.goal:<58} {one.wanted:<20} {one.measured:<32} {one.met}" for one in goals]
    return "\n".join(lines)


def main() -> None:
    """Prints the goals and what came out."""
    from sharpstudy.paths import WORK

    print(goal_text(WORK / "profile", progress=lambda text: print(text, file=sys.stderr)))  # noqa: T201


if __name__ == "__main__":
    main()
