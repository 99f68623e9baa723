"""Parts of the experiments: variants, steps, gains and the ledger, against arithmetic by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sharpstudy.data.degrade import DownUp, parse_degradation
from sharpstudy.data.pairs import prepare_pairs
from sharpstudy.data.patches import Patches
from sharpstudy.distill import TrainingDiverged
from sharpstudy.distill.from_recipe import cues_of
from sharpstudy.evaluate import CLEAN, DO_NOTHING
from sharpstudy.experiments import training, variants
from sharpstudy.experiments.judging import difference_table, gain_facts, size_of
from sharpstudy.experiments.ledger import Ledger
from sharpstudy.experiments.material import CONDITIONS, is_drawn, load_material
from sharpstudy.experiments.options import names, whole
from sharpstudy.experiments.tables import aligned, number, spanned
from sharpstudy.experiments.training import for_steps, run_key, train_student
from sharpstudy.recipes import load_recipe
from sharpstudy.students import build_student
from tests.experiment_tools import scores_of
from tests.material import made

BASE = variants.base_recipe()


def test_each_variant_changes_one_thing():
    found = variants.list_variants(BASE)
    assert found[0].name == variants.BASE
    assert len({one.name for one in found}) == len(found) > 8
    for one in found[1:]:
        made_recipe = one.recipe(BASE)
        changed = {
            "student": made_recipe.student != BASE.student,
            "loss": made_recipe.loss != BASE.loss,
            "degradation": made_recipe.degradation != BASE.degradation,
            "ema": made_recipe.ema != BASE.ema,
            "optimiser": made_recipe.optimiser != BASE.optimiser,
        }
        assert one.corners == "anywhere" or changed["degradation"]
        assert sum(changed.values()) == 1, one.name
        assert not made_recipe.needs_teacher


def test_sizes_cost_about_as_much_as_the_base():
    # 3x3 kernels at 1/r of the resolution: 9 * (inputs * outputs, summed over layers) / r^2 multiply-adds;
    # the first layer reads 5 cues, or 4, beside the packed frame.
    by_hand = {
        "4/32/6": 9 * (53 * 32 + 48 * 32 + 4 * 32 * 32) / 16,
        "4/48/4": 9 * (53 * 48 + 3 * 48 * 48) / 16,
        "3/48/3": 9 * (32 * 48 + 27 * 48 + 48 * 48) / 9,
        "2/24/4": 9 * (16 * 24 + 12 * 24 + 2 * 24 * 24) / 4,
    }
    base = size_of(build_student("realtime", **BASE.student.arguments))["kmac_per_pixel"]
    for one in variants.VARIANTS:
        if one.name in by_hand:
            cost = size_of(build_student("realtime", **one.recipe(BASE).student.arguments))
            assert cost["kmac_per_pixel"] == pytest.approx(by_hand[one.name] / 1000, abs=1e-4)
            assert cost["kmac_per_pixel"] == pytest.approx(base, rel=0.2)


def test_what_the_recipe_is_already_is_no_variant(monkeypatch):
    known = {one.name for one in variants.list_variants(BASE)}
    assert "3/32/5" not in known  # the arguments of the recipe itself
    leaky = replace(
        BASE, student=replace(BASE.student, arguments={**BASE.student.arguments, "activation": "leaky"})
    )
    assert "leaky" not in {one.name for one in variants.list_variants(leaky)}
    assert "relu" in {one.name for one in variants.list_variants(leaky)}
    monkeypatch.setattr(
        variants, "TERMS", tuple(term for term in variants.TERMS if term != variants.RELATIVE)
    )
    assert "relative" not in {one.name for one in variants.list_variants(BASE)}
    with pytest.raises(ValueError, match="got 'relative', because it is the recipe itself or needs a term"):
        variants.choose_variants(BASE, ("relative",))
    with pytest.raises(ValueError, match="got 'wider'"):
        variants.choose_variants(BASE, ("wider",))
    assert [one.name for one in variants.choose_variants(BASE, ("mse",))] == ["base", "mse"]


def test_a_budget_of_steps():
    recipe = for_steps(load_recipe("unet-attention"), 30, 4, 48)
    spent = recipe.budgets.quick
    assert (spent.epochs, spent.pairs_per_epoch, spent.batch, spent.patch) == (1, 120, 4, 48)
    assert recipe.patience is None
    assert for_steps(BASE, 500, 4, 48).schedule.warm_up_steps == 50  # a tenth
    assert for_steps(BASE, 5000, 4, 48).schedule.warm_up_steps == 200  # the recipe's own
    with pytest.raises(ValueError, match="at least 1, got 0"):
        for_steps(BASE, 0, 4, 48)
    assert run_key(recipe, 0) != run_key(recipe, 1)
    assert run_key(recipe, 0) == run_key(for_steps(load_recipe("unet-attention"), 30, 4, 48), 0)


def test_a_run_is_another_where_the_name_of_its_degradation_means_something_else(monkeypatch):
    before = run_key(BASE, 0)
    assert BASE.degradation == "blind"
    monkeypatch.setattr(training, "parse_degradation", lambda name: DownUp(2))
    assert run_key(BASE, 0) != before


def test_a_training_gives_the_weights_of_its_last_step(tmp_path):
    """Three steps of the study's loop against three steps of torch by hand."""
    store = prepare_pairs([made(seed, (96, 64)) for seed in range(3)], "bicubic-x2", 1, tmp_path / "pairs")
    recipe = for_steps(replace(BASE, ema=None, degradation="bicubic-x2"), 3, 2, 32)
    recipe = replace(
        recipe,
        gradient_clip=None,
        optimiser=variants.ADAM,
        loss=variants.Variant("m", "loss", "", loss={"mse_reference": 1.0}).recipe(BASE).loss,
    )
    trained = train_student(recipe, (store, store), tmp_path / "run", seed=3, device="cpu")
    student = build_student("realtime", seed=3, **recipe.student.arguments)
    optimiser = torch.optim.Adam(student.parameters(), lr=recipe.optimiser.learning_rate)
    patches = Patches(store, 32, 2, 3, facts={"cues": cues_of(store)})
    for step in range(3):
        cosine = (1 + math.cos(math.pi * step / 3)) / 2
        optimiser.param_groups[0]["lr"] = 1e-3 * (0.01 + 0.99 * cosine)
        batch = patches.batch(step)
        ((student(batch["degraded"], batch["cues"]) - batch["reference"]) ** 2).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    assert trained.steps == 3
    assert trained.seconds > 0
    for name, value in student.state_dict().items():
        torch.testing.assert_close(trained.student.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_patches_begin_on_the_grid_where_they_are_asked_to(tmp_path, monkeypatch):
    store = prepare_pairs([made(seed, (96, 64)) for seed in range(3)], "bicubic-x4", 1, tmp_path / "pairs")
    recipe = for_steps(replace(BASE, degradation="bicubic-x4"), 2, 4, 32)
    places, told = {}, {}

    def listen(corners):
        def note(settings, student, loss_sum, patches, *_, **__):
            told[corners] = patches.facts["cues"]
            places[corners] = {(one.top % 4, one.left % 4) for one in patches.places(range(50))}
            raise TrainingDiverged("enough")

        return note

    for corners, loop in (("on the grid", "sharpstudy.experiments.training.train"),
                          ("anywhere", "sharpstudy.distill.from_recipe.train")):  # fmt: skip
        monkeypatch.setattr(loop, listen(corners))
        lost = train_student(recipe, (store, store), tmp_path / corners, device="cpu", corners=corners)
        assert lost.student is None
        assert lost.note == "lost: enough"
    assert np.array_equal(told["on the grid"], told["anywhere"])  # of whole frames, for either
    assert places["on the grid"] == {(0, 0)}
    assert len(places["anywhere"]) > 8


def test_gains_are_means_over_clips_of_means_over_conditions():
    scores = scores_of(
        {
            DO_NOTHING: {"a": [30.0, 20.0, 25.0], "b": [10.0, 12.0, 14.0], CLEAN: [100.0] * 3},
            "m": {"a": [31.0, 21.0, 27.0], "b": [10.0, 12.0, 16.0], CLEAN: [40.0, 50.0, 60.0]},
        }
    )
    facts = gain_facts(scores, ["m"])
    assert facts["a_psnr"] == pytest.approx(4 / 3)
    assert facts["b_psnr"] == pytest.approx(2 / 3)
    assert facts["gain_psnr"] == pytest.approx((0.5 + 0.5 + 2) / 3)
    assert facts["gain_ssim"] == pytest.approx(facts["gain_psnr"] / 100)
    assert facts["gain_psnr_low"] < facts["gain_psnr"] < facts["gain_psnr_high"]
    assert facts["clean_psnr"] == pytest.approx(50)
    assert facts["clean_worst"] == pytest.approx(40)


def test_differences_are_paired():
    rng = np.random.default_rng(1)
    nothing = rng.normal(30, 5, 12)
    scores = scores_of(
        {
            DO_NOTHING: {"a": nothing.tolist()},
            "base": {"a": (nothing + 1).tolist()},
            "up": {"a": (nothing + 1.2).tolist()},
            "down": {"a": (nothing + 0.9).tolist()},
        }
    )
    runs = {name: {0: name} for name in ("base", "up", "down")}
    table = difference_table(scores, runs, "base").set_index(["model", "metric"])
    up, down = table.loc[("up", "psnr")], table.loc[("down", "psnr")]
    # Frames differ by 5 dB among themselves, and not at all in their differences: intervals have no width.
    assert (up["difference"], up["low"], up["high"]) == pytest.approx((0.2, 0.2, 0.2))
    assert (up["word"], down["word"]) == ("better", "worse")
    assert table.loc[("down", "ssim"), "difference"] == pytest.approx(-0.001)
    assert not len(difference_table(scores, {"up": {0: "up"}}, "base"))


def test_differences_pair_the_seeds_that_both_have():
    nothing = np.array([20.0, 25.0, 30.0, 35.0])
    made_up = {"base": 1.0, "base, seed 1": 2.0, "up": 1.5, "up, seed 1": 2.1, "up, seed 2": 9.0}
    values = {name: {"a": (nothing + gain).tolist()} for name, gain in made_up.items()}
    scores = scores_of({DO_NOTHING: {"a": nothing.tolist()}, **values})
    runs = {"base": {0: "base", 1: "base, seed 1"}, "up": {0: "up", 1: "up, seed 1", 2: "up, seed 2"}}
    row = difference_table(scores, runs, "base").set_index("metric").loc["psnr"]
    assert row["difference"] == pytest.approx((0.5 + 0.1) / 2)
    assert row["seeds"] == 2
    assert row["low"] < 0.1 < 0.5 < row["high"]  # two seeds that disagree leave much open
    assert row["word"] == "no difference shown"
    assert gain_facts(scores, list(runs["up"].values()))["gain_psnr"] == pytest.approx((1.5 + 2.1 + 9) / 3)


def test_a_ledger_goes_on_and_refuses_other_settings(tmp_path):
    scores = scores_of({"m": {"a": [1.0, 2.0]}})
    ledger = Ledger(tmp_path, {"steps": 5, "side": 64})
    ledger.put("m/1", "key", {"seconds": 2.0}, scores)
    ledger.put("lost", "key", {"note": "lost"}, None)
    again = Ledger(tmp_path, {"steps": 5, "side": 64})
    assert again.has("m/1", "key")
    assert again.has("lost", "key")
    assert not again.has("m/1", "other")
    assert again.runs["m/1"]["seconds"] == 2.0
    assert again.scores(["m/1", "lost"])["value"].tolist() == [1.0, 2.0, 0.01, 0.02]
    with pytest.raises(ValueError, match=r"runs.json: .*steps \(5 there, 6 asked for\).*--existing replace"):
        Ledger(tmp_path, {"steps": 6, "side": 64})
    assert not Ledger(tmp_path, {"steps": 6, "side": 64}, "replace").has("m/1", "key")
    next((tmp_path / "scores").glob("*.csv")).unlink()
    assert not Ledger(tmp_path, {"steps": 5, "side": 64}).has("m/1", "key")
    (tmp_path / "runs.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"runs.json: expected the JSON"):
        Ledger(tmp_path, {"steps": 5})


def test_the_conditions_are_those_that_are_declared():
    assert list(CONDITIONS) == [
        "bicubic-x2", "bicubic-x3-offgrid", "bicubic-x4", "blur-1.5",
        "call-200k", "call-300k", "call-800k", "clean",
    ]  # fmt: skip
    assert CONDITIONS["bicubic-x3-offgrid"].phase != (0, 0)
    assert is_drawn(parse_degradation("blind"))
    assert is_drawn(DownUp(2, phase="random"))
    assert not is_drawn(parse_degradation("bicubic-x2"))
    assert not is_drawn(parse_degradation("call-300k"))


def test_material_holds_validation_frames_out(monkeypatch, tmp_path):
    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    heard: list[str] = []
    from sharpstudy.data.sources import SourceOptions

    material = load_material("bundled+bsds500", 6, 3, SourceOptions(40, 96, 64), heard.append)
    assert material.source == "bundled"
    assert len(heard) == 1
    assert heard[0].startswith("source bsds500 is left out")
    assert len(material.train) == 3
    assert {one.split for one in material.train} == {"train"}
    assert {one.split for one in material.held} == {"validation"}
    assert not {one.clip for one in material.train} & {one.clip for one in material.held}
    assert material.facts()["held_frames"].startswith(f"{len(material.held)} (")


def test_words_and_numbers_of_the_tables():
    assert number(64720, 0) == "64,720"
    assert number(float("nan"), 2) == "–"
    assert spanned(0.1234, 0.1, 0.2, 2) == "+0.12 [+0.10, +0.20]"
    assert aligned([{"a": "x", "b": "1"}, {"a": "yy", "b": "22"}]) == "a    b\n--  --\nx    1\nyy  22"
    assert names("a, b,,c") == ("a", "b", "c")
    assert whole(2)("7") == 7
    with pytest.raises(Exception, match="at least 2, got '1'"):
        whole(2)("1")
