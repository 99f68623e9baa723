"""Who is judged: baselines where they make sense, students by their files, teachers by students' cards."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sharpstudy import contenders
from sharpstudy.baselines import Wiener
from sharpstudy.data.degrade import Blur, parse_degradation
from sharpstudy.evaluate import EVAL_BUDGETS, degraded_set, make_protocol
from sharpstudy.metrics import psnr
from sharpstudy.students import build_student, save_student
from tests.material import made

SETTINGS = replace(EVAL_BUDGETS["quick"], side=64, text_pages=0, own_frames=0, clean_frames=0)
NAMES = ("bicubic-x4", "mixed-x4", "blur", "jpeg-30")
SPECS = {name: parse_degradation(name) for name in NAMES}


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> tuple:
    """A protocol of four made-up frames under four degradations, and two held out to tune on."""
    folder = tmp_path_factory.mktemp("pairs")
    test = [replace(made(seed, (96, 80)), split="test") for seed in range(4)]
    held = [replace(made(seed, (96, 80)), split="validation") for seed in range(10, 12)]
    protocol = make_protocol(test, SPECS, folder, SETTINGS)
    return protocol, {name: degraded_set(held, spec, folder, SETTINGS, name) for name, spec in SPECS.items()}


def test_every_baseline_is_judged_where_it_makes_sense(sets):
    protocol, held = sets
    found = {one.model.name: one for one in contenders.baselines(protocol, held)}
    assert {name: one.places for name, one in found.items()} == {
        "tuned unsharp": NAMES,
        "Wiener, knows the blur": ("blur",),
        "bicubic": ("mixed-x4",),  # under bicubic-x4 it is what doing nothing is
    }
    assert [one.degradation for one in found["bicubic"].sets(protocol) if len(one)] == ["mixed-x4"]


def test_the_filter_is_told_the_blur_that_each_frame_had(sets):
    protocol, _ = sets
    frames = [protocol.frames["blur"].load(at) for at in range(4)]
    for frame in frames:
        told = contenders.told_blur(frame).blur
        again = Blur(told.kernel, told.sigma).run([frame.reference], np.random.default_rng(0))[0]
        assert np.array_equal(again, frame.degraded)
    assert len({contenders.told_blur(frame).blur for frame in frames}) > 1
    model = contenders.knowing_the_blur(Wiener(1e-4))
    assert psnr(frames[0].reference, model.restore(frames[0])) > psnr(frames[0].reference, frames[0].degraded)
    with pytest.raises(ValueError, match="expected a frame that was blurred"):
        model.restore(protocol.frames["jpeg-30"].load(0))


def test_bicubic_is_pillows_enlargement_but_for_the_border(sets):
    frame = sets[0].frames["mixed-x4"].load(0)
    theirs = Image.fromarray(frame.small).resize((96, 80), Image.Resampling.BICUBIC)
    difference = np.abs(contenders.by_bicubic(frame).astype(int) - np.asarray(theirs))[8:-8, 8:-8]
    assert difference.max() <= 2
    bicubic = sets[0].frames["bicubic-x4"].load(0)
    assert contenders.is_bicubic(bicubic)
    assert np.array_equal(contenders.by_bicubic(bicubic), bicubic.degraded)
    with pytest.raises(ValueError, match="expected a frame with a small one"):
        contenders.by_bicubic(sets[0].frames["blur"].load(0))


def write(path, student: str, arguments: dict, card: dict) -> None:
    save_student(build_student(student, **arguments), path)
    path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")


def test_students_are_found_with_their_controls_and_teachers(tmp_path, monkeypatch):
    monkeypatch.setattr(contenders, "WORK", tmp_path / "work")
    arguments = {"width": 8, "blocks": 1}
    teacher = {"name": "unet", "weights": "unet-trained.safetensors", "sha256": "0" * 64}
    folder = tmp_path / "models"
    for name, role in (("student", "student"), ("student-1", "student"), ("no-teacher", "control")):
        card = {"role": role, "teacher": teacher if role == "student" else None}
        write(folder / "swinir-cnn" / f"{name}.safetensors", "swinir-cnn", arguments, card)
    write(folder / "edsr-residual" / "student.safetensors", "edsr-residual", arguments, {"teacher": None})
    said: list[str] = []
    found = list(contenders.trained_students(folder, 32, said.append))
    assert [(one.model.name, one.model.role, one.own) for one in found] == [
        ("swinir-cnn no-teacher", "control", "bicubic-x4"),
        ("swinir-cnn", "student", "bicubic-x4"),
        ("swinir-cnn 1", "student", "bicubic-x4"),
        ("edsr-residual", "student", "mixed-x2"),
    ]
    assert said[0].startswith("swinir-cnn: its teacher cannot be judged: teacher 'unet'")
    assert said[1] == "edsr-residual: nobody taught its student"


def test_a_mix_of_budgets_and_a_recipe_that_does_not_ship_are_remarked(tmp_path):
    arguments = {"width": 8, "depth": 2}
    for recipe, name, budget in (
        ("realtime", "student", "full"),
        ("realtime", "no-teacher", "quick"),
        ("my-own", "student", "full"),
    ):
        write(tmp_path / recipe / f"{name}.safetensors", "realtime", arguments, {"budget": budget})
    said: list[str] = []
    found = list(contenders.trained_students(tmp_path, 32, said.append))
    assert [(one.model.name, one.model.role) for one in found] == [
        ("realtime no-teacher", "control"),  # by its name, since its card says nothing
        ("realtime", "student"),
    ]
    assert said[1:] == [
        "not all of these were trained at one budget, full: realtime; quick: realtime no-teacher",
        "my-own: a recipe that does not ship; `sharpstudy evaluate` judges its student",
    ]


def test_a_trained_teacher_is_found_by_the_hash_of_its_weights(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    from sharpstudy.assets import file_sha256
    from sharpstudy.teachers import build_network

    monkeypatch.setattr(contenders, "WORK", tmp_path)
    for number in (1, 2):  # of two with one name the card means the second
        path = tmp_path / "teachers" / f"unet-full-{number}" / "unet-trained.safetensors"
        path.parent.mkdir(parents=True)
        save_file(build_network("unet", seed=number).state_dict(), path)
    teacher = {"name": "unet", "weights": path.name, "sha256": file_sha256(path)}
    card = {"role": "student", "teacher": teacher}
    write(tmp_path / "models/realtime/student.safetensors", "realtime", {"width": 8, "depth": 2}, card)
    found = list(contenders.trained_students(tmp_path / "models", 32, pytest.fail))
    assert [(one.model.name, one.model.role) for one in found] == [
        ("realtime", "student"),
        ("unet (teaches realtime)", "teacher"),
    ]
    assert found[1].model.recipe == "realtime"
    assert found[1].model.kmac_per_pixel > 1


def test_shipped_students_are_found_in_their_sizes_and_nothing_else_is(tmp_path):
    for name in ("realtime", "realtime-S", "unet"):
        save_student(build_student("realtime", width=8, depth=2), tmp_path / f"{name}.safetensors")
    found = list(contenders.released_students(tmp_path, 32))
    assert [(one.model.name, one.model.origin) for one in found] == [
        ("realtime released", "released"),
        ("realtime-S released", "released"),
    ]


def test_a_light_network_that_is_not_here_is_remarked(sets, monkeypatch):
    monkeypatch.setattr("sharpstudy.assets.search_folders", dict)
    said: list[str] = []
    assert list(contenders.light_networks(["imdn-x4"], sets[0], said.append)) == []
    assert "imdn-x4" in said[0]


def test_a_light_network_stands_where_small_frames_have_its_scale(sets, assets):
    found = list(contenders.light_networks(["imdn-x2", "imdn-x4"], sets[0], pytest.fail))
    assert [(one.model.name, one.places) for one in found] == [
        ("imdn-x4, published", ("bicubic-x4", "mixed-x4"))
    ]
    frame = sets[0].frames["bicubic-x4"].load(0)
    assert found[0].model.restore(frame).shape == frame.reference.shape


def test_a_quick_student_travels_only_where_none_ships(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(contenders, "own_degradation", lambda recipe: "bicubic-x4")
    folder, shipped = tmp_path / "models", tmp_path / "weights"
    monkeypatch.setattr(contenders, "WEIGHTS", shipped)
    arguments = {"width": 8, "blocks": 1}
    write(folder / "swinir-cnn" / "student.safetensors", "swinir-cnn", arguments, {"budget": "quick"})
    alone = next(contenders.trained_students(folder, 32, lambda _: None))
    shipped.mkdir()
    write(shipped / "swinir-cnn.safetensors", "swinir-cnn", arguments, {})
    beside = next(contenders.trained_students(folder, 32, lambda _: None))
    released = next(contenders.released_students(shipped, 32))
    tried = {name: {part.degradation for part in one.sets(sets[0])} for name, one in
             (("alone", alone), ("beside", beside), ("released", released))}  # fmt: skip
    assert tried["beside"] == {"bicubic-x4", "clean"}
    assert tried["alone"] == tried["released"] == {*NAMES, "clean"}
    write(folder / "swinir-cnn" / "student.safetensors", "swinir-cnn", arguments, {"budget": "full"})
    assert next(contenders.trained_students(folder, 32, lambda _: None)).travels
