"""The processes that torchrun started, on one machine or many; or this one alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch

T = TypeVar("T")

PATIENCE = timedelta(days=7)  # how long a process waits for one that still has frames to restore


@dataclass(frozen=True)
class Processes:
    """Who this process is among how many, and the device that is its own."""

    device: torch.device
    rank: int = 0
    ranks: int = 1
    fabric: Any = None  # None where the process is alone

    def agreed(self, make: Callable[[], T]) -> T:
        """What `make` gives on the first process, on all of them; nobody else calls it."""
        if self.fabric is None:
            return make()
        return self.fabric.broadcast(make() if self.rank == 0 else None)

    def gathered(self, numbers: Sequence[float]) -> list[list[float]]:
        """The numbers of every process, in the order of ranks, once all have come here."""
        if self.fabric is None:
            return [list(numbers)]
        return [self.fabric.broadcast(list(numbers), src=rank) for rank in range(self.ranks)]


def join_processes(device: str | torch.device = "auto") -> Processes:
    """The processes of this torchrun, connected; or this process alone, where it was started plainly.

    `device` "auto" is CUDA where there is one, else the CPU. Under torchrun each process has the CUDA device
    of its own local rank.
    """
    if str(device) == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(device)
    started = torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()
    if not started or os.environ["WORLD_SIZE"] == "1":
        return Processes(device)
    fabric = _launched(device.type)
    return Processes(fabric.device, fabric.global_rank, fabric.world_size, fabric)


def _launched(accelerator: str) -> Any:
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy
    except ImportError:  # the same library inside the package `lightning`
        from lightning.fabric import Fabric
        from lightning.fabric.strategies import DDPStrategy

    every, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    strategy = DDPStrategy(timeout=PATIENCE)
    fabric = Fabric(accelerator=accelerator, devices=here, num_nodes=every // here, strategy=strategy)
    fabric.launch()
    return fabric
