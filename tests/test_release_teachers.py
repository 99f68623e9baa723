"""A teacher that this study trained ships as students do, is loaded as released, and teaches at quick."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import nn

from sharpstudy import release as releases
from sharpstudy import teach as teach_module
from sharpstudy.cli import main
from sharpstudy.data.degrade import degrade, parse_degradation, shrink
from sharpstudy.data.prepare import frame_seed
from sharpstudy.data.references import Reference, make_reference
from sharpstudy.data.sources import select_balanced
from sharpstudy.metrics import psnr
from sharpstudy.recipes import Recipe, load_recipe
from sharpstudy.release import ReleaseError, judge_release, write_release
from sharpstudy.students import build_student, save_student
from sharpstudy.teach import TeachSettings, teach
from sharpstudy.teachers import TEACHERS, build_network, load_teacher, released_weights

BLUR = {"kind": "blur", "kernel": [9], "sigma": [1.2, 1.2]}
CARD = {"recipe": "unet-attention", "budget": "full", "seed": 3, "steps": {"done": 5}}


def tiles(seed: int) -> np.ndarray:
    """Coloured tiles in a black frame: a blur softens their edges, and zero padding is what lies outside."""
    frame = np.zeros((72, 96, 3), np.uint8)
    colours = np.random.default_rng(seed).integers(30, 226, (8, 11, 3), np.uint8)
    frame[4:68, 4:92] = colours.repeat(8, axis=0).repeat(8, axis=1)
    return frame


def references(split: str, first: int, count: int) -> list[Reference]:
    facts = {"category": "people", "source": "made", "licence": "none", "split": split}
    return [
        make_reference(
            tiles(seed), name=f"tiles-{seed}", clip=f"tiles-{seed}", loader=partial(tiles, seed), **facts
        )
        for seed in range(first, first + count)
    ]


TRAIN, VALIDATION, TEST = references("train", 0, 4), references("validation", 4, 5), references("test", 9, 12)


def blurred(name: str) -> Recipe:
    """A shipped recipe on frames that a fixed sharpener is known to mend."""
    return replace(load_recipe(name), degradation=BLUR)


def sharpening_unet(strength: float) -> nn.Module:
    """The study's UNet with weights by hand: the frame goes through its first skip and is sharpened once."""
    network = build_network("unet")
    kernel = torch.full((3, 3), -strength / 8)
    kernel[1, 1] = 1 + strength
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.zero_()
        for colour in range(3):
            network.encode1[0].weight[colour, colour, 1, 1] = 1
            network.encode1[2].weight[colour, colour, 1, 1] = 1
            network.decode1[0].weight[colour, 32 + colour] = kernel
            network.decode1[2].weight[colour, colour, 1, 1] = 1
            network.last.weight[colour, colour] = 1
    return network


def trained(
    work: Path, network: nn.Module, name: str = "unet", key: str = "full-0123", **card: object
) -> Path:
    """A teacher's weights as a recipe's training leaves them below work/teachers, with their card."""
    folder = work / "teachers" / f"{name}-{key}"
    folder.mkdir(parents=True)
    path = folder / f"{name}-trained.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, path)
    of = {"name": name, "scale": TEACHERS[name].scale, "parameters": TEACHERS[name].parameters}
    (folder / "card.json").write_text(json.dumps({"teacher_network": of, **CARD, **card}))
    return path


@pytest.fixture(autouse=True)
def frames(monkeypatch: pytest.MonkeyPatch) -> list[Reference]:
    every = TRAIN + VALIDATION + TEST
    monkeypatch.setattr(releases, "load_source", lambda *_: every)
    monkeypatch.setattr(teach_module, "load_source", lambda *_: TRAIN + VALIDATION)
    teach_module._references.cache_clear()
    yield every
    teach_module._references.cache_clear()


@pytest.fixture
def shipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the weights that ship."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr("sharpstudy.paths.WEIGHTS", folder)
    return folder


@pytest.fixture
def released(shipping: Path, tmp_path: Path) -> Path:
    """The UNet after it was judged and written as it ships."""
    weights = trained(tmp_path, sharpening_unet(0.8))
    judged = judge_release(weights, blurred("unet-attention"), "made", 12, teacher="unet")
    return write_release(judged, shipping, "unet")[0]


def test_its_card_says_what_it_did_to_test_frames_and_whose_recipe_trained_it(released, tmp_path):
    card = json.loads(released.with_suffix(".json").read_text())
    assert {name: card[name] for name in CARD} == CARD
    assert card["teacher_network"]["name"] == "unet"
    assert card["weights"]["sha256"] == sha256(released.read_bytes()).hexdigest()
    assert card["judged"]["degradation"] == "unet-attention-own"
    original = load_teacher("unet", tmp_path / "teachers" / "unet-full-0123" / "unet-trained.safetensors")
    gains = []
    for one in TEST:
        frame = one.load()
        soft = degrade(frame, parse_degradation(BLUR), frame_seed(1, one.frame, 0))
        gains.append(psnr(original.restore(soft), frame) - psnr(soft, frame))
    verdict = card["judged"]["verdicts"]["psnr"]
    assert verdict["difference"] == pytest.approx(np.mean(gains), abs=2e-4)
    assert (verdict["word"], verdict["clips"]) == ("better", 12)
    assert card["judged"]["over_mask"]["psnr"]["against"] == "tuned unsharp"
    assert card["judged"]["over_mask"]["psnr"]["difference"] < verdict["difference"]


def test_it_is_loaded_as_released_in_half_the_bytes(released, tmp_path):
    source = tmp_path / "teachers" / "unet-full-0123" / "unet-trained.safetensors"
    assert released == released_weights("unet")
    assert released.stat().st_size < 0.51 * source.stat().st_size
    teacher = load_teacher("unet", "released")
    assert (teacher.weights, teacher.role) == ("released", "teacher")
    assert teacher.sha256 == sha256(released.read_bytes()).hexdigest()
    state, full = teacher.network.state_dict(), load_file(source)
    assert all(torch.equal(state[name], tensor.half().float()) for name, tensor in full.items())


@pytest.mark.parametrize("name", ["unet-attention", "realtime"])
def test_the_quick_budget_takes_it_through_the_gate(released, tmp_path, name):
    settings = TeachSettings(work=tmp_path / "work")
    report = teach(blurred(name), "quick", settings)
    assert [(one.teacher, one.weights, one.state) for one in report.tried] == [
        ("unet", "released", "teaches")
    ]
    assert report.tried[0].result.passed
    pair = report.train.pair(0)
    assert np.array_equal(pair.target, report.teacher.restore(np.asarray(pair.degraded)))
    released.unlink()
    without = teach(blurred(name), "quick", settings, when_none="report")
    assert [one.state for one in without.tried] == ["not here"]


def test_the_gate_refuses_it_as_any_other_where_it_does_harm(shipping, tmp_path):
    save_file(sharpening_unet(-0.8).state_dict(), shipping / "unet.safetensors")
    report = teach(blurred("realtime"), "quick", TeachSettings(work=tmp_path / "work"), when_none="report")
    assert [(one.weights, one.state) for one in report.tried] == [("released", "refused")]


def test_what_is_not_better_than_doing_nothing_does_not_ship(shipping, tmp_path):
    weights = trained(tmp_path, sharpening_unet(-0.8))
    judged = judge_release(weights, blurred("unet-attention"), "made", 12, teacher="unet")
    with pytest.raises(ReleaseError, match=r"better than doing nothing, got: .*worse"):
        write_release(judged, shipping, "unet")
    assert list(shipping.iterdir()) == []


def test_a_teacher_over_the_limit_does_not_ship(shipping, tmp_path, monkeypatch):
    judged = judge_release(
        trained(tmp_path, sharpening_unet(0.8)), blurred("unet-attention"), "made", 12, teacher="unet"
    )
    monkeypatch.setattr(releases, "SIZE_LIMIT", 900_000)
    with pytest.raises(ReleaseError, match=r"unet: expected at most 900,000 bytes, got 9\d\d,\d\d\d"):
        write_release(judged, shipping, "unet")
    assert list(shipping.iterdir()) == []


@pytest.mark.parametrize("name", ["unet", "srresnet-x4", "edsr-baseline-x2"])
def test_every_teacher_that_the_study_trains_is_small_enough_and_comes_back(tmp_path, name):
    from sharpstudy.distill import ship_weights

    network = build_network(name, seed=2)
    path = ship_weights(network, tmp_path / f"{name}.safetensors", CARD)
    assert path.stat().st_size <= releases.SIZE_LIMIT
    teacher = load_teacher(name, path)
    for key, tensor in teacher.network.state_dict().items():
        expected = network.state_dict()[key]
        assert torch.equal(tensor, expected.half().float() if expected.is_floating_point() else expected), key


def test_a_teacher_that_enlarges_is_judged_on_what_it_makes_of_the_small_frames(tmp_path):
    weights = trained(tmp_path, build_network("edsr-baseline-x2"), "edsr-baseline-x2")
    recipe = replace(load_recipe("edsr-residual"), degradation="bicubic-x2")
    judged = judge_release(weights, recipe, "made", 4, teacher="edsr-baseline-x2")
    teacher = load_teacher("edsr-baseline-x2", weights)
    gains = []
    for one in select_balanced(TEST, 4):
        frame = one.load()
        soft = degrade(frame, parse_degradation("bicubic-x2"), 0)
        gains.append(psnr(teacher.restore(soft, shrink(frame, 2)), frame) - psnr(soft, frame))
    assert judged.verdicts[0].difference == pytest.approx(np.mean(gains), abs=1e-4)
    assert (judged.degradation, judged.better) == ("bicubic-x2", False)


def test_a_card_of_somebody_else_is_refused(tmp_path):
    weights = trained(tmp_path, build_network("unet"))
    with pytest.raises(ReleaseError, match="expected the card of teacher 'srresnet-x4', got that of unet"):
        judge_release(weights, load_recipe("srresnet-edge"), "made", 12, teacher="srresnet-x4")
    student = tmp_path / "best.safetensors"
    save_student(build_student("unet-attention", width=4, blocks=1), student)
    student.with_name("card.json").write_text(json.dumps({"student": {}, **CARD}))
    with pytest.raises(ReleaseError, match="got that of a student"):
        judge_release(student, load_recipe("unet-attention"), "made", 12, teacher="unet")


def told(*words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(main, list(words), catch_exceptions=True)
    return answer.exit_code, answer.output + (str(answer.exception) if answer.exception else "")


def test_the_command_ships_a_teacher_and_the_list_shows_it(shipping, tmp_path, monkeypatch):
    monkeypatch.setattr("sharpstudy.paths.WORK", tmp_path)
    monkeypatch.setattr("sharpstudy.recipes.load_recipe", blurred)
    monkeypatch.setattr("sharpstudy.teachers.macs_per_pixel", lambda name: 1000)  # counted elsewhere
    older = trained(tmp_path, sharpening_unet(-0.8), key="full-old")
    os.utime(older, (1, 1))
    newest = trained(tmp_path, sharpening_unet(0.8))
    code, words = told("release", "unet", "--source", "made", "--frames", "12")
    assert code == 0, words
    assert "tuned unsharp" in words
    state = load_file(shipping / "unet.safetensors")
    assert all(torch.equal(state[name], tensor.half()) for name, tensor in load_file(newest).items())
    row = next(line for line in told("teachers")[1].splitlines() if line.split()[:1] == ["unet"])
    assert row.split()[-1] == "released"
    code, words = told("release", "unet", "--weights", str(older), "--source", "made", "--frames", "12")
    assert code == 1
    assert "expected weights that are better than doing nothing" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("release", "realtime", "--weights", "mine.safetensors"), "realtime is no teacher"),
        (("release", "unet", "--name", "mine"), "a teacher ships as unet"),
        (("release", "srresnet-x4"), "srresnet-x4 has no training in work/teachers"),
        (("release", "unet", "--weights", "nowhere.safetensors"), "expected its card beside it"),
    ],
)
def test_what_the_command_cannot_do_is_said(tmp_path, monkeypatch, words, said):
    monkeypatch.setattr("sharpstudy.paths.WORK", tmp_path)
    code, output = told(*words)
    assert code != 0
    assert said in output
