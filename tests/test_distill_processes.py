"""Several processes of torchrun's learn what one process learns, and only the first of them writes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import TrainingError, distill, process_count, process_rank
from sharpstudy.paths import ROOT
from sharpstudy.recipes import without_teacher
from tests.training_tools import make_pairs, small_recipe

SCRIPT = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from sharpstudy.data.pairs import open_pairs
from sharpstudy.distill import process_rank
from tests.training_tools import make_settings, run_training

def on_step(progress):
    print("told", process_rank(), progress.step, flush=True)
    if progress.step == int(sys.argv[4]):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

folder, batch = Path(sys.argv[2]), int(sys.argv[3])
folder = folder if process_rank() == 0 else folder.with_name("others")
(folder / "there").mkdir(parents=True, exist_ok=True)
settings = make_settings(ema=0.9, selection="loss", sample_epochs=(1,))
result = run_training(open_pairs(Path(sys.argv[1])), folder, settings, batch=batch, on_step=on_step)
total = sum(parameter.double().sum().item() for parameter in result.network.parameters())
print("best", process_rank(), result.best_step, total)
"""


def torchrun(listing: Path, folder: Path, processes: int, kill_at: int = 0) -> list[str]:
    """What the script says under so many processes, which share batches of 4 patches."""
    script = folder.with_name("script.py")
    script.write_text(SCRIPT)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    arguments = [str(script), str(listing), str(folder), str(4 // processes), str(kill_at)]
    # Unbuffered, two processes would write into each other's lines.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""}
    command = [sys.executable, *launcher, *arguments]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=120)
    assert (answer.returncode == 0) == (kill_at == 0), answer.stderr[-3000:]
    return answer.stdout.splitlines()


def rows_of(folder: Path) -> list[dict[str, float]]:
    with open(folder / "log.csv", newline="") as file:
        return [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]


def assert_alike(one: Path, other: Path) -> None:
    rows = rows_of(one), rows_of(other)
    assert [len(part) for part in rows] == [5, 5]
    for first, second in zip(*rows, strict=True):
        for name in set(first) - {"pairs_per_s", "seconds"}:
            assert second[name] == pytest.approx(first[name], rel=1e-4, nan_ok=True), (first["step"], name)
    weights = load_file(one / "best.safetensors"), load_file(other / "best.safetensors")
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=2e-5)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def alone(pairs, tmp_path_factory) -> Path:
    """The folder of a training by one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    told = torchrun(pairs.save("listing"), folder, 1)
    assert told[-1].startswith("best 0 ")
    return folder


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_one_writes(pairs, alone, tmp_path):
    told = torchrun(pairs.save("listing"), tmp_path / "together", 2)
    assert_alike(alone, tmp_path / "together")
    assert [line for line in told if line.startswith("told")] == [f"told 0 {step}" for step in range(1, 13)]
    best = [line.split()[2:] for line in told if line.startswith("best")]
    assert len(best) == 2
    assert best[0] == best[1], "both processes end with the same weights"
    assert [path.name for path in (tmp_path / "others").iterdir()] == ["there"]


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_go_on_as_one(pairs, alone, tmp_path):
    torchrun(pairs.save("listing"), tmp_path / "broken", 2, kill_at=8)
    told = torchrun(pairs.save("listing"), tmp_path / "broken", 1)
    assert next(line for line in told if line.startswith("told")) == "told 0 7"
    assert_alike(alone, tmp_path / "broken")


def test_a_process_by_itself_is_the_first_of_one(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")  # left over from something else: torchrun also says who it is
    monkeypatch.setenv("RANK", "3")
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert (process_count(), process_rank()) == (1, 0)


def test_a_batch_that_cannot_be_shared_is_refused(pairs, tmp_path, monkeypatch):
    for name, value in {"WORLD_SIZE": "3", "RANK": "0", "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, value)
    recipe = without_teacher(replace(small_recipe(), name="own"))
    with pytest.raises(TrainingError, match="expected a number that divides the batch of 4, got 3"):
        distill(recipe, "quick", pairs_train=pairs, pairs_validation=pairs, folder=tmp_path, device="cpu")
