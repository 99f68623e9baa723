"""The three experiments end to end, on a few small frames and for a few steps."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from sharpstudy.data.degrade import DEGRADATIONS
from sharpstudy.evaluate import DO_NOTHING, read_scores
from sharpstudy.experiments import ablation, bench, equal_time, phases
from sharpstudy.experiments.training import Trained
from sharpstudy.students import build_student, save_student
from tests.experiment_tools import small_material
from tests.material import made

FEW = {name: DEGRADATIONS[name] for name in ("bicubic-x2", "blur-1.5", "clean")}


@pytest.fixture(autouse=True)
def few_conditions(monkeypatch):
    monkeypatch.setattr(ablation, "CONDITIONS", FEW)
    yield
    plt.close("all")


def ablation_options(folder, **more) -> ablation.AblationOptions:
    told = {"steps": 2, "batch": 2, "patch": 32, "side": 32, "device": "cpu"} | more
    return ablation.AblationOptions(**told, out=folder / "out", work=folder / "work")


def refuse(*_, **__):
    raise AssertionError("expected no further training")


def test_an_ablation_is_kept_row_by_row_and_not_repeated(tmp_path, monkeypatch):
    heard: list[str] = []
    material = small_material()
    options = ablation_options(tmp_path, only=("leaky", "no-average"))
    table = ablation.run_ablation(options, material, heard.append)
    assert table["variant"].tolist() == ["base", "leaky", "no-average"]
    assert table["steps"].tolist() == [2, 2, 2]
    assert table["parameters"].tolist() == [44_795] * 3
    assert table["diff_psnr"].notna().tolist() == [False, True, True]
    stored = pd.read_csv(tmp_path / "out/ablation.csv")
    assert stored["made_of"].nunique() == 3
    assert len(list((tmp_path / "out").glob("against-base.*.svg"))) == 2
    assert "against 'base'" in (tmp_path / "out/ablation.txt").read_text(encoding="utf-8")
    scores = read_scores(tmp_path / "out/scores")
    wide = scores[scores["metric"] == "psnr"].pivot_table("value", ["degradation", "frame"], "model")
    wide = wide.drop("clean")
    by_hand = (wide["leaky"] - wide["base"]).groupby("frame").mean().mean()
    assert table.set_index("variant").loc["leaky", "diff_psnr"] == pytest.approx(by_hand, abs=1e-6)
    gain = (wide["base"] - wide[DO_NOTHING]).groupby("frame").mean().mean()
    assert table.set_index("variant").loc["base", "gain_psnr"] == pytest.approx(gain, abs=1e-6)

    monkeypatch.setattr(ablation, "train_student", refuse)
    again = ablation.run_ablation(options, material, heard.append)
    pd.testing.assert_frame_equal(again, table)
    assert sum("is there already" in line for line in heard) == 3
    with pytest.raises(ValueError, match="steps"):
        ablation.run_ablation(replace(options, steps=3), material, heard.append)


def test_a_second_seed_joins_the_first(tmp_path):
    material, heard = small_material(), []
    options = ablation_options(tmp_path, only=("leaky",))
    ablation.run_ablation(options, material, heard.append)
    table = ablation.run_ablation(replace(options, seeds=2), material, heard.append)
    assert table["seeds"].tolist() == [2, 2]
    assert sum("is there already" in line for line in heard) == 2
    assert "At least 2 training seeds" in (tmp_path / "out/ablation.txt").read_text(encoding="utf-8")
    psnr = read_scores(tmp_path / "out/scores").query("metric == 'psnr' and degradation != 'clean'")
    means = psnr.groupby("model")["value"].mean()
    by_hand = (means["leaky"] - means["base"] + means["leaky, seed 1"] - means["base, seed 1"]) / 2
    assert table["diff_psnr"].iloc[1] == pytest.approx(by_hand, abs=1e-6)
    assert means["leaky"] != means["leaky, seed 1"]


def test_a_variant_that_is_lost_has_a_row_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(
        ablation, "train_student", lambda *_, **__: Trained(None, 2, float("nan"), "lost: dead")
    )
    table = ablation.run_ablation(
        ablation_options(tmp_path, only=("plain",)), small_material(), lambda _: None
    )
    assert table["note"].tolist() == ["lost: dead"] * 2
    assert table["gain_psnr"].isna().all()
    monkeypatch.setattr(ablation, "train_student", refuse)
    ablation.run_ablation(ablation_options(tmp_path, only=("plain",)), small_material(), lambda _: None)
    assert "lost: dead" in (tmp_path / "out/ablation.txt").read_text(encoding="utf-8")


def test_students_at_equal_time(tmp_path, monkeypatch):
    monkeypatch.setattr(equal_time, "steps_in", lambda *_, **__: 2)
    heard: list[str] = []
    options = equal_time.EqualTimeOptions(
        seconds=1.0,
        degradations=("bicubic-x2", "bicubic-x4"),
        only=("srresnet-edge",),
        side=32,
        device="cpu",
        out=tmp_path / "out",
        work=tmp_path / "work",
    )
    material = small_material()
    table = equal_time.run_equal_time(options, material, heard.append)
    assert list(zip(table["learned_on"], table["student"], strict=True)) == [
        ("bicubic-x2", "realtime"),
        ("bicubic-x4", "srresnet-edge"),
        ("bicubic-x4", "realtime"),
    ]
    assert any(line.startswith("srresnet-edge on bicubic-x2: left out") for line in heard)
    assert table["steps"].tolist() == [2] * 3
    assert table["diff_psnr"].isna().tolist() == [True, False, True]
    rows = table.set_index(["learned_on", "student"])
    ours, theirs = (rows.loc[("bicubic-x4", one), "gain_psnr"] for one in ("realtime", "srresnet-edge"))
    assert rows.loc[("bicubic-x4", "srresnet-edge"), "diff_psnr"] == pytest.approx(theirs - ours, abs=1e-6)
    assert rows.loc[("bicubic-x4", "realtime"), "patch"] == 96  # each has its own
    assert rows.loc[("bicubic-x4", "srresnet-edge"), "patch"] == 64
    assert "Learned and judged on bicubic-x4" in (tmp_path / "out/equal-time.txt").read_text(encoding="utf-8")
    monkeypatch.setattr(equal_time, "train_student", refuse)
    pd.testing.assert_frame_equal(equal_time.run_equal_time(options, material, heard.append), table)


def test_wrong_names_and_times_are_refused():
    with pytest.raises(ValueError, match="--only: expected some of swinir-cnn"):
        equal_time.EqualTimeOptions(only=("swinir",))
    with pytest.raises(ValueError, match="bicubic-x9"):
        equal_time.EqualTimeOptions(degradations=("bicubic-x9",))
    with pytest.raises(ValueError, match="got none or clean"):
        equal_time.EqualTimeOptions(degradations=("clean",))
    with pytest.raises(ValueError, match="--seconds: expected more than 0, got 0"):
        equal_time.EqualTimeOptions(seconds=0.0)


def test_phases_of_a_weight_file(tmp_path, monkeypatch):
    student = build_student("realtime", unshuffle=2, width=8, depth=2)
    save_student(student, tmp_path / "mine.safetensors")
    trained = Trained(build_student("realtime", width=8, depth=2), 3, 1.0)
    learned = []

    def train(recipe, *_, **how):
        learned.append((recipe.degradation["phase"], how["corners"]))
        return trained

    monkeypatch.setattr(phases, "train_student", train)
    monkeypatch.setattr(phases, "load_material", lambda *_, **__: small_material())
    options = phases.PhasesOptions(
        tmp_path / "mine.safetensors", 3, side=32, device="cpu", out=tmp_path / "out", work=tmp_path / "work"
    )
    references = [made(seed, (96, 64)) for seed in range(3)]
    table = phases.run_phases(options, references, lambda _: None)
    assert table["student"].unique().tolist() == [
        "mine",
        *(f"learned × 2 on {grid}" for grid in phases.GRIDS),
    ]
    assert learned == [([0.0, 0.0], "on the grid"), ("random", "anywhere")]
    assert len(table) == 3 * 25
    # An untrained student returns its input: no gain anywhere, and so no share of one.
    assert table["gain"].abs().max() == pytest.approx(0)
    assert table["share"].isna().all()
    assert len(pd.read_csv(tmp_path / "out/phases.csv")) == 75
    assert len(list((tmp_path / "out").glob("share.*.svg"))) == 2


@pytest.mark.parametrize("module", [ablation, equal_time, phases])
def test_help_says_what_is_done(module, capsys):
    with pytest.raises(SystemExit) as ending:
        module.main(["--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    assert module.__doc__.splitlines()[0] in text
    assert "--out" in text


@pytest.mark.parametrize(
    ("module", "words", "named"),
    [
        (ablation, ["--only", "wider"], "got 'wider'"),
        (ablation, ["--source", "holiday"], "'holiday'"),
        (equal_time, ["--only", "bigger"], "got 'bigger'"),
        (phases, ["nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_commands_name_what_is_wrong(module, words, named, capsys, monkeypatch, tmp_path):
    few = small_material()
    if words[0] != "--source":
        for place in (bench, phases):
            monkeypatch.setattr(place, "load_material", lambda *_, **__: few)
    monkeypatch.setattr(phases, "held_frames", lambda *_: list(few.held))
    assert module.main([*words, "--out", str(tmp_path)]) == 1
    answer = capsys.readouterr()
    assert named in answer.err
    assert answer.out == ""


def test_numbers_out_of_range_are_refused_before_anything_is_read(capsys):
    with pytest.raises(SystemExit) as ending:
        ablation.main(["--steps", "0"])
    assert ending.value.code == 2
    assert "--steps: expected a whole number of at least 1, got '0'" in capsys.readouterr().err
