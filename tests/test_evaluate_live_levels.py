"""What the live levels are worth: the rule of the level at half size, and the table of verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sharpstudy.data.sources import SourceOptions, load_source
from sharpstudy.evaluate.live_levels import half_level, level_scores, level_table
from sharpstudy.evaluate.sharp_shares import shares, sharpness_table, turns
from sharpstudy.runtime import sharpness
from tests.live_tools import brighter, frame


def test_half_size_adds_half_and_leaves_what_is_sharp_there():
    assert int(half_level(frame(100), brighter)[0, 0, 0]) == 105
    board = (np.indices((64, 64)).sum(0) // 4 % 2)[..., None].repeat(3, 2).astype(np.uint8) * 200
    assert half_level(board, brighter) is board


def test_a_level_that_brightens_is_called_worse():
    references = load_source("bundled", SourceOptions(screens=10, screen_width=240, screen_height=180))[-10:]
    table = level_table(level_scores(references, brighter, ("bicubic-x4",)))
    psnr = table[table["metric"] == "psnr"].set_index("level")
    assert list(psnr["verdict"]) == ["worse", "worse"]
    assert psnr.loc["full", "gain"] < psnr.loc["half", "gain"] < 0
    assert (table["low"] <= table["gain"]).all()
    assert (table["gain"] <= table["high"]).all()
    assert psnr["mean"].to_numpy() == pytest.approx((psnr["raw"] + psnr["gain"]).to_numpy())


def test_shares_are_of_frames_above_the_thresholds(assets):
    table = sharpness_table(("set14",), ("clean", "blur-1.5"), 4)
    found = shares(table)["sharp"]
    assert found.loc["blur-1.5"].max() == 0
    assert found.loc["clean", "set14"] > 0.3
    assert turns(table).empty  # pictures have no turns
    first = load_source("set14")[0]
    one = table[(table["clip"] == first.clip) & (table["degradation"] == "clean")]
    assert one["sharpness"].iloc[0] == sharpness(first.load())


def test_turns_are_counted_with_one_threshold_and_with_two():
    values = [0.40, 0.47, 0.49, 0.47, 0.49, 0.46, 0.44, 0.40]
    rows = [("cameras", "clip", "clean", value) for value in values]
    table = pd.DataFrame(rows, columns=["source", "clip", "degradation", "sharpness"])
    assert turns(table)[["single", "judge"]].to_numpy().tolist() == [[4, 2]]
    found = shares(table)
    assert found["sharp"].loc["clean", "cameras"] == 2 / 8
    assert found["between"].loc["clean", "cameras"] == 3 / 8
