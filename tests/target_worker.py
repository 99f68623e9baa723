"""A process that caches targets: `python -m tests.target_worker FOLDER LOGS SECONDS_A_FRAME [DEVICE]`."""

from __future__ import annotations

import sys
from pathlib import Path

from sharpstudy.teachers.processes import join_processes
from sharpstudy.teachers.targets import Caching, cache_targets
from tests.planted import pairs, planted

COUNT = 8


def main(folder: Path, logs: Path, wait_s: float) -> None:
    """Write how many pairs this process sees with targets, its rank, and what all did, into LOGS."""
    processes = join_processes("cpu")
    store = processes.agreed(lambda: pairs(folder, COUNT))
    reports: list[Caching] = []
    teacher = planted(name="srgan-generator-x4", log=logs, wait_s=wait_s)
    stored = cache_targets(teacher, store, folder / "targets", processes=processes, report=reports.append)
    seen = sum(stored.pair(place).target.size > 0 for place in range(len(stored)))
    words = f"{processes.rank} {processes.ranks} {seen} {reports[0].computed} {reports[0].found}"
    (logs / f"rank{processes.rank}.done").write_text(words)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
