"""What the loop is made of: schedules and steps against torch's, averages, validation squares, numbers."""

from __future__ import annotations

import copy
import math
import os
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sharpstudy.data.frames import to_tensor
from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import TrainingDiverged, TrainingError, device
from sharpstudy.distill.device import start_fabric
from sharpstudy.distill.learner import Average
from sharpstudy.distill.optimise import learning, limit_norm, make_optimiser
from sharpstudy.distill.schedule import Patience, learning_rate
from sharpstudy.distill.validate import CAP, busiest, choose_squares, find_fault, scores_of, validate
from sharpstudy.distill.watch import Watch
from sharpstudy.losses import LossSum
from sharpstudy.recipes import Optimiser, Schedule, Term
from tests.training_tools import TinyNetwork, make_pairs


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def small_pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("small"), "bicubic-x4")


# --- schedules


def test_the_cosine_is_torchs_after_its_warm_up():
    schedule, peak, steps = Schedule("cosine", 5, floor=0.02), 0.3, 40
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak)
    expected = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps - 5, eta_min=0.02 * peak)
    for step in range(5, steps):
        assert learning_rate(schedule, peak, step, steps) == pytest.approx(expected.get_last_lr()[0])
        optimiser.step()
        expected.step()
    rising = [learning_rate(schedule, peak, step, steps) for step in range(5)]
    assert rising == pytest.approx([0.06, 0.12, 0.18, 0.24, 0.3])


@pytest.mark.parametrize("patience", [0, 2])
def test_the_plateau_is_torchs(patience):
    schedule = Schedule("plateau", 0, floor=0.2, factor=0.5, patience=patience)
    scores = [20, 21, 21, 20, 20.5, 20.9, 22, 21, 21, 21, 21, 21, 21, 21, 21, 21, 21, 21, 21, 23]
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, "max", factor=0.5, patience=patience, threshold=0, min_lr=0.2
    )
    mine = Patience()
    for step, score in enumerate(scores):
        mine.take(score, step, schedule)
        expected.step(score)
        rate = learning_rate(schedule, 1.0, step, len(scores), mine.factor)
        assert rate == pytest.approx(optimiser.param_groups[0]["lr"]), step
    assert (mine.best, mine.best_step, mine.waited) == (23, 19, 0)


def test_the_average_is_the_exponential_one():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = Average(network, 0.5)
    values, expected = [1.0, 3.0, -2.0, 5.0, 4.0, 2.0, 8.0, 1.0, 0.0, 6.0], 0.0
    for step, value in enumerate(values):
        network.weight.data.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert not average.network.weight.requires_grad


# --- a step of the optimiser


def with_gradients(layout: torch.memory_format, size: float = 1.0) -> TinyNetwork:
    network = TinyNetwork(width=16).to(memory_format=layout)
    draws = torch.Generator().manual_seed(3)
    for weight in network.parameters():
        weight.grad = torch.empty_like(weight).copy_(torch.randn(weight.shape, generator=draws) * size)
    return network


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("name", "decay"), [("adam", 0.0), ("adam", 0.1), ("adamw", 0.1)])
def test_the_steps_on_a_cpu_are_those_of_torchs_plain_loop(layout, name, decay):
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    mine = with_gradients(layout)
    plain = copy.deepcopy(mine)
    for one, other in zip(mine.parameters(), plain.parameters(), strict=True):
        other.grad = one.grad.clone()
    expected = kinds[name](plain.parameters(), lr=0.01, weight_decay=decay, foreach=False)
    optimiser = make_optimiser(Optimiser(name, 0.01, decay), learning(mine), "cpu")
    for _ in range(5):
        optimiser.step()
        expected.step()
    first = with_gradients(layout)
    for one, other, start in zip(mine.parameters(), plain.parameters(), first.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
        assert (one - start).abs().max() > 0.01


def test_what_does_not_learn_is_not_stepped():
    network = TinyNetwork()
    network.first.requires_grad_(False)
    assert [id(weight) for weight in learning(network)] == [
        id(weight) for weight in network.last.parameters()
    ]


@pytest.mark.parametrize(("size", "most"), [(1.0, 0.5), (1e-3, 0.5), (1.0, math.inf), (math.nan, 0.5)])
def test_gradients_are_limited_as_torch_limits_them(size, most):
    network = with_gradients(torch.channels_last, size)
    network.last.bias.grad = None
    weights = list(network.parameters())
    other = copy.deepcopy(network)
    for weight, copied in zip(weights, other.parameters(), strict=True):
        copied.grad = None if weight.grad is None else weight.grad.clone()
    expected = nn.utils.clip_grad_norm_(other.parameters(), most)
    torch.testing.assert_close(limit_norm(weights, most), expected, equal_nan=True)
    for weight, copied in zip(weights[:-1], other.parameters(), strict=False):
        torch.testing.assert_close(weight.grad, copied.grad, equal_nan=True)


# --- validation


def test_the_busiest_square_is_found_on_the_grid(rng):
    frame = np.full((60, 90, 3), 128, np.uint8)
    frame[21:41, 50:70] = rng.integers(0, 256, (20, 20, 3))
    top, left = busiest(frame, 24, 4)
    assert (top % 4, left % 4) == (0, 0)
    grey = frame.sum(axis=2).astype(int)
    changes = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, append=grey[:, -1:]))
    corners = [(y, x) for y in range(0, 37, 4) for x in range(0, 67, 4)]
    sums = {(y, x): changes[y : y + 24, x : x + 24].sum() for y, x in corners}
    assert sums[top, left] == max(sums.values())
    assert busiest(np.zeros((40, 40, 3), np.uint8), 24, 4) == (0, 0)


def test_squares_are_cut_from_whole_degraded_frames_and_never_shrunk(small_pairs):
    squares = choose_squares(small_pairs, 4, 48, "small")
    assert [place.frame for place in squares.places] == ["frame-000", "frame-001", "frame-003", "frame-004"]
    by_frame = {entry.frame: small_pairs.pair(index) for index, entry in enumerate(small_pairs.entries)}
    for index, place in enumerate(squares.places):
        pair = by_frame[place.frame]
        rows, columns = slice(place.top, place.top + 48), slice(place.left, place.left + 48)
        np.testing.assert_array_equal(squares.degraded[index], pair.degraded[rows, columns])
        np.testing.assert_array_equal(squares.references[index], pair.reference[rows, columns])
        small = pair.small[place.top // 4 : place.top // 4 + 12, place.left // 4 : place.left // 4 + 12]
        torch.testing.assert_close(squares.parts[index]["small"], to_tensor(np.ascontiguousarray(small)))
    whole = choose_squares(small_pairs, 2, 4096, "small")
    assert {place.side for place in whole.places} == {64}, "at most the frame, on the grid"


def test_a_clean_square_counts_for_no_more_than_an_error_that_nobody_sees():
    frame = np.full((32, 32, 3), 100, np.uint8)
    decibels, similarities = scores_of([frame] * 3, [frame, frame + 1, frame + 10])
    assert decibels == pytest.approx([45.0, 45.0, 20 * math.log10(255 / 10)])
    assert similarities[0] == 1.0
    levels = 255 / 10 ** (CAP / 20)
    assert levels == pytest.approx(1.43, abs=0.01)


def test_the_validation_loss_is_the_mean_over_squares(pairs):
    squares, network = choose_squares(pairs, 3, 32, "degraded"), TinyNetwork()
    seen = validate(network, squares, torch.device("cpu"), LossSum([Term("mse_reference", 2.0)]))
    expected = np.mean(
        [
            2 * F.mse_loss(network(part["degraded"][None])[0], part["reference"]).item()
            for part in squares.parts
        ]
    )
    assert seen.loss == pytest.approx(expected, rel=1e-5)
    assert network.training


def test_only_what_is_dead_is_called_dead(rng):
    frames = [torch.from_numpy(rng.random((3, 20, 24), np.float32)) for _ in range(3)]
    assert "adds the same" in find_fault(frames, frames)
    assert "adds the same" in find_fault([frames[0]], [frames[0]])
    assert "same picture" in find_fault([frames[0]] * 3, frames)
    assert find_fault([frame * 0.999 for frame in frames], frames) is None
    assert find_fault([frame + 1e-4 * frame**2 for frame in frames], frames) is None
    assert find_fault([frames[0]] * 3, [frames[1]] * 3) is None, "alike frames are restored alike"


# --- the numbers of every step


class Alone:
    """What Watch asks of Fabric, for one process."""

    world_size = 1


def watched(rows: list[tuple[float, float]], may_skip: bool) -> Watch:
    """A Watch that has looked at rows of loss and gradient norm."""
    watch = Watch({"l1_reference": 1.0}, may_skip)
    for step, (loss, norm) in enumerate(rows, 1):
        watch.note(torch.tensor(loss), torch.tensor(norm), {"l1_reference": torch.tensor(loss)})
        watch.look(Alone(), step)
    return watch


def test_steps_that_fp16_leaves_out_are_forgiven_for_a_while():
    skipped = [(0.5, math.inf)] * 3
    means = watched([(0.1, 2.0), *skipped, (0.3, 4.0)], may_skip=True).means()
    assert means["grad_norm"] == pytest.approx(3.0)
    assert means["loss"] == pytest.approx((0.1 + 3 * 0.5 + 0.3) / 5)
    watched([(0.5, math.inf)] * 30 + [(0.5, 1.0)] + [(0.5, math.nan)] * 30, may_skip=True)
    with pytest.raises(TrainingDiverged, match="step 31: grad_norm is no finite number"):
        watched([(0.5, math.inf)] * 31, may_skip=True)
    with pytest.raises(TrainingDiverged, match="step 2: grad_norm is no finite number"):
        watched([(0.5, 1.0), (0.5, math.inf)], may_skip=False)
    with pytest.raises(TrainingDiverged, match="step 1: loss and l1_reference is no finite number"):
        watched([(math.inf, 1.0)], may_skip=True)


def test_several_steps_are_looked_at_at_once_and_the_first_bad_one_is_named():
    watch = Watch({"l1_reference": 1.0}, may_skip=False)
    for loss in (0.1, 0.2, math.nan, 0.4):
        value = torch.tensor(loss)
        watch.note(value, torch.tensor(1.0), {"l1_reference": value})
    with pytest.raises(TrainingDiverged, match="step 19: loss"):
        watch.look(Alone(), 20)


# --- the library below


def test_no_step_looks_for_a_gpu_that_is_not_there(monkeypatch):
    switch = "PYTORCH_NVML_BASED_CUDA_CHECK"
    for there, left in ((False, None), (True, "1")):
        monkeypatch.setenv(switch, "1")
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        start_fabric("cpu")
        assert os.environ.get(switch) == left


def test_fabric_is_found_under_either_name(monkeypatch):
    import lightning_fabric

    def only_lightning(name: str) -> ModuleType:
        if name.startswith("lightning_fabric"):
            raise ModuleNotFoundError(name=name)
        return lightning_fabric

    monkeypatch.setattr(device, "import_module", only_lightning)
    assert start_fabric("cpu").world_size == 1

    def nothing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name=name.partition(".")[0])

    monkeypatch.setattr(device, "import_module", nothing)
    with pytest.raises(TrainingError, match="expected the library lightning-fabric, or"):
        start_fabric("cpu")
