"""A sharpener that is never late: what the network has not restored by the deadline goes out raw."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sharpstudy.runtime.capture import Captured
from sharpstudy.runtime.levels import HALF_STRENGTH, Restore, Reuse, add_detail, half_detail, halved, mixed
from sharpstudy.runtime.policy import Level, Outcome, Plan, Policy, PolicySettings, SharpGate
from sharpstudy.runtime.sharp_frames import sharp_at_half

_MARGIN_S = 0.002  # kept of the deadline for handing the frame on


@dataclass(frozen=True)
class Live:
    """One frame on its way out: raw and restored are the same array where it passed untouched."""

    raw: np.ndarray
    restored: np.ndarray
    captured_s: float
    ready_s: float
    cost_s: float  # what the network took; 0 where it did not run or was late
    level: Level
    outcome: Outcome


class DeadlineSharpener:
    """Restores live frames under a deadline, counted from their capture, at the level that the policy sets.

    The network runs in a thread of its own. While it is still at an earlier frame, and whenever it fails, the
    raw frame goes out. `strength` (0 to 1) and `mode` may be set while it runs. `is_sharp` says whether a raw
    frame needs no sharpening; a SharpJudge does for the frames of a call. Levels at half size are passed over
    where frames are sharp at that size.
    """

    def __init__(
        self,
        restore: Restore,
        settings: PolicySettings | None = None,
        *,
        strength: float = 1.0,
        is_sharp: Callable[[np.ndarray], bool] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.policy = Policy(settings)
        self.strength = strength
        self.mode: Literal["sharpen", "bypass"] = "sharpen"
        self.last_error = ""
        self._restore, self._is_sharp, self._clock = restore, is_sharp, clock
        self._gate, self._half_gate, self._reuse = SharpGate(), SharpGate(), Reuse()
        self._sharp_at_half = sharp_at_half()
        self._jobs: queue.SimpleQueue[tuple[Future, Callable] | None] = queue.SimpleQueue()
        self._running: Future | None = None
        threading.Thread(target=self._work, name="sharpener", daemon=True).start()

    def warm_up(self, frame: np.ndarray) -> None:
        """Nothing; the network has seen the sizes it will see, so that the first frames are not late."""
        try:
            for _ in range(2):
                self._restore(frame)
                half_detail(frame, self._restore)
        except Exception as error:
            self.last_error = f"{type(error).__name__}: {error}"

    def __call__(self, captured: Captured) -> Live:
        """The frame, restored as far as the deadline allows."""
        frame, level = captured.frame, self.policy.level
        wanted = self._strength_of(frame)
        strength = wanted if level == "full" else wanted * self._worth_of_half(frame)
        busy = self._running is not None and not self._running.done()
        plan: Plan = "raw" if strength == 0 else self.policy.plan(busy)
        restored, outcome, cost_s = self._carry_out(plan, level, captured, strength)
        if wanted == 0 and self.strength and self.mode == "sharpen":
            outcome = "sharp"
        ready_s = self._clock()
        if outcome not in ("restored", "reused"):
            self._reuse.forget()  # after a raw frame the detail that was kept is too old
        self.policy.report(ready_s, outcome, ready_s - captured.time_s)
        return Live(frame, restored, captured.time_s, ready_s, cost_s, level, outcome)

    def close(self) -> None:
        """Nothing; the thread ends once it has done what it is at."""
        self._jobs.put(None)

    def _strength_of(self, frame: np.ndarray) -> float:
        if self.mode == "bypass" or self._is_sharp is None:
            return self.strength if self.mode == "sharpen" else 0.0
        return self.strength * self._gate.update(lambda: self._is_sharp(frame))

    def _worth_of_half(self, frame: np.ndarray) -> float:
        """How much of the detail of half size is added; none where the frame is sharp at that size."""
        weight = self._half_gate.update(lambda: self._sharp_at_half(halved(frame)))
        self.policy.half = "harms" if weight == 0 else "helps"
        return HALF_STRENGTH * weight

    def _carry_out(
        self, plan: Plan, level: Level, captured: Captured, strength: float
    ) -> tuple[np.ndarray, Outcome, float]:
        frame = captured.frame
        if plan == "restore":
            return self._by_deadline(level, captured, strength)
        detail = self._reuse.still_detail(frame) if plan == "reuse" else None
        if detail is None:
            return frame, "raw", 0.0
        return add_detail(frame, detail, strength), "reused", 0.0

    def _by_deadline(
        self, level: Level, captured: Captured, strength: float
    ) -> tuple[np.ndarray, Outcome, float]:
        frame = captured.frame
        self._running = job = Future()
        self._jobs.put((job, lambda: self._timed(level, frame, strength)))
        left_s = captured.time_s + self.policy.settings.deadline_s - _MARGIN_S - self._clock()
        wait([job], timeout=max(0.0, left_s))
        if not job.done():
            return frame, "late", 0.0
        try:
            restored, detail, cost_s = job.result()
        except Exception as error:  # whatever the model does, the picture goes on
            self.last_error = f"{type(error).__name__}: {error}"
            return frame, "failed", 0.0
        if detail is not None:
            self._reuse.keep(frame, detail)
        return restored, "restored", cost_s

    def _timed(self, level: Level, frame: np.ndarray, strength: float) -> tuple:
        """Restored frame, detail kept for reuse, and seconds; runs in the network's thread."""
        start_s, detail = self._clock(), None
        if level == "full":
            restored = _mixed(frame, self._restore(frame), strength)
        else:
            detail = half_detail(frame, self._restore)
            restored = add_detail(frame, detail, strength)
        return restored, detail, self._clock() - start_s

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, call = item
            try:
                job.set_result(call())
            except Exception as error:
                job.set_exception(error)


def _mixed(frame: np.ndarray, restored: np.ndarray, strength: float) -> np.ndarray:
    """`strength` of the way from the frame to the restored one; a ValueError for one that cannot be shown."""
    if restored.shape != frame.shape or restored.dtype != np.uint8:
        raise ValueError(f"the model gave {restored.dtype} {restored.shape} for {frame.shape}")
    return restored if strength == 1 else mixed(frame, restored, strength)
