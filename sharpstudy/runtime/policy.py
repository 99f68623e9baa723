"""What is done to each frame of a live picture so that it comes in time: times in, decisions out.

Nothing here reads a clock, starts a thread or touches a pixel, so that every rule can be tested by hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

Level = Literal["full", "half", "alternate", "bypass"]
Plan = Literal["restore", "reuse", "raw"]
Outcome = Literal["restored", "reused", "raw", "sharp", "late", "failed"]
"""Sharp is a raw frame that needed nothing; raw is one that was not asked for, or had no time."""

LEVELS: tuple[Level, ...] = ("full", "half", "alternate", "bypass")
"""From the best to the cheapest: the network on the whole frame; on the frame at half size, its detail
enlarged and added to the raw frame; that for every other frame, with the detail of still places reused
between; raw."""
HALF_LEVELS: tuple[Level, ...] = ("half", "alternate")


@dataclass(frozen=True)
class PolicySettings:
    """When a level is left and when a better one is tried; times in seconds."""

    deadline_s: float = 1 / 30  # from the capture of a frame until it has to be handed on
    window: int = 30  # the frames that a level is judged by
    tolerated: int = 1  # frames of the window that may miss the deadline
    comfort: float = 0.9  # a level is safe while all but the tolerated frames take this share of the deadline
    patience_s: float = 2.0  # until a better level is tried
    longest_patience_s: float = 60.0  # patience doubles with every try that fails, up to this

    def __post_init__(self) -> None:
        for name in ("deadline_s", "patience_s"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name} must be above 0 seconds, came {getattr(self, name)}")
        if self.longest_patience_s < self.patience_s:
            raise ValueError(
                f"longest_patience_s must be at least patience_s, came {self.longest_patience_s}"
            )
        if not 0 < self.comfort <= 1:
            raise ValueError(f"comfort must be above 0 and at most 1, came {self.comfort}")
        if not 0 <= self.tolerated < self.window:
            raise ValueError(f"tolerated must be 0 to window - 1 = {self.window - 1}, came {self.tolerated}")


class Policy:
    """Holds a frame deadline by stepping down through LEVELS, and steps up again when there is room.

    Ask `plan` before a frame and tell `report` what became of it. A level is left when more than `tolerated`
    of its last `window` restorations came late or failed. A better one is tried after `patience_s` without
    such a frame, if the present one has time to spare. While `half` is "harms", the two levels at half size
    are passed over. Patience doubles when a better level has to be left again within twice that time, and is
    as short as at first after one that held longer.
    """

    def __init__(self, settings: PolicySettings | None = None) -> None:
        self.settings = settings or PolicySettings()
        self.patience_s = self.settings.patience_s
        self.half: Literal["helps", "harms"] = "helps"  # whether half size is worth anything; may be set
        self._at = 0  # index into LEVELS
        self._costs: deque[float] = deque(maxlen=self.settings.window)
        self._calm_since_s: float | None = None
        self._tried_s: float | None = None
        self._reuse_next = False

    @property
    def level(self) -> Level:
        """What is done to frames at present."""
        return LEVELS[self._at]

    def plan(self, busy: bool) -> Plan:
        """What to do with the next frame; `busy` while the network is still at an earlier one."""
        if busy or self.level == "bypass":
            return "raw"
        reuse = self.level == "alternate" and self._reuse_next
        self._reuse_next = not reuse
        return "reuse" if reuse else "restore"

    def report(self, time_s: float, outcome: Outcome, cost_s: float = 0.0) -> None:
        """Nothing; the frame handed on at `time_s` is counted, `cost_s` after it was captured."""
        if self._calm_since_s is None:
            self._calm_since_s = time_s
        if self.half == "harms" and self.level in HALF_LEVELS:
            self._settle(time_s, len(LEVELS) - 1)
        if outcome in ("late", "failed"):
            self._costs.append(inf)
            self._calm_since_s = time_s
        elif outcome == "restored":
            self._costs.append(cost_s)
        if sum(cost > self.settings.deadline_s for cost in self._costs) > self.settings.tolerated:
            self._step_down(time_s)
        elif self._at and time_s - self._calm_since_s >= self.patience_s and self._has_room():
            self._settle(time_s, self._beside(-1))
            self._tried_s = time_s

    def _has_room(self) -> bool:
        if self.level == "bypass":
            return True
        usual = sorted(self._costs)[: max(0, len(self._costs) - self.settings.tolerated)]
        return bool(usual) and usual[-1] <= self.settings.comfort * self.settings.deadline_s

    def _step_down(self, time_s: float) -> None:
        if self._tried_s is not None:
            soon = time_s - self._tried_s < 2 * self.patience_s
            longer = min(2 * self.patience_s, self.settings.longest_patience_s)
            self.patience_s = longer if soon else self.settings.patience_s
        self._tried_s = None
        self._settle(time_s, self._beside(1))

    def _beside(self, step: Literal[-1, 1]) -> int:
        """The next level up or down that is worth trying."""
        at = min(self._at + step, len(LEVELS) - 1)
        while self.half == "harms" and LEVELS[at] in HALF_LEVELS:
            at += step
        return at

    def _settle(self, time_s: float, at: int) -> None:
        self._at, self._calm_since_s, self._reuse_next = at, time_s, False
        self._costs.clear()


class SharpGate:
    """Fades the sharpener out where frames are sharp already, and in again, without flicker at the threshold.

    Only every `every`-th frame has to be judged. It takes `agree` judgements in a row to turn, and the weight
    (0 raw to 1 restored) moves by one `fade`-th with every frame.
    """

    def __init__(self, every: int = 5, agree: int = 3, fade: int = 10) -> None:
        self.weight = 1.0
        self._every, self._agree, self._fade = every, agree, fade
        self._seen = self._against = 0
        self._sharp = False

    def update(self, judge: Callable[[], bool]) -> float:
        """The weight of this frame; `judge` says whether it is sharp, and is asked only when that is due."""
        if self._seen % self._every == 0:
            self._against = self._against + 1 if judge() != self._sharp else 0
            if self._against >= self._agree:
                self._sharp, self._against = not self._sharp, 0
        self._seen += 1
        step = -1 / self._fade if self._sharp else 1 / self._fade
        self.weight = min(1.0, max(0.0, round(self.weight + step, 6)))
        return self.weight


def simulate(
    cost_s: Callable[[float, Level], float],
    seconds: float,
    fps: float = 30,
    settings: PolicySettings | None = None,
) -> list[dict[str, float | str]]:
    """The table of decisions of a policy on a simulated clock: one row per frame that was shown.

    Columns: time_s, level, outcome, latency_ms (capture to hand-over), cost_ms (the network's time, 0 where
    it did not run). The network takes cost_s(time, level) and goes on after a missed deadline; frames that
    come meanwhile are raw.
    """
    settings = settings or PolicySettings(deadline_s=1 / fps)
    policy, rows, free_s = Policy(settings), [], 0.0
    for number in range(ceil(seconds * fps)):
        time_s, level = number / fps, policy.level
        plan = policy.plan(busy=time_s < free_s)
        cost = cost_s(time_s, level) if plan == "restore" else 0.0
        late = cost > settings.deadline_s
        outcome = {"restore": "late" if late else "restored", "reuse": "reused", "raw": "raw"}[plan]
        latency_s = min(cost, settings.deadline_s)
        free_s = max(free_s, time_s + cost)
        policy.report(time_s + latency_s, outcome, cost)
        row = {"time_s": time_s, "level": level, "outcome": outcome}
        rows.append(row | {"latency_ms": 1000 * latency_s, "cost_ms": 1000 * cost})
    return rows
