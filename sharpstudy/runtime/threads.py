"""How many threads are worth starting: the physical cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

MOST = 8  # a call's encoder and decoder need the rest, and a frame's layers hardly gain from more
_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Physical cores by affinity and container quota, from 1 to 8; where they cannot be told from their
    hyper-threads, half of the logical ones."""
    if hasattr(os, "sched_getaffinity"):
        logical = os.sched_getaffinity(0)
        cores = len({_siblings(cpu) for cpu in logical})
    else:
        cores = (os.cpu_count() or 2) // 2
    return max(1, min(cores, _quota(), MOST))


def binding_note() -> str:
    """A warning where this thread is bound to fewer cores than there are because of OpenMP; else nothing.

    Worker threads started from a bound thread inherit its cores, and then run at half their speed unnoticed.
    """
    bind = os.environ.get("OMP_PROC_BIND", "false").lower()
    if bind == "false" or not hasattr(os, "sched_getaffinity"):
        return ""
    free, all_cores = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    if free >= all_cores:
        return ""
    return f"OMP_PROC_BIND={bind} binds this thread to {free} of {all_cores} cores, and with it the workers"


def _siblings(cpu: int) -> str:
    try:
        return (_CPUS / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Whole cores that the container's quota grants; many where there is none."""
    try:
        quota, period = _QUOTA.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return MOST
