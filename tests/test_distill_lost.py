"""Students that are lost: what stops a training, and what is left of it."""

from __future__ import annotations

import math

import pytest
import torch

from sharpstudy.data.pairs import PairStore
from sharpstudy.distill import (
    TrainingDiverged,
)
from sharpstudy.recipes import Optimiser
from sharpstudy.students import build_student
from tests.training_tools import (
    TinyNetwork,
    assert_same_bits,
    make_pairs,
    make_settings,
    run_training,
)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> PairStore:
    return make_pairs(tmp_path_factory.mktemp("pairs"))


class Breaking(TinyNetwork):
    """A TinyNetwork that multiplies what it learned by a factor from some training step on."""

    def __init__(self, at: int, factor: float) -> None:
        super().__init__()
        self.at, self.factor, self.runs = at, factor, 0

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        restored = super().forward(frames)
        if not self.training:
            return restored
        self.runs += 1
        return restored * self.factor if self.runs >= self.at else restored


def test_a_number_that_is_none_stops_with_step_terms_and_checkpoint(pairs, tmp_path):
    words = (
        r"step 8: loss and grad_norm and l1_reference is no finite .*l1_reference nan.*checkpoint of step 6"
    )
    with pytest.raises(TrainingDiverged, match=words):
        run_training(pairs, tmp_path, network=Breaking(8, math.nan))
    assert (tmp_path / "checkpoint.safetensors").exists()
    healed = run_training(pairs, tmp_path)  # the step itself was not to blame
    assert_same_bits(healed, run_training(pairs, tmp_path / "straight"))


def test_before_the_first_checkpoint_nothing_is_promised(pairs, tmp_path):
    with pytest.raises(TrainingDiverged, match=r"step 2: .*no checkpoint was written before"):
        run_training(pairs, tmp_path, network=Breaking(2, math.nan))


def test_an_exploding_loss_stops_before_it_is_no_number(pairs, tmp_path):
    with pytest.raises(TrainingDiverged, match="step 5: the loss is more than 100 times its best epoch's"):
        run_training(pairs, tmp_path, network=Breaking(5, 1e4))


class Same(TinyNetwork):
    """A network that ends up adding the same to every frame, or restoring the same from every frame."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        pattern = (super().forward(frames * 0)).mean() + torch.arange(frames.shape[-1]) % 4 * 0.01
        return frames + pattern if self.kind == "adds" else (frames * 0 + pattern).clamp(0, 1)


@pytest.mark.parametrize(("kind", "words"), [("adds", "adds the same"), ("restores", "same picture")])
def test_a_dead_network_stops_the_training(pairs, tmp_path, kind, words):
    with pytest.raises(TrainingDiverged, match=f"step 3: .*{words}"):
        run_training(pairs, tmp_path, network=Same(kind))
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["0", "3"]


def test_a_fresh_realtime_student_is_not_mistaken_for_a_dead_one(pairs, tmp_path):
    settings = make_settings(optimiser=Optimiser("adam", 1e-5, 0.0), epochs=1, steps_per_epoch=1)
    result = run_training(pairs, tmp_path, settings, network=build_student("realtime", width=8, depth=2))
    assert result.rows[0]["gain_db"] == 0
    assert result.steps == 1
