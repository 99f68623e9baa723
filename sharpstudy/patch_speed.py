"""How fast patches come, against how fast the smallest student eats them: training must never wait for data.

`python -m sharpstudy.patch_speed` measures it on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import nn
from torch.utils.data import DataLoader

from sharpstudy.data.patches import Patches

if TYPE_CHECKING:
    import pandas as pd

Way = Literal["calls", "threads", "processes"]
WARM_UP = 3  # steps that are not timed: the first ones open files and start workers


def benchmark_patches(patches: Patches, steps: int = 100, way: Way = "calls", workers: int = 1) -> float:
    """Patches a second: by calls of `batch`, by `batches` on threads, or by a DataLoader's processes."""
    if way not in get_args(Way):
        raise ValueError(f"way: expected one of {get_args(Way)}, got {way!r}")
    source = _source(patches, steps + WARM_UP, way, workers)
    return patches.batch_size * _steps_per_second(lambda: next(source), steps)


def student_appetite(
    patches: Patches, student: nn.Module | None = None, steps: int = 20, device: str = "cpu"
) -> float:
    """Patches a second that a student takes in training: forward, L1 loss, backward, Adam, on one stored
    batch.

    Without a student the fastest of the study's size: unshuffle by 4, four convolutions 16 wide.
    """
    student = (student or smallest_student()).to(device)
    optimiser = torch.optim.Adam(student.parameters(), lr=1e-4)
    batch = {part: tensor.to(device) for part, tensor in patches.batch(0).items()}

    def train_step() -> None:
        optimiser.zero_grad(set_to_none=True)
        nn.functional.l1_loss(student(batch["degraded"]), batch["reference"]).backward()
        optimiser.step()
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return patches.batch_size * _steps_per_second(train_step, steps)


def feeding_table(
    patches: Patches, student: nn.Module | None = None, steps: int = 50, rounds: int = 3, workers: int = 2
) -> pd.DataFrame:
    """One row for each way of reading: patches a second, and the ratio to the student's appetite.

    The best of `rounds`, in which student and readers take turns, since others may be using the machine.
    Columns: way, workers, patches_per_s, ratio; the student's own row is called "student".
    """
    import pandas as pd

    ways: list[tuple[Way, int]] = [("calls", 1), ("threads", workers), ("processes", workers)]
    best: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        speeds = {(way, count): benchmark_patches(patches, steps, way, count) for way, count in ways}
        speeds["student", 1] = student_appetite(patches, student, max(1, steps // 5))
        best = {row: max(speed, best.get(row, 0.0)) for row, speed in speeds.items()}
    eaten = best["student", 1]
    rows = [(way, count, speed, speed / eaten) for (way, count), speed in best.items()]
    return pd.DataFrame(rows, columns=["way", "workers", "patches_per_s", "ratio"])


def smallest_student() -> nn.Module:
    """A network of the smallest student's size and shape, 18.5 k parameters, with random weights."""
    widths = (48, 16, 16, 16, 48)
    layers: list[nn.Module] = [nn.PixelUnshuffle(4)]
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.PixelShuffle(4))


def _source(patches: Patches, steps: int, way: Way, workers: int) -> Iterator[dict[str, torch.Tensor]]:
    if way == "calls":
        return (patches.batch(step) for step in range(steps))
    if way == "threads":
        return patches.batches(0, steps, ahead=2 * workers, threads=workers)
    return iter(DataLoader(patches, batch_size=patches.batch_size, num_workers=workers))


def _steps_per_second(step: Callable[[], object], steps: int) -> float:
    for _ in range(WARM_UP):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps / (time.perf_counter() - start)


def main() -> None:
    """Print the table for pairs of the bundled frames, patches of 128 and batches of 16."""
    from sharpstudy.data.pairs import prepare_pairs
    from sharpstudy.data.sources import load_source
    from sharpstudy.paths import WORK

    references = [reference for reference in load_source("bundled") if reference.split == "train"]
    store = prepare_pairs(references, "bicubic-x4", 1, WORK / "pairs")
    table = feeding_table(Patches(store, 128, 16, 1, steps=1000))
    print(table.round(2).to_string(index=False))  # noqa: T201


if __name__ == "__main__":
    main()
