"""The table of conditions: gains by hand, masks tuned apart from the frames that are judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sharpstudy.data.degrade import degrade, parse_degradation
from sharpstudy.evaluate import UNSHARP, from_callable
from sharpstudy.experiments import conditions
from sharpstudy.experiments.conditions import (
    ConditionsOptions,
    bitrate_table,
    condition_table,
    condition_text,
    run_conditions,
)
from sharpstudy.metrics import psnr
from tests.evaluate_tools import references_of
from tests.experiment_tools import rungs_of


@pytest.fixture(scope="module")
def references():
    found = references_of(12, (128, 96))
    return [replace(one, split="test" if at % 2 else "validation") for at, one in enumerate(found)]


@pytest.fixture(scope="module")
def scores(references, tmp_path_factory):
    halfway = from_callable("halfway", lambda frame: frame.reference // 2 + frame.degraded // 2)
    options = ConditionsOptions(("blur-1.5", "clean"), frames=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "WORK", tmp_path_factory.mktemp("work"))
        return run_conditions(options, [halfway], references, lambda text: None)


def test_gains_are_those_of_the_frames_themselves(references, scores):
    table = condition_table(scores).set_index(["degradation", "metric", "model"])
    gains = []
    for one in references:
        if one.split == "test":
            frame = one.load()
            soft = degrade(frame, parse_degradation("blur-1.5"), 1)
            gains.append(psnr(frame // 2 + soft // 2, frame) - psnr(soft, frame))
    row = table.loc["blur-1.5", "psnr", "halfway"]
    assert row["on_nothing"] == pytest.approx(np.mean(gains), abs=1e-6)
    assert row["low_nothing"] < row["on_nothing"] < row["high_nothing"]
    assert row["against_nothing"] == "better"
    assert row["frames"] == 6


def test_the_mask_is_judged_beside_and_sharpens_a_blur(scores):
    table = condition_table(scores).set_index(["degradation", "metric", "model"])
    mask = table.loc["blur-1.5", "psnr", UNSHARP]
    assert mask["on_nothing"] > 0
    halfway = table.loc["blur-1.5", "psnr", "halfway"]
    assert halfway["on_mask"] == pytest.approx(halfway["mean"] - mask["mean"])


def test_clean_frames_have_no_mask_and_are_told_by_their_distance(scores):
    clean = scores[scores["degradation"] == "clean"]
    assert UNSHARP not in set(clean["model"])
    lines = condition_text(condition_table(scores)).splitlines()
    assert lines[-1].startswith("clean")
    assert "untouched" in lines[-1]
    assert "to the frame" in lines[-1]
    assert lines[1].count("[") == 2


def test_frames_of_both_parts_are_needed(references):
    tests = [one for one in references if one.split == "test"]
    with pytest.raises(ValueError, match="at least two in the validation part, got 0"):
        run_conditions(ConditionsOptions(("blur-1.5",)), [], tests, lambda text: None)


def test_the_bitrate_that_would_look_as_good_untouched():
    rows = rungs_of("psnr", (20.0, 24.0, 26.0), (22.0, 24.0, 27.0))
    rows.append({"degradation": "blur-1.0", "metric": "psnr", "model": "sharpener", "mean": 30.0})
    table = bitrate_table(pd.DataFrame(rows)).set_index("kbps")
    assert list(table.index) == [100, 200]  # at 400 kbit/s no rung is as good untouched
    assert table.loc[100, "same_as_kbps"] == pytest.approx(100 * 2**0.5)  # half way between in the logarithm
    assert table.loc[100, "saved"] == pytest.approx(1 - 0.5**0.5)
    assert table.loc[200, "saved"] == pytest.approx(0)
