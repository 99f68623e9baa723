"""A recipe's whole training: who teaches, students and controls, what is found again, what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sharpstudy import teach as teach_module
from sharpstudy import training
from sharpstudy.distill import TrainingError
from sharpstudy.recipes import Budget, Budgets, Recipe, TeacherTraining, load_recipe
from sharpstudy.statistics import compare, holm
from sharpstudy.students import load_student
from sharpstudy.teach import TeachSettings
from sharpstudy.teachers import TeacherError, choosing
from sharpstudy.training import own_teacher
from sharpstudy.training.judging import squares_of
from sharpstudy.training.outputs import float16_moves
from tests.planted import planted, references

TRAIN, VALIDATION = references(6), references(5, "validation", 10)
CHEAP = {"width": 4, "blocks": 1}


@pytest.fixture
def teachers(monkeypatch):
    """A function that says which teachers are here, by (name, weights), and how strongly they sharpen."""

    def plant(known: dict[tuple[str, str], float]) -> None:
        def load(name, weights="official", device="cpu", precision="fp32", seed=0):
            word = Path(weights).name
            if (name, word) not in known:
                raise TeacherError(f"teacher {name!r} has no {word} weights")
            return planted(known[name, word], name, str(weights))

        monkeypatch.setattr(choosing, "load_teacher", load)
        monkeypatch.setattr(own_teacher, "load_teacher", load)

    monkeypatch.setattr(teach_module, "load_source", lambda *_: TRAIN + VALIDATION)
    teach_module._references.cache_clear()
    yield plant
    teach_module._references.cache_clear()


def recipe(name: str = "swinir-cnn", epochs: int = 2, teacher_epochs: int = 0, **changes: object) -> Recipe:
    """A shipped recipe with a small student, a budget of seconds, and unet for its teacher."""
    one = load_recipe(name)
    spent = Budget("bundled", epochs, 8, 4, 32, teacher_epochs, ("unet",))
    student = replace(one.student, arguments=CHEAP)
    blur = {"kind": "blur", "kernel": [9], "sigma": [1.2, 1.2]}
    return replace(one, student=student, degradation=blur, budgets=Budgets(spent, spent), **changes)


def trained(tmp_path: Path, one: Recipe | None = None, **options: object) -> training.RecipeTraining:
    chosen = training.TrainOptions(**{"device": "cpu", **options})
    return training.train_recipe(one or recipe(), "quick", TeachSettings(work=tmp_path / "work"), chosen)


HERE = {("unet", "official"): 0.5, ("unet", "released"): 0.5, ("unet", "random"): -1.0}


# --- who learns what


def test_student_and_controls_start_alike_and_learn_from_their_own_teachers(teachers, tmp_path):
    teachers(HERE)
    made = trained(tmp_path, controls=("no-teacher", "random-teacher"), seeds=2)
    assert [run.name for run in made.runs] == [
        "student", "no-teacher", "random-teacher", "student-1", "no-teacher-1", "random-teacher-1"
    ]  # fmt: skip
    assert "unet" in made.taught
    assert "passes" in made.taught
    cards = {run.name: run.result.card for run in made.runs}
    assert cards["student"]["teacher"]["name"] == "unet"
    assert cards["no-teacher"]["teacher"] is None
    assert cards["random-teacher"]["teacher"]["weights"] == "random"
    assert [cards[name]["seed"] for name in cards] == [0, 0, 0, 1, 1, 1]
    first = {run.name: run.result.rows[0]["val_psnr"] for run in made.runs}
    assert first["student"] == first["no-teacher"] == first["random-teacher"] != first["student-1"]
    assert "l1_target" not in made.runs[1].result.rows[-1]
    assert len({run.result.rows[-1]["val_psnr"] for run in made.runs}) == 6


def test_where_nobody_teaches_the_student_says_so_and_is_the_control_of_another_day(teachers, tmp_path):
    teachers({})
    alone = trained(tmp_path)
    assert [run.name for run in alone.runs] == ["student"]
    assert alone.taught.startswith("nobody taught")
    assert "without l1_target" in alone.taught
    assert alone.notes == ("control no-teacher: not trained, because the student itself had no teacher",)
    assert alone.runs[0].result.card["teacher"] is None
    card = training.write_models(alone, tmp_path / "models")[0].with_suffix(".json")
    assert json.loads(card.read_text())["taught"] == alone.taught
    teachers(HERE)
    with_one = trained(tmp_path)
    control = with_one.runs[1]
    assert (control.model, control.result.folder) == ("no-teacher", alone.runs[0].result.folder)
    assert control.result.taken_up == control.result.steps, "it was trained again"


def test_a_finished_run_is_found_and_keeps_its_machine(teachers, tmp_path):
    teachers(HERE)
    first = trained(tmp_path)
    card = first.runs[0].result.folder / "card.json"
    elsewhere = json.loads(card.read_text()) | {"machine": {"device": "another"}, "seconds": 4.0}
    card.write_text(json.dumps(elsewhere))
    again = trained(tmp_path)
    for one, other in zip(first.runs, again.runs, strict=True):
        assert one.result.folder == other.result.folder
        assert (one.result.taken_up, other.result.taken_up) == (0, other.result.steps)
        for name, tensor in one.result.network.state_dict().items():
            assert torch.equal(tensor, other.result.network.state_dict()[name])
    assert again.runs[0].result.card["machine"] == {"device": "another"}
    assert again.runs[0].result.card["seconds"] == 4.0
    anew = trained(tmp_path, resume="never", controls=())
    assert anew.runs[0].result.taken_up == 0
    assert "processor" in anew.runs[0].result.card["machine"]


def test_a_recipe_without_a_teacher_has_no_control(teachers, tmp_path):
    teachers({})
    one = recipe()
    plain = trained(tmp_path, replace(one, loss=one.loss[:1]))
    assert plain.taught == "nobody teaches: no term of the loss asks for a teacher"
    assert [run.name for run in plain.runs] == ["student"]
    assert plain.runs[0].result.card["control"]["name"] == "none"
    assert plain.notes == ("control no-teacher: not trained, because the recipe asks for no teacher",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"controls": ("none",)},
            "controls: expected any of no-teacher, random-teacher, each once, got 'none'",
        ),
        ({"controls": ("no-teacher", "no-teacher")}, "each once"),
        ({"seeds": 0}, "seeds: expected 1 to 100, got 0"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(TrainingError, match=words):
        training.TrainOptions(**options)


def test_controls_are_words():
    assert training.parse_controls("none") == ()
    assert training.parse_controls(" no-teacher  random-teacher") == ("no-teacher", "random-teacher")


# --- a teacher of its own


def test_a_teacher_is_trained_first_and_faces_the_gate(teachers, tmp_path):
    """The planted network has one weight, how strongly it sharpens: training moves it, the gate judges it."""
    wanted = load_recipe("edsr-residual").teacher
    wanted = replace(wanted, name="unet", fallback=(), training=TeacherTraining("l1", 0.05))
    one = recipe(teacher_epochs=3, teacher=wanted)
    teachers({("unet", "released"): 0.2, ("unet", "unet-fine-tuned.safetensors"): 0.5})
    made = trained(tmp_path, one, controls=())
    assert (made.own.name, made.own.start, made.own.path.name) == (
        "unet",
        "released",
        "unet-fine-tuned.safetensors",
    )
    assert made.own.result.steps == 6
    assert made.own.result.network.strength.item() > 0.2, "a blurred frame asks for more"
    assert made.runs[0].result.card["teacher"]["weights"] == "unet-fine-tuned.safetensors"
    assert [row["run"] for row in training.speed_rows(made)] == ["teacher", "student"]
    card = training.write_models(made, tmp_path / "models")[0].with_suffix(".json").read_text()
    assert json.loads(card)["teacher_training"]["from"] == "released"
    assert str(tmp_path) not in card
    again = trained(tmp_path, one, controls=())
    assert again.own.path == made.own.path
    assert again.own.result.taken_up == 6


def test_no_teacher_is_trained_without_first_weights_or_where_a_file_is_given(teachers, tmp_path):
    wanted = replace(load_recipe("edsr-residual").teacher, name="unet", fallback=())
    one = recipe(teacher_epochs=1, teacher=wanted)
    settings, options = TeachSettings(work=tmp_path), training.TrainOptions(device="cpu")
    teachers({})
    assert training.train_own_teacher(one, "quick", settings, options) is None
    teachers(HERE)
    given = replace(settings, weights={"unet": Path("mine.safetensors")})
    assert training.train_own_teacher(one, "quick", given, options) is None
    assert training.train_own_teacher(recipe(), "quick", settings, options) is None


# --- verdicts and files


def test_verdicts_are_those_of_the_statistics(teachers, tmp_path):
    teachers(HERE)
    made = trained(tmp_path)
    scores = training.score_runs(made, "cpu")
    assert len(scores) == 3 * 2 * 5
    verdicts = training.judge_runs(made, scores)
    table = training.verdict_table(made, verdicts)
    assert list(zip(table["of"], table["against"], table["metric"], strict=True)) == [
        ("student", "do nothing", "psnr"), ("student", "do nothing", "ssim"),
        ("student", "no-teacher", "psnr"), ("student", "no-teacher", "ssim"),
        ("no-teacher", "do nothing", "psnr"), ("no-teacher", "do nothing", "ssim"),
    ]  # fmt: skip
    clips = dict(zip(scores["frame"], scores["clip"], strict=True))
    alone = compare(scores, clips, "student", "no-teacher", "psnr")
    assert verdicts[2] == alone, "the question named before looking is not adjusted"
    others = [one for place, one in enumerate(verdicts) if place != 2]
    adjusted = holm([one.p_value for one in others])
    for one, value in zip(others, adjusted, strict=True):
        single = compare(scores, clips, one.model, one.baseline, one.metric)
        word = single.word if value <= 0.05 else "no difference shown"
        assert one == replace(single, adjusted_p=float(value), word=word)
    wide = scores[scores["metric"] == "psnr"].pivot(index="frame", columns="model", values="value")
    expected = (wide["student"] - wide["no-teacher"]).mean()
    assert verdicts[2].difference == pytest.approx(expected)
    words = training.verdict_words(verdicts[2])
    assert words.startswith("PSNR of the student against the same student without a teacher: ")
    assert f"{expected:+.2f} dB [" in words
    assert "5 clips, one seed (a pilot" in words
    differences = training.difference_table(made, scores)
    assert list(differences["against"].unique()) == ["do nothing", "no-teacher"]
    assert differences.groupby("against")["value"].mean()["no-teacher"] == pytest.approx(expected)


def test_without_verdicts_their_table_is_still_one_that_can_be_read(teachers, tmp_path):
    teachers({})
    made = trained(tmp_path)
    one_clip = training.score_runs(made, "cpu").assign(clip="only")
    assert training.judge_runs(made, one_clip) == []
    training.write_records(made, one_clip, [], tmp_path / "records")
    table = pd.read_csv(tmp_path / "records" / "verdicts.csv")
    assert table.empty
    assert {"of", "against", "metric", "word", "budget"} <= set(table)


def test_models_of_an_earlier_training_do_not_stay_beside_the_new_ones(teachers, tmp_path):
    teachers(HERE)
    folder = tmp_path / "models"
    training.write_models(trained(tmp_path, seeds=2), folder)
    (folder / "mine.safetensors").touch()
    training.write_models(trained(tmp_path, controls=()), folder)
    assert {path.name for path in folder.iterdir()} == {
        "student.safetensors", "student.json", "mine.safetensors"
    }  # fmt: skip


def test_validation_squares_of_scores_are_those_of_the_log(teachers, tmp_path):
    """With as many frames as the loop validates on, the scores' mean is the log's."""
    teachers({})
    made = trained(tmp_path)
    scores = training.score_runs(made, "cpu")
    means = scores[scores["metric"] == "psnr"].groupby("model")["value"].mean()
    assert means["student"] == pytest.approx(made.runs[0].result.scores["val_psnr"])
    assert means["do nothing"] == pytest.approx(made.runs[0].result.scores["do_nothing_psnr"])


def test_models_are_the_same_bytes_and_records_hold_the_times(teachers, tmp_path):
    teachers(HERE)
    files = []
    for name in ("one", "other"):
        made = trained(tmp_path / name)
        files.append(training.write_models(made, tmp_path / name / "models"))
        scores = training.score_runs(made, "cpu")
        verdicts = training.judge_runs(made, scores)
        training.write_records(made, scores, verdicts, tmp_path / name / "records")
    assert [path.name for path in files[0]] == ["student.safetensors", "no-teacher.safetensors"]
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()
    card = json.loads(files[0][0].with_suffix(".json").read_text())
    assert not {"machine", "seconds", "versions"} & set(card)
    assert (card["model"], card["role"], card["budget"]) == ("student", "student", "quick")
    assert load_student("swinir-cnn", files[0][0]).student.arguments == CHEAP
    records = {path.name for path in (tmp_path / "one" / "records").iterdir()}
    assert records == {
        "log-student.csv", "log-no-teacher.csv", "card-student.json", "card-no-teacher.json",
        "speed.csv", "scores.csv", "verdicts.csv",
    }  # fmt: skip
    speeds = pd.read_csv(tmp_path / "one" / "records" / "speed.csv")
    assert list(speeds["run"]) == ["student", "no-teacher"]
    assert (speeds["pairs_per_s"] > 0).all()


def test_tables_for_figures(teachers, tmp_path):
    teachers(HERE)
    made = trained(tmp_path)
    log = training.log_table(made)
    assert list(log.groupby("run", sort=False).size()) == [3, 3]
    assert set(log["role"]) == {"student", "control"}
    assert (log["best"] == "yes").sum() == 2
    assert np.isnan(log.loc[log["run"] == "no-teacher", "l1_target"]).all()
    samples = training.sample_table(made.runs[0], 2)
    assert sorted(set(samples["epoch"])) == [0, 1, 2]
    assert sorted(set(samples["place"])) == [0, 1]
    pair = made.report.validation.pair(0)
    square = samples[(samples["place"] == 0) & (samples["epoch"] == 0)].iloc[0]
    assert square["degraded"].shape == square["restored"].shape == square["reference"].shape
    assert np.isin(square["reference"].reshape(-1, 3), np.asarray(pair.reference).reshape(-1, 3)).all()
    assert list(training.run_table(made)["run"]) == ["student", "no-teacher"]


class Fragile(nn.Module):
    """Returns its input with full weights; float16 knows no 4096.25, and makes it 64 grey levels darker."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(4096.25))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return frames + (self.weight - 4096.25)


def test_weights_that_float16_would_spoil_are_not_written(teachers, tmp_path):
    teachers({})
    made = trained(tmp_path)
    squares = squares_of(made)
    assert float16_moves(made.runs[0].result.network, squares) <= 1
    assert float16_moves(Fragile(), squares) in (63, 64)
    spoilt = replace(made.runs[0], result=replace(made.runs[0].result, network=Fragile()))
    with pytest.raises(
        TrainingError, match=r"float16 to move no pixel by more than 2 grey levels, got 6[34]"
    ):
        training.write_models(replace(made, runs=(spoilt,)), tmp_path / "models")
    assert not (tmp_path / "models").exists()
