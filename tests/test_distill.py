"""The training loop against one written out in plain torch; what it logs, selects and refuses."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from sharpstudy.data.frames import read_frame, to_frame
from sharpstudy.data.pairs import PairStore
from sharpstudy.data.patches import Patches
from sharpstudy.distill import (
    Progress,
    TrainingError,
    describe_progress,
    progress_line,
    train,
)
from sharpstudy.distill.device import choose_precision, start_fabric
from sharpstudy.distill.validate import choose_squares
from sharpstudy.losses import LossSum
from sharpstudy.recipes import Optimiser, RecipeError, Schedule, Term
from tests.training_tools import (
    BATCH,
    PATCH,
    TinyNetwork,
    assert_same_bits,
    make_pairs,
    make_settings,
    run_training,
    state_of,
    with_reference_targets,
)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


def trained_by_hand(store: PairStore, steps: int, decay: float) -> tuple[nn.Module, nn.Module, list[float]]:
    """TinyNetwork after `steps` steps, its averaged weights and the losses, with nothing but torch."""
    network = TinyNetwork()
    average = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=0.01)
    patches = Patches(store, PATCH, BATCH, 5, parts=["reference", "degraded"])
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 2)
        batch = patches.batch(step)
        loss = F.mse_loss(network(batch["degraded"]), batch["reference"])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.05)
        optimiser.step()
        losses.append(loss.item())
        share = min(decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name] = share * average[name] + (1 - share) * value
    averaged = TinyNetwork()
    averaged.load_state_dict(average)
    return network, averaged, losses


@pytest.mark.parametrize("ema", [None, 0.7])
def test_the_loop_is_the_textbook_one(pairs, tmp_path, ema):
    settings = make_settings(
        schedule=Schedule("constant", 2),
        optimiser=Optimiser("adamw", 2e-3, 0.01),
        gradient_clip=0.05,
        ema=ema,
        epochs=2,
        memory="contiguous",
    )
    result = run_training(pairs, tmp_path, settings, terms=(Term("mse_reference", 1.0),))
    network, averaged, losses = trained_by_hand(pairs, 6, ema or 0.0)
    assert result.best_step == 6  # it improves all the way, so the best weights are the last
    expected = (averaged if ema else network).state_dict()
    for name, value in state_of(result).items():
        np.testing.assert_allclose(value, expected[name].numpy(), rtol=0, atol=1e-6)
    assert [row["loss"] for row in result.rows[1:]] == pytest.approx(
        [np.mean(losses[:3]), np.mean(losses[3:])], rel=1e-5
    )


def test_the_same_seed_gives_the_same_bits_and_the_memory_layout_nearly(pairs, tmp_path):
    runs = [run_training(pairs, tmp_path / str(index)) for index in range(2)]
    assert_same_bits(*runs)
    plain = run_training(pairs, tmp_path / "plain", make_settings(memory="contiguous"))
    for name, value in state_of(plain).items():
        np.testing.assert_allclose(value, state_of(runs[0])[name], atol=1e-5)


def test_validation_stands_beside_doing_nothing_from_step_0(pairs, tmp_path):
    result = run_training(pairs, tmp_path)
    with open(result.log, newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [(row["step"], row["epoch"]) for row in rows]
    assert steps == [("0", "0"), ("3", "1"), ("6", "2"), ("9", "3"), ("12", "4")]
    assert list(rows[0]) == [
        "step", "epoch", "l1_reference", "loss", "lr", "grad_norm", "val_psnr", "val_ssim", "val_loss",
        "do_nothing_psnr", "do_nothing_ssim", "gain_db", "val_squares", "val_side", "pairs_per_s", "seconds",
    ]  # fmt: skip
    assert rows[0]["loss"] == rows[0]["lr"] == rows[0]["pairs_per_s"] == ""
    squares = choose_squares(pairs, 3, 32, "degraded")
    both = zip(squares.references, squares.degraded, strict=True)
    nothing = np.mean([peak_signal_noise_ratio(*pair) for pair in both])
    for row in rows:
        assert float(row["do_nothing_psnr"]) == pytest.approx(nothing, abs=1e-4)
        assert float(row["gain_db"]) == pytest.approx(float(row["val_psnr"]) - nothing, abs=1e-4)
        assert (row["val_squares"], row["val_side"]) == ("3", "32")
    assert max(float(row["val_psnr"]) for row in rows) == pytest.approx(result.scores["val_psnr"], abs=1e-4)
    assert float(rows[-1]["seconds"]) > float(rows[1]["seconds"]) > 0


def test_the_best_weights_are_those_in_the_file(pairs, tmp_path):
    settings = make_settings(
        epochs=6, schedule=Schedule("constant", 0), optimiser=Optimiser("adam", 3e-2, 0.0)
    )
    result = run_training(pairs, tmp_path, settings)
    scores = {row["step"]: row["val_psnr"] for row in result.rows}
    assert result.best_step == max(scores, key=scores.get)
    assert result.best_step < result.steps, "the test wants a run whose last weights are not its best"
    from safetensors.torch import load_file

    kept = TinyNetwork(seed=9)
    kept.load_state_dict(load_file(result.weights))
    squares = choose_squares(pairs, 3, 32, "degraded")
    restored = [to_frame(kept(part["degraded"][None])[0]) for part in squares.parts]
    again = np.mean(
        [peak_signal_noise_ratio(r, f) for r, f in zip(squares.references, restored, strict=True)]
    )
    assert again == pytest.approx(result.scores["val_psnr"], abs=1e-4)


def test_samples_are_kept_at_the_chosen_epochs(pairs, tmp_path):
    settings = make_settings(sample_epochs=(0, 4), sample_frames=2)
    result = run_training(pairs, tmp_path, settings)
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == [f"epoch-{epoch:04d}-{index:02d}.png" for epoch in (0, 4) for index in (0, 1)]
    squares = choose_squares(pairs, 3, 32, "degraded")
    strip = read_frame(tmp_path / "samples" / "epoch-0000-01.png")
    assert strip.shape == (32, 3 * 32 + 2 * 4, 3)
    untrained = to_frame(TinyNetwork()(squares.parts[1]["degraded"][None])[0])
    for start, frame in ((0, squares.degraded[1]), (36, untrained), (72, squares.references[1])):
        np.testing.assert_array_equal(strip[:, start : start + 32], frame)
    assert result.steps == 12


def test_progress_is_told_after_every_step_and_shown_on_one_line(pairs, tmp_path, capsys):
    seen: list[Progress] = []
    with progress_line("tiny") as show:
        run_training(pairs, tmp_path, on_step=lambda progress: (seen.append(progress), show(progress)))
    assert [progress.step for progress in seen] == list(range(1, 13))
    assert [progress.epoch for progress in seen[:4]] == [1, 1, 1, 2]
    assert seen[0].seconds_left > 0 == seen[-1].seconds_left
    assert all(progress.pairs_per_s > 0 for progress in seen)
    words = describe_progress(replace(seen[-1], gain_db=1.234, pairs_per_s=20.0, seconds_left=3725.4))
    assert words.startswith("epoch 4/4  loss ")
    assert words.endswith("+1.23 dB over doing nothing  20.0 pairs/s  1:02:05 left")
    out, err = capsys.readouterr()
    assert out == ""
    assert "tiny 100%" in err
    assert "12/12" in err


def test_a_plateau_slows_the_loop_down(pairs, tmp_path):
    schedule = Schedule("plateau", 0, floor=0.01, factor=0.5, patience=0)
    settings = make_settings(epochs=6, schedule=schedule, optimiser=Optimiser("adam", 0.1, 0.0))
    rows = run_training(pairs, tmp_path, settings).rows
    best, expected, factor = rows[0]["val_psnr"], [], 1.0
    for row in rows[1:]:
        expected.append(0.1 * factor)
        factor = factor if row["val_psnr"] > best else max(0.01, factor * 0.5)
        best = max(best, row["val_psnr"])
    assert [row["lr"] for row in rows[1:]] == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_patience_ends_a_training_that_gets_no_better(pairs, tmp_path):
    settings = make_settings(
        epochs=30, patience=2, schedule=Schedule("constant", 0), optimiser=Optimiser("adam", 3e-2, 0.0)
    )
    result = run_training(pairs, tmp_path, settings)
    assert result.stopped == "patience"
    assert result.epochs < 30
    assert result.epochs * 3 == result.steps == result.best_step + 6
    again = run_training(pairs, tmp_path, settings, on_step=pytest.fail)
    assert again.rows == result.rows


def test_the_last_weights_are_kept_where_the_settings_say_so(pairs, tmp_path):
    result = run_training(pairs, tmp_path, make_settings(selection="last"))
    assert result.best_step == result.steps == result.rows[-1]["step"] > 0


def test_selection_by_loss_keeps_the_lowest(pairs, tmp_path):
    rows = run_training(pairs, tmp_path, make_settings(selection="loss")).rows
    losses = {row["step"]: row["val_loss"] for row in rows}
    assert (
        min(losses, key=losses.get)
        == run_training(pairs, tmp_path, make_settings(selection="loss")).best_step
    )


# --- devices, precision, refusals


def test_mixed_precision_leaves_the_frames_alone(pairs, tmp_path):
    kinds, values = set(), set()

    class Spy(LossSum):
        def forward(self, restored, reference, **more):
            kinds.update((restored.dtype, reference.dtype))
            values.update((reference * 255).sub((reference * 255).round()).abs().flatten().tolist())
            return super().forward(restored, reference, **more)

    patches = Patches(pairs, PATCH, BATCH, 5)
    settings = make_settings(precision="bf16", epochs=1)
    result = train(settings, TinyNetwork(), Spy([Term("l1_reference", 1.0)]), patches, pairs, tmp_path)
    assert kinds == {torch.float32}, "the frame is float32, and so is its sum with the residual"
    assert max(values) < 1e-4, "references are whole 8-bit levels"
    assert result.network.first.weight.dtype == torch.float32
    full = run_training(pairs, tmp_path / "full", make_settings(epochs=1))
    assert result.rows[1]["loss"] == pytest.approx(full.rows[1]["loss"], rel=0.02)
    assert result.rows[1]["loss"] != full.rows[1]["loss"], "bf16 was not used at all"


def test_mixed_means_float32_on_a_cpu_and_says_so(pairs, tmp_path):
    result = run_training(pairs, tmp_path, make_settings(precision="mixed", epochs=1))
    assert result.notes == ("precision mixed is fp32 on cpu",)
    assert_same_bits(result, run_training(pairs, tmp_path / "full", make_settings(epochs=1)))
    with pytest.raises(TrainingError, match="expected fp32 or bf16 on cpu"):
        choose_precision("fp16", "cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(TrainingError, match=r"device: expected auto or one of this machine's \(cpu.*got"):
        start_fabric(device)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "epochs: expected a whole number from 1"),
        ({"precision": "half"}, "precision: expected one of fp32, bf16, fp16, mixed"),
        ({"validation_side": 30}, "validation_side: expected a multiple of 4"),
        ({"ema": 1.5}, "ema: expected a number from 0.5"),
    ],
)
def test_wrong_settings_are_refused(changes, words):
    with pytest.raises(RecipeError, match=words):
        make_settings(**changes)


def test_pairs_without_what_is_needed_are_refused(pairs, tmp_path):
    both = (Term("l1_reference", 1.0), Term("l1_target", 1.0))
    with pytest.raises(TrainingError, match="small frames, which this network reads"):
        choose_squares(replace_small(pairs), 3, 32, "small")
    with pytest.raises(ValueError, match="with_targets"):
        run_training(pairs, tmp_path, terms=both)
    taught = with_reference_targets(pairs)
    loss_sum = LossSum(both)
    patches = Patches(taught, PATCH, BATCH, 5, parts=["reference", "degraded"])
    with pytest.raises(
        TrainingError, match=r"patches: expected the parts \['degraded', 'reference', 'target'\]"
    ):
        train(make_settings(), TinyNetwork(), loss_sum, patches, pairs, tmp_path)
    patches = Patches(taught, PATCH, BATCH, 5)
    with pytest.raises(TrainingError, match="validation: expected targets, because the loss selects"):
        train(make_settings(selection="loss"), TinyNetwork(), loss_sum, patches, pairs, tmp_path)
    with pytest.raises(TrainingError, match="resume: expected one of auto, never, got 'maybe'"):
        run_training(pairs, tmp_path, resume="maybe")


def replace_small(store: PairStore) -> PairStore:
    return PairStore(store.folder, [replace(entry, small="") for entry in store.entries])
