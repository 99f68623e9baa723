"""The first of several teachers that can be had and passes the gate, judged by the very targets it stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sharpstudy.baselines import Unsharp, tune_unsharp
from sharpstudy.data.pairs import Pair, PairStore
from sharpstudy.teachers import TeacherError, load_teacher
from sharpstudy.teachers.gate import GateResult, judge_teacher
from sharpstudy.teachers.processes import Processes
from sharpstudy.teachers.reporting import State, Tried
from sharpstudy.teachers.targets import Caching, Progress, cache_targets
from sharpstudy.teachers.teacher import Precision, Teacher


@dataclass(frozen=True)
class Restoring:
    """How targets are made and where they go; `tile` and `precision` as in Teacher, `seed` for controls."""

    folder: Path
    precision: Precision = "fp32"
    tile: int | None = None
    seed: int = 0


class Lazily(Sequence):
    """What is picked from each pair of a store, mapped when it is asked for: a mapping holds a file open."""

    def __init__(self, store: PairStore, pick: Callable[[Pair], Any] = lambda pair: pair) -> None:
        self.store, self.pick = store, pick

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, place: int) -> Any:
        return self.pick(self.store.pair(place))


class Chosen(NamedTuple):
    """The teacher that teaches, or None; the validation pairs with its targets; all that were tried."""

    teacher: Teacher | None
    validation: PairStore
    tried: tuple[Tried, ...]


def first_that_passes(
    candidates: Iterable[tuple[str, str]],
    validation: PairStore,
    restoring: Restoring,
    processes: Processes,
    watch: Callable[[str], Progress | None] = lambda task: None,
) -> Chosen:
    """The first of (name, weights) whose targets of the validation pairs pass the gate, or a control.

    What the gate judges is what the student would learn from, and is restored once: a refused teacher's
    targets stay stored, so that asking again costs no inference. `watch` makes the progress of a named task.
    """
    mask = cache(lambda: tune_unsharp(Lazily(validation, lambda pair: (pair.degraded, pair.reference))))
    tried: list[Tried] = []
    for name, weights in candidates:
        teacher = _loaded(name, weights, restoring, processes)
        if isinstance(teacher, str):
            tried.append(Tried(name, Path(weights).name, "not here", teacher))
            continue
        one, store = _judged(teacher, validation, mask, restoring, processes, watch)
        tried.append(one)
        if one.state != "refused":
            return Chosen(teacher, store, tuple(tried))
    return Chosen(None, validation, tuple(tried))


def _loaded(name: str, weights: str, restoring: Restoring, processes: Processes) -> Teacher | str:
    """The teacher on this process's device, or one sentence where some process cannot have it."""
    reason = f"teacher {name!r} ({weights}) is not on every machine"
    try:
        teacher = load_teacher(name, weights, processes.device, restoring.precision, restoring.seed)
    except TeacherError as error:
        teacher, reason = None, str(error)
    everywhere = all(here for (here,) in processes.gathered([teacher is not None]))
    return teacher if teacher and everywhere else reason


def _judged(
    teacher: Teacher,
    validation: PairStore,
    mask: Callable[[], Unsharp],
    restoring: Restoring,
    processes: Processes,
    watch: Callable[[str], Progress | None],
) -> tuple[Tried, PairStore]:
    caching: list[Caching] = []
    store = cache_targets(
        teacher,
        validation,
        restoring.folder,
        tile=restoring.tile,
        processes=processes,
        progress=watch(f"{teacher.name}, validation"),
        report=caching.append,
    )
    result = processes.agreed(lambda: _result(teacher, store, mask()))
    state: State = "control" if result.role == "control" else "teaches" if result.passed else "refused"
    return Tried(teacher.name, result.weights, state, str(result), result, caching[0]), store


def _result(teacher: Teacher, store: PairStore, mask: Unsharp) -> GateResult:
    restored = Lazily(store, lambda pair: np.asarray(pair.target))
    weights = Path(teacher.weights).name  # of a file its name alone: tables are the same on every machine
    return judge_teacher(restored, Lazily(store), mask, teacher.name, weights, teacher.role)
