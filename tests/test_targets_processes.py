"""One folder of targets filled by several processes, or by one that is killed: nothing twice or broken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sharpstudy.data.entries import is_whole
from sharpstudy.data.pairs import PairStore
from sharpstudy.paths import PACKAGE
from sharpstudy.teachers.processes import Processes, join_processes
from sharpstudy.teachers.targets import cache_targets, missing_targets
from tests.planted import pairs, planted
from tests.target_worker import COUNT

X4 = "srgan-generator-x4"
WORKER = ["-m", "tests.target_worker"]
TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, and torchrun's meeting point")


def start(folder: Path, *words: str, wait_s: float = 0.0) -> subprocess.Popen:
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    words = (*words, *WORKER, str(folder), str(folder / "logs"), str(wait_s))
    return subprocess.Popen([sys.executable, *words], cwd=PACKAGE.parent, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors[-3000:]


def restored(folder: Path) -> dict[str, list[str]]:
    """What each process restored, one line a frame, by the process's number."""
    return {path.stem: path.read_text().splitlines() for path in (folder / "logs").glob("*.txt")}


def assert_whole_and_right(store: PairStore, tmp_path: Path) -> None:
    """All targets are those that one process makes in a folder of its own, byte by byte."""
    late = planted(name=X4)
    stored = cache_targets(late, store, tmp_path / "targets")
    assert late.network.calls == 0
    alone = cache_targets(planted(name=X4), store, tmp_path / "alone")
    for name, path in stored.targets.items():
        assert is_whole(path)
        assert path.read_bytes() == alone.targets[name].read_bytes()
    assert not list((tmp_path / "targets").rglob("*.part.npy"))


def test_a_process_that_was_started_plainly_is_alone(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "1")
    processes = join_processes("cpu")
    assert (processes.rank, processes.ranks, processes.device.type) == (0, 1, "cpu")
    assert processes.agreed(lambda: "said") == "said"
    assert processes.gathered([1, 2.5]) == [[1, 2.5]]
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    monkeypatch.setenv("WORLD_SIZE", "16")  # of some scheduler, not torchrun's
    assert join_processes("cpu").ranks == 1


@posix
@pytest.mark.slow
def test_torchrun_shares_the_frames_and_all_see_all(tmp_path):
    store = pairs(tmp_path, COUNT)
    before = cache_targets(planted(name=X4), store, tmp_path / "targets", shard=(0, 4))  # a part is there
    with socket.create_server(("127.0.0.1", 0)) as meeting:
        port = meeting.getsockname()[1]
    finish(start(tmp_path, *TORCHRUN, "--master-port", str(port)))
    lines = restored(tmp_path)
    left = COUNT - len(before)
    assert len(lines) == 2
    assert sorted(map(len, lines.values())) == [left // 2, left - left // 2]
    assert len({line for mine in lines.values() for line in mine}) == left
    for rank in range(2):
        said = (tmp_path / "logs" / f"rank{rank}.done").read_text().split()
        assert said == [str(rank), "2", str(COUNT), str(left), str(len(before))]
    assert_whole_and_right(store, tmp_path)


@pytest.mark.slow
def test_two_processes_that_know_nothing_of_each_other_break_nothing(tmp_path):
    store = pairs(tmp_path, COUNT)
    both = [start(tmp_path, wait_s=0.1) for _ in range(2)]
    for process in both:
        finish(process)
    counts = [len(lines) for lines in restored(tmp_path).values()]
    assert COUNT <= sum(counts) <= 2 * COUNT
    assert_whole_and_right(store, tmp_path)


@posix
@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(tmp_path):
    store, teacher = pairs(tmp_path, COUNT), planted(name=X4)
    process = start(tmp_path, wait_s=0.3)
    limit = time.monotonic() + 120
    while len(list((tmp_path / "targets").rglob("*.npy"))) < 3:
        assert time.monotonic() < limit, "the process wrote nothing"
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = len(missing_targets(teacher, store, tmp_path / "targets"))
    assert 0 < left <= COUNT - 3
    for part in (tmp_path / "targets").rglob("*.part.npy"):
        os.utime(part, (0, 0))  # as if the kill were hours ago
    again = cache_targets(teacher, store, tmp_path / "targets")
    assert teacher.network.calls == left
    assert_whole_and_right(again, tmp_path)


def test_torchrun_and_a_shard_exclude_each_other(tmp_path):
    many = Processes(planted().device, rank=0, ranks=2, fabric=object())
    with pytest.raises(ValueError, match="torchrun shares the frames already"):
        cache_targets(planted(), pairs(tmp_path, 2), tmp_path, shard=(0, 2), processes=many)
