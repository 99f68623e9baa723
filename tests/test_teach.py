"""Who teaches a recipe, against planted teachers whose worth is known, and on real weights where they are."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from ruamel.yaml import YAML

from sharpstudy import teach as module
from sharpstudy.data.sources import select_balanced
from sharpstudy.paths import PARAMS
from sharpstudy.recipes import Recipe, load_recipe, without_teacher
from sharpstudy.teach import TeachSettings, teach
from sharpstudy.teach import __main__ as command
from sharpstudy.teach.__main__ import main
from sharpstudy.teachers import TeacherError, choosing
from sharpstudy.teachers.reporting import NoTeacher
from tests.planted import planted, references

SHARP, DULL, BETTER = 0.5, -1.0, 0.9
TRAIN, VALIDATION = references(6), references(5, "validation", 10)


NOISE15, NOISE25, JPEG = (f"swinir-restoration-{kind}" for kind in ("noise15", "noise25", "jpeg40"))


class Loader:
    """Stands in for load_teacher: knows some (name, weights), and keeps what was asked for and given."""

    def __init__(self, known: dict[tuple[str, str], float]) -> None:
        self.known, self.asked, self.given = known, [], []

    def __call__(self, name, weights="official", device="cpu", precision="fp32", seed=0):
        self.asked.append((name, weights))
        if (name, weights) not in self.known:
            raise TeacherError(f"teacher {name!r} has no {weights} weights")
        self.given.append(planted(self.known[name, weights], name, weights))
        return self.given[-1]

    def calls(self) -> int:
        return sum(teacher.network.calls for teacher in self.given)


@pytest.fixture
def plant(monkeypatch):
    """A function that says which teachers there are."""

    def one(known: dict[tuple[str, str], float]) -> Loader:
        loader = Loader(known)
        monkeypatch.setattr(choosing, "load_teacher", loader)
        return loader

    monkeypatch.setattr(module, "load_source", lambda *_: TRAIN + VALIDATION)
    module._references.cache_clear()
    yield one
    module._references.cache_clear()


@pytest.fixture
def settings(tmp_path) -> TeachSettings:
    return TeachSettings(work=tmp_path)


def recipe(*order: str, name: str = "swinir-cnn", **quick: object) -> Recipe:
    """A shipped recipe on blurred frames, with other teachers for the quick budget."""
    one = load_recipe(name)
    budgets = replace(one.budgets, quick=replace(one.budgets.quick, teachers=order, **quick))
    return replace(one, degradation={"kind": "blur", "kernel": [9], "sigma": [1.2, 1.2]}, budgets=budgets)


def states(report) -> list[tuple[str, str, str]]:
    return [(one.teacher, one.weights, one.state) for one in report.tried]


def test_the_first_that_passes_teaches_all_pairs(plant, settings):
    loader = plant({(NOISE25, "official"): DULL, (NOISE25, "released"): SHARP, (JPEG, "official"): BETTER})
    report = teach(recipe(NOISE15, NOISE25, JPEG), settings=settings)
    assert states(report) == [
        (NOISE15, "official", "not here"),
        (NOISE15, "released", "not here"),
        (NOISE25, "official", "refused"),
        (NOISE25, "released", "teaches"),
    ]
    assert (report.teacher.name, report.teacher.weights) == (NOISE25, "released")
    assert (JPEG, "official") not in loader.asked  # better, but later in the order
    assert [len(report.train), len(report.validation)] == [6, 5]
    for store in (report.train, report.validation):
        pair = store.pair(0)
        assert np.array_equal(pair.target, report.teacher.restore(np.asarray(pair.degraded)))


def test_the_report_says_why_in_sentences_and_in_rows(plant, settings):
    plant({(NOISE15, "official"): DULL, (NOISE25, "official"): SHARP})
    report = teach(recipe(NOISE15, NOISE25), settings=settings)
    refused, passed = (one.result for one in report.tried if one.result)
    text = str(report)
    assert "6 of 6 train frames and 5 of 5 validation frames of bundled" in text
    assert f"refused: {refused}" in text
    assert f"teaches: {passed}" in text
    assert f"not here: teacher {NOISE15!r} has no released weights" in text
    first, _, last = report.gate_rows()
    assert first["psnr_gain"] == refused.gains["psnr"].difference < 0 < last["psnr_gain"]
    assert last["psnr_teacher"] - last["psnr_do_nothing"] == pytest.approx(last["psnr_gain"])
    assert (last["recipe"], last["pairs"], last["clips"], last["state"]) == ("swinir-cnn", 5, 5, "teaches")
    timings = [(r["teacher"], r["part"], r["computed"], r["found"]) for r in report.timing_rows()]
    assert timings == [(NOISE15, "validation", 5, 0), (NOISE25, "validation", 5, 0), (NOISE25, "train", 6, 0)]
    assert not {"frames_per_second", "seconds_per_megapixel"} & set(first)  # what differs from run to run


def test_asking_again_costs_no_inference(plant, settings):
    known = {(NOISE15, "official"): DULL, (NOISE25, "official"): SHARP}
    plant(known)
    first = teach(recipe(NOISE15, NOISE25), settings=settings)
    loader = plant(known)
    again = teach(recipe(NOISE15, NOISE25), settings=settings)
    assert loader.calls() == 0
    assert again.gate_rows() == first.gate_rows()
    assert [row["found"] for row in again.timing_rows()] == [5, 5, 6]
    other = teach(recipe(NOISE25, name="bsrgan-ultralight"), settings=settings)
    assert loader.calls() == 0  # another recipe on the same pairs
    assert other.train.targets == first.train.targets


def test_without_any_teacher_the_answer_is_clear_and_the_pairs_are_there(plant, settings):
    plant({})
    with pytest.raises(NoTeacher, match="nobody teaches: only without l1_target can the student") as caught:
        teach(recipe(NOISE15), settings=settings)
    assert f"not here: teacher {NOISE15!r} has no official weights" in str(caught.value)
    report = teach(recipe(NOISE15), settings=settings, when_none="report")
    assert str(report) == str(caught.value)
    assert report.teacher is report.train.targets is report.validation.targets is None
    assert report.timing_rows() == []
    assert [len(report.train), len(report.validation)] == [6, 5]
    assert report.gate_rows()[0]["psnr_gain"] is None
    control = teach(without_teacher(recipe(NOISE15)), settings=settings)
    assert control.train.entries == report.train.entries
    assert "compares with no teacher" in str(control)


def test_a_loss_without_a_teacher_asks_for_none(plant, settings):
    loader = plant({(NOISE15, "official"): SHARP})
    report = teach(without_teacher(recipe(NOISE15)), settings=settings)
    assert loader.asked == []
    assert report.tried == ()
    assert report.train.targets is None


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("swinir-cnn", [(NOISE15, "official"), (NOISE15, "released"), ("unet", "released")]),
        ("edsr-residual", [(NOISE15, "released"), (NOISE15, "official"), ("unet", "released")]),
        ("realtime", [(NOISE15, "released"), (NOISE15, "official"), ("unet", "released")]),
    ],
)
def test_weights_are_tried_as_the_recipe_asks_for_them(plant, settings, name, order):
    loader = plant({})
    report = teach(recipe(NOISE15, "unet", name=name), settings=settings, when_none="report")
    assert loader.asked == order
    trains = "trains its teacher on its own pairs first (epochs: 1)" in str(report)
    assert trains == (name == "edsr-residual")  # the others have teacher_epochs 0 at quick


def test_released_weights_of_a_recipe_that_trains_its_teacher_stand_in(plant, settings):
    plant({(NOISE15, "released"): SHARP})
    report = teach(recipe(NOISE15, name="edsr-residual"), settings=settings)
    assert report.teacher is not None
    assert "none is trained here" in str(report)


def test_a_file_of_weights_goes_before_published_ones(plant, settings, tmp_path):
    file = tmp_path / "mine.safetensors"
    loader = plant({("unet", str(file)): SHARP})
    one = recipe(NOISE15, "unet", name="edsr-residual")
    report = teach(one, settings=replace(settings, weights={"unet": file}))
    assert report.teacher.weights == str(file)
    assert {row["weights"] for row in report.timing_rows()} == {"mine.safetensors"}
    assert str(tmp_path) not in str(report)
    assert loader.asked[-1] == ("unet", str(file))
    assert report.remarks == ()  # it was trained


def test_random_weights_teach_only_where_they_are_asked_for_by_name(plant, settings):
    loader = plant({(NOISE15, "random"): DULL, (NOISE15, "official"): SHARP})
    report = teach(recipe(NOISE15, NOISE25), settings=replace(settings, control="random"))
    assert states(report) == [(NOISE15, "random", "control")]
    assert not report.tried[0].result.passed
    assert report.train.targets is not None
    plant({(NOISE15, "random"): SHARP})
    assert teach(recipe(NOISE15), settings=settings, when_none="report").teacher is None
    assert loader.asked == [(NOISE15, "random")]


def test_limits_take_a_balanced_choice_and_the_report_states_it(plant, settings):
    plant({(NOISE15, "official"): SHARP})
    few = replace(settings, max_train=2, max_validation=3)
    report = teach(recipe(NOISE15), settings=few)
    assert [entry.frame for entry in report.train.entries] == [r.frame for r in select_balanced(TRAIN, 2)]
    assert "2 of 6 train frames and 3 of 5 validation frames" in report.taken
    shared = teach(recipe(NOISE15), settings=settings)
    assert {row["part"]: row["found"] for row in shared.timing_rows()} == {"validation": 3, "train": 2}


def test_a_share_of_a_job_array_restores_its_own_training_pairs(plant, settings):
    plant({(NOISE15, "official"): SHARP})
    parts = [teach(recipe(NOISE15), settings=replace(settings, shard=(i, 2))).train for i in range(2)]
    assert sorted(e.name for part in parts for e in part.entries) == [r.frame for r in TRAIN]
    assert teach(recipe(NOISE15), settings=settings).caching.computed == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_validation": 1}, "expected at least 2 clips, got 1"),
        ({"max_train": 0}, "expected frames in the train part, got none"),
        ({"control": "yes"}, "control: expected 'none' or 'random', got 'yes'"),
        ({"weights": {"resnet": "a.pt"}}, "weights: expected names of teachers, got 'resnet'"),
    ],
)
def test_impossible_settings_are_refused_before_any_inference(plant, settings, change, message):
    loader = plant({(NOISE15, "official"): SHARP})
    with pytest.raises(ValueError, match=message):
        teach(recipe(NOISE15), settings=replace(settings, **change))
    assert loader.asked == []


def test_a_misspelt_teacher_is_no_missing_teacher(plant, settings):
    plant({})
    with pytest.raises(TeacherError, match="recipe 'swinir-cnn': teacher 'swinr' is not known"):
        teach(recipe("swinr"), settings=settings, when_none="report")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of open files are set another way")
def test_many_validation_frames_do_not_hold_many_files_open(plant, settings, monkeypatch):
    import resource

    plant({(NOISE15, "official"): SHARP})
    many = references(60, "validation", 10)
    monkeypatch.setattr(module, "load_source", lambda *_: TRAIN + many)
    module._references.cache_clear()
    teach(without_teacher(recipe(NOISE15)), settings=replace(settings, max_validation=60))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 60, hard))
    try:
        report = teach(recipe(NOISE15), settings=replace(settings, max_validation=60))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert report.tried[0].result.gains["psnr"].frames == 60


def test_progress_names_each_task(plant, settings):
    plant({(NOISE15, "official"): SHARP})
    told = []
    teach(recipe(NOISE15), settings=settings, progress=lambda *now: told.append(now))
    last = {task: (done, total) for task, done, total, _ in told}
    assert last == {
        "pairs, train": (6, 6), "pairs, validation": (5, 5),
        f"{NOISE15}, validation": (5, 5), f"{NOISE15}, train": (6, 6),
    }  # fmt: skip


def test_the_defaults_are_those_of_the_pipeline():
    frames = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))["frames"]
    source = TeachSettings().source
    assert (source.screens, source.screen_width, source.screen_height) == (
        frames["screens"], frames["screen_width"], frames["screen_height"]
    )  # fmt: skip
    assert TeachSettings().seed == frames["seed"]


def test_the_command_answers_in_words_and_by_its_exit_code(plant, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "load_recipe", lambda name: recipe(NOISE15))
    monkeypatch.setattr(command, "WORK", tmp_path)
    plant({(NOISE15, "official"): SHARP})
    assert main(["swinir-cnn", "--train-frames", "2", "--shard", "0/1", "--device", "cpu"]) == 0
    assert "teaches: teacher" in capsys.readouterr().out
    plant({})
    assert main(["swinir-cnn", "--device", "cpu"]) == 1
    answer = capsys.readouterr()
    assert "nobody teaches" in answer.err
    assert "nobody teaches" not in answer.out
    assert main(["swinir-cnn", "--device", "cpu", "--when-none", "report"]) == 0
    own = tmp_path / "mine.pth"
    plant({(NOISE15, str(own)): SHARP})
    assert main(["swinir-cnn", "--device", "cpu", "--weights", f"{NOISE15}={own}"]) == 0
    for words, said in (
        (["--shard", "half"], "expected I/N, got 'half'"),
        (["--weights", "mine.pth"], "expected TEACHER=FILE, got 'mine.pth'"),
    ):
        with pytest.raises(SystemExit):
            main(["swinir-cnn", *words])
        assert said in capsys.readouterr().err


@pytest.mark.slow
def test_published_weights_teach_the_quick_recipe(assets, settings):
    report = teach("swinir-cnn", settings=replace(settings, max_train=2, max_validation=6), device="cpu")
    assert (report.teacher.name, report.teacher.weights) == ("rlfn-x4", "official")
    gain = report.gate_rows()[-1]
    assert 0.3 < gain["psnr_gain_low"] < gain["psnr_gain"] < 3
