"""Stand-ins for what a live picture is made of: cameras, windows, receivers and a model."""

from __future__ import annotations

import time

import numpy as np

from sharpstudy.runtime.deadline import DeadlineSharpener
from sharpstudy.runtime.policy import PolicySettings

RELAXED = PolicySettings(deadline_s=5.0)  # for tests in which nothing may hang on how fast a machine is


def brighter(frame: np.ndarray) -> np.ndarray:
    return np.where(frame > 245, 255, frame + np.uint8(10)).astype(np.uint8)


class FakeCamera:
    """Gives what its script says: a frame, None, an exception, or a function to call; then it has ended."""

    name, fps, size = "a fake camera", 30.0, (32, 24)

    def __init__(self, script: list) -> None:
        self.script, self.reopened, self.closed, self.finished = list(script), 0, 0, False

    def read(self) -> np.ndarray | None:
        if not self.script:
            self.finished = True
            return None
        step = self.script.pop(0)
        if callable(step):
            step = step()
        if isinstance(step, Exception):
            raise step
        return step

    def reopen(self) -> None:
        self.reopened += 1

    def close(self) -> None:
        self.closed += 1


class FakeScreen:
    """A window that remembers what it was shown and gives back commands."""

    def __init__(self, commands: tuple[str, ...] = (), polled: tuple[str, ...] = ()) -> None:
        self.shown, self.polls, self.commands, self.polled = [], 0, list(commands), list(polled)
        self.view = type("View", (), {"strength": 1.0})()

    def show(self, raw, restored, lines) -> str:
        self.shown.append((raw, restored, lines()))
        return self.commands.pop(0) if self.commands else "none"

    def poll(self) -> str:
        self.polls += 1
        return self.polled.pop(0) if self.polled else "none"


class Receiver(list):
    def send(self, frame: np.ndarray) -> None:
        self.append(frame)


def frame(value: int = 100, height: int = 24, width: int = 32) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def slowly(one: np.ndarray, seconds: float = 0.02):
    def give() -> np.ndarray:
        time.sleep(seconds)
        return one

    return give


def sharpener(restore=brighter, settings: PolicySettings = RELAXED, **words) -> DeadlineSharpener:
    return DeadlineSharpener(restore, settings, **words)
