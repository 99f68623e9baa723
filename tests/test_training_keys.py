"""Folders of trainings are named by what decides the weights; and what the loop costs is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sharpstudy.distill import TaughtBy
from sharpstudy.recipes import Recipe
from sharpstudy.training import keys
from sharpstudy.training_speed import measure_loop
from tests.training_tools import make_pairs, small_recipe, small_student, with_reference_targets


def test_a_folder_is_named_by_what_decides_the_weights(tmp_path):
    one, pairs = small_recipe("swinir-cnn"), make_pairs(tmp_path)

    def key(changed: Recipe = one, seed: int = 0, budget: str = "quick", store=pairs, by=None) -> str:
        return keys.run_key(changed, budget, "none", seed, store, pairs, by)

    longer = replace(one.budgets.quick, epochs=3)
    assert key() == key(replace(one, summary="Other words.", doubts=(), published=()))
    assert key() == key(replace(one, budgets=replace(one.budgets, full=longer)))
    others = [
        key(replace(one, ema=0.9)),
        key(replace(one, loss=one.loss[:1])),
        key(replace(one, budgets=replace(one.budgets, quick=longer))),
        key(seed=1),
        key(budget="full"),
        key(store=with_reference_targets(pairs)),
        key(by=TaughtBy("unet", "released")),
    ]
    assert len({key(), *others}) == 8


def test_the_code_counts_without_its_comments(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "PACKAGE", tmp_path)

    def hash_of(text: str) -> str:
        (tmp_path / "one.py").write_text(text)
        keys.code_hash.cache_clear()
        return keys.code_hash("one.py")

    plain = hash_of("def f():\n    return 1\n")
    assert hash_of('"""Words."""\n\n\ndef f():  # why\n    """More words."""\n    return 1\n') == plain
    assert hash_of("def f():\n    return 2\n") != plain
    keys.code_hash.cache_clear()


@pytest.mark.parametrize("name", ["swinir-cnn", "unet-attention"])
def test_the_cost_of_the_loop_is_measured(name, tmp_path):
    row = measure_loop(small_student(name, {"width": 4, "blocks": 1}), tmp_path, rounds=1)
    assert row["ratio"] == pytest.approx(row["loop_pairs_per_s"] / row["bare_pairs_per_s"])
    assert 0 < row["ratio"] < 3
    assert 0 < row["epoch_pairs_per_s"] < row["loop_pairs_per_s"]
