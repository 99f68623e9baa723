"""Trainings broken off by Ctrl-C, by SIGKILL or by a full disk end in the same bits as straight ones."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import OnStep, Progress, TrainingError, TrainingSettings
from sharpstudy.distill.checkpoint import (
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    write_checkpoint,
)
from sharpstudy.distill.optimise import make_optimiser
from sharpstudy.paths import ROOT
from sharpstudy.recipes import Optimiser, Schedule
from tests.training_tools import TinyNetwork, assert_same_bits, make_pairs, make_settings, run_training

CHECKPOINT = "checkpoint.safetensors"
# What resuming has to bring back, one kind of training for each: averages, a plateau, patience, a checkpoint
# in the middle of an epoch, decoupled weight decay.
KINDS: dict[str, TrainingSettings] = {
    "cosine, averaged": make_settings(ema=0.9),
    "plateau": make_settings(
        schedule=Schedule("plateau", 1, floor=0.01, factor=0.5, patience=0),
        optimiser=Optimiser("adam", 0.1, 0.0),
    ),
    "patience": make_settings(patience=3, optimiser=Optimiser("adam", 0.1, 0.0), epochs=8),
    "between epochs": make_settings(checkpoint_every=2, optimiser=Optimiser("adamw", 2e-3, 0.1)),
    "in other bases": make_settings(optimiser=Optimiser("soap", 2e-3, 0.0)),
    "by loss, contiguous": make_settings(selection="loss", memory="contiguous", gradient_clip=None),
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


def break_off_at(*steps: int) -> OnStep:
    """An on_step that is Ctrl-C after each of the steps, once."""
    left = list(steps)

    def on_step(progress: Progress) -> None:
        if left and progress.step == left[0]:
            left.pop(0)
            raise KeyboardInterrupt

    return on_step


def measured(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a log without the clock's columns."""
    clock = ("pairs_per_s", "seconds")
    return [{key: value for key, value in row.items() if key not in clock} for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_is_broken_off_goes_on_to_the_same_bits(pairs, tmp_path, kind):
    straight = run_training(pairs, tmp_path / "straight", KINDS[kind])
    on_step = break_off_at(5, 7, 8)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run_training(pairs, tmp_path / "broken", KINDS[kind], on_step=on_step)
    resumed = run_training(pairs, tmp_path / "broken", KINDS[kind], on_step=on_step)
    assert_same_bits(resumed, straight)
    assert measured(resumed.rows) == measured(straight.rows)
    assert (resumed.best_step, resumed.stopped) == (straight.best_step, straight.stopped)
    ends = [read_checkpoint(result.folder / CHECKPOINT) for result in (straight, resumed)]
    for group in ends[0].tensors:
        for name, tensor in ends[0].tensors[group].items():
            assert torch.equal(tensor, ends[1].tensors[group][name]), (group, name)


def test_no_more_than_one_interval_is_lost(pairs, tmp_path):
    settings, seen = make_settings(checkpoint_every=2), []
    with pytest.raises(KeyboardInterrupt):
        run_training(pairs, tmp_path, settings, on_step=break_off_at(9))
    run_training(pairs, tmp_path, settings, on_step=lambda progress: seen.append(progress.step))
    assert seen == [9, 10, 11, 12]


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
import torch
torch.set_num_threads(1)
from sharpstudy.data.pairs import open_pairs
from tests.training_tools import make_settings, run_training

def on_step(progress):
    if progress.step == int(sys.argv[3]):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

run_training(open_pairs(Path(sys.argv[1])), Path(sys.argv[2]), make_settings(ema=0.9), on_step=on_step)
"""


def run_killed(listing: Path, folder: Path, step: int) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(listing), str(folder), str(step)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_killed_process_loses_nothing_but_its_interval(pairs, tmp_path):
    straight = run_training(pairs, tmp_path / "straight", make_settings(ema=0.9))
    answer = run_killed(pairs.save("killed"), tmp_path / "killed", 8)
    assert answer.returncode == -getattr(signal, "SIGKILL", -1), answer.stderr
    assert read_checkpoint(tmp_path / "killed" / CHECKPOINT).facts["step"] == 6
    resumed = run_training(pairs, tmp_path / "killed", make_settings(ema=0.9))
    assert_same_bits(resumed, straight)
    assert measured(resumed.rows) == measured(straight.rows)


@pytest.mark.parametrize("victim", [CHECKPOINT, "log.csv", "best.safetensors"])
def test_a_full_disk_stops_with_a_sentence_and_leaves_the_last_checkpoint(
    pairs, tmp_path, monkeypatch, victim
):
    straight = run_training(pairs, tmp_path / "straight")
    replace_file, room = os.replace, [3]  # so many writes of the victim succeed

    def full_disk(source, target):
        if Path(target).name == victim:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(TrainingError, match="No space left on device"):
        run_training(pairs, tmp_path / "full")
    monkeypatch.undo()
    kept = read_checkpoint(tmp_path / "full" / CHECKPOINT).facts["step"]
    assert 0 < kept < 12
    assert not list((tmp_path / "full").glob(".*")), "nothing half-written is left"
    assert_same_bits(run_training(pairs, tmp_path / "full"), straight)


def test_what_a_kill_left_half_written_is_removed(pairs, tmp_path):
    for name in (".0123.part.safetensors", ".best.safetensors.77.tmp", ".tmp0Ab1cD"):
        (tmp_path / name).write_bytes(b"half")
    run_training(pairs, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", CHECKPOINT, "log.csv"]


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_damaged_checkpoint_is_refused_and_not_started_over(pairs, tmp_path, damage):
    run_training(pairs, tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(damage)
    with pytest.raises(TrainingError, match=r"checkpoint checkpoint.safetensors: expected a whole one, got"):
        run_training(pairs, tmp_path)
    assert run_training(pairs, tmp_path, resume="never").steps == 12


def test_another_trainings_checkpoint_is_refused_by_what_differs(pairs, tmp_path):
    run_training(pairs, tmp_path)
    cases = {
        r"epochs \(epochs was 4, is 5\)": {"settings": make_settings(epochs=5)},
        r"batch \(batch was 4 patches of 32": {"batch": 2},
        r"first weights \(first": {"network": TinyNetwork(seed=1)},
        r"patches, pairs, validation pairs \(": {"store": PairStore(pairs.folder, pairs.entries[:5])},
    }
    for words, changes in cases.items():
        store = changes.pop("store", pairs)
        with pytest.raises(
            TrainingError, match=f"checkpoint of this training, got one that differs in {words}"
        ):
            run_training(store, tmp_path, **changes)
    apart = make_settings(checkpoint_every=5, sample_epochs=(1,), memory="contiguous")
    assert run_training(pairs, tmp_path, apart, on_step=pytest.fail).steps == 12


def test_starting_anew_forgets_what_was_there(pairs, tmp_path):
    first = run_training(pairs, tmp_path)
    other = make_settings(optimiser=Optimiser("adam", 1e-3, 0.0))
    with pytest.raises(KeyboardInterrupt):
        run_training(pairs, tmp_path, other, resume="never", on_step=break_off_at(1))
    assert not (tmp_path / CHECKPOINT).exists()
    again = run_training(pairs, tmp_path, resume="never")
    assert_same_bits(again, first)


def test_a_checkpoint_is_tensors_and_json_and_nothing_that_runs(pairs, tmp_path):
    from safetensors import safe_open

    run_training(pairs, tmp_path, make_settings(ema=0.9))
    with safe_open(tmp_path / CHECKPOINT, "pt") as file:
        facts = json.loads(file.metadata()["sharpstudy"])
        groups = {key.partition("/")[0] for key in file.keys()}  # noqa: SIM118 (the handle is no mapping)
    assert groups == {"learner", "average", "best", "optimiser"}
    assert facts["step"] == 12
    assert len(facts["rows"]) == 5


def test_a_checkpoint_gives_back_what_it_was_given(tmp_path):
    odd = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    groups = {"a": {"x/y": odd, "one": torch.tensor(3.0)}, "b": {"x/y": torch.arange(5)}}
    facts = {"number": 0.1 + 0.2, "nothing": None, "list": [1, "two"]}
    write_checkpoint(tmp_path / "file.safetensors", groups, facts)
    found = read_checkpoint(tmp_path / "file.safetensors")
    assert {name: found.facts[name] for name in facts} == facts
    for group, tensors in groups.items():
        for name, tensor in tensors.items():
            assert torch.equal(found.tensors[group][name], tensor)


@pytest.mark.parametrize("name", ["adam", "adamw", "soap"])
def test_the_optimiser_goes_on_as_if_never_stopped(name):
    def step(network: TinyNetwork, optimiser: torch.optim.Optimizer) -> None:
        frames = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        network(frames).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()

    networks = [TinyNetwork().to(memory_format=torch.channels_last) for _ in range(2)]
    settings = Optimiser(name, 1e-2, 0.1)
    optimisers = [make_optimiser(settings, list(network.parameters()), "cpu") for network in networks]
    step(networks[0], optimisers[0])
    networks[1].load_state_dict(networks[0].state_dict())
    kept = {name: tensor.clone().contiguous() for name, tensor in optimiser_tensors(optimisers[0]).items()}
    restore_optimiser(optimisers[1], kept)
    for network, optimiser in zip(networks, optimisers, strict=True):
        step(network, optimiser)
    for own in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(*own)
        for key, value in optimisers[0].state[own[0]].items():
            assert value.stride() == optimisers[1].state[own[1]][key].stride()
