"""The learning rate of every step, and what happens after an epoch that brought nothing better."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sharpstudy.recipes import Schedule


def learning_rate(schedule: Schedule, peak: float, step: int, steps: int, factor: float = 1.0) -> float:
    """The learning rate of a step (from 0) out of `steps`; `factor` is what a plateau has left of the peak.

    The warm-up rises in equal parts and reaches the peak at its last step. The cosine (Loshchilov and Hutter
    2017, one period) falls over the steps after it, and would be at the floor one step past the end.
    """
    if step < schedule.warm_up_steps:
        return peak * (step + 1) / schedule.warm_up_steps
    if schedule.name == "cosine":
        share = (step - schedule.warm_up_steps) / max(1, steps - schedule.warm_up_steps)
        return peak * (schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * share)) / 2)
    return peak * factor


@dataclass
class Patience:
    """How the selection score moves from epoch to epoch; higher is better, and equal is not.

    factor: what a plateau schedule has left of the peak learning rate. As with torch's ReduceLROnPlateau, the
    rate falls at the first epoch after `schedule.patience` epochs that all brought nothing better.
    """

    best: float = -math.inf
    best_step: int = 0
    waited: int = 0  # epochs since the best
    stalled: int = 0  # epochs since the best or since the rate last fell
    factor: float = 1.0

    def take(self, score: float, step: int, schedule: Schedule) -> bool:
        """Whether the score is the best so far; moves the factor of a plateau."""
        if score > self.best:
            self.best, self.best_step, self.waited, self.stalled = score, step, 0, 0
            return True
        self.waited, self.stalled = self.waited + 1, self.stalled + 1
        if schedule.name == "plateau" and self.stalled > schedule.patience:
            self.factor, self.stalled = max(self.factor * schedule.factor, schedule.floor), 0
        return False
