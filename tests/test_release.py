"""Trained weights ship only with a verdict, whole, in float16, and with their card."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from sharpstudy import release as releases
from sharpstudy.recipes import load_recipe
from sharpstudy.release import ReleaseError, judge_release, recipe_of, write_release
from sharpstudy.students import build_student, load_student, save_student
from tests.evaluate_tools import references_of

RECIPE = replace(load_recipe("realtime"), degradation="bicubic-x2")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A student with random last weights, and the card of its training."""
    student = build_student("realtime", seed=1, width=16, depth=3)
    torch.nn.init.normal_(student.last.weight, std=0.01, generator=torch.Generator().manual_seed(1))
    save_student(student, tmp_path / "best.safetensors")
    (tmp_path / "card.json").write_text(json.dumps({"recipe": "realtime", "budget": "quick", "seed": 7}))
    return tmp_path / "best.safetensors"


@pytest.fixture
def judged(weights: Path, monkeypatch: pytest.MonkeyPatch) -> releases.Release:
    monkeypatch.setattr(releases, "load_source", lambda source, options: references_of(12))
    return judge_release(weights, RECIPE, "made", 10)


def test_weights_that_add_noise_are_judged_on_test_frames_and_refused(judged, tmp_path):
    assert recipe_of(judged.weights) == "realtime"
    assert judged.frames == 10
    assert {one.metric for one in judged.verdicts} == {"psnr", "ssim"}
    assert all(one.baseline == "do nothing" and one.difference < 0 for one in judged.verdicts)
    with pytest.raises(ReleaseError, match=r"better than doing nothing, got: .*worse"):
        write_release(judged, tmp_path / "out", "realtime")
    assert not (tmp_path / "out").exists()


def test_what_ships_is_float16_and_says_what_it_did(judged, tmp_path):
    better = replace(judged, verdicts=tuple(replace(one, word="better") for one in judged.verdicts))
    path, card = write_release(better, tmp_path / "out", "tiny")
    told = json.loads(card.read_text())
    assert told["seed"] == 7
    assert told["weights"]["sha256"] == sha256(path.read_bytes()).hexdigest()
    psnr = next(one for one in judged.verdicts if one.metric == "psnr")
    assert told["judged"]["verdicts"]["psnr"]["difference"] == pytest.approx(psnr.difference, abs=1e-4)
    assert told["judged"]["verdicts"]["psnr"]["clips"] == 10
    mine = load_student("realtime", judged.weights).student.state_dict()
    theirs = load_student("realtime", path).student.state_dict()
    assert all(torch.equal(theirs[name], tensor.half().float()) for name, tensor in mine.items())
    assert path.stat().st_size < judged.weights.stat().st_size * 0.7


def test_weights_beyond_float16_or_without_a_card_are_refused(judged, tmp_path):
    better = replace(judged, verdicts=tuple(replace(one, word="better") for one in judged.verdicts))
    student = load_student("realtime", judged.weights).student
    torch.nn.init.constant_(student.last.bias, 1e6)
    save_student(student, judged.weights)
    with pytest.raises(ReleaseError, match=r"float16 holds, got larger ones in 'last\.bias'"):
        write_release(better, tmp_path / "out", "tiny")
    judged.weights.with_name("card.json").unlink()
    with pytest.raises(ReleaseError, match="expected its card beside it"):
        recipe_of(judged.weights)
