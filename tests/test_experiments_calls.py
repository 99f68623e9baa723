"""Calls judged as eyes see them, as text and in motion: what is scored, and how the table is told."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from sharpstudy.evaluate import ClipSet, FrameRow, from_callable
from sharpstudy.experiments import calls, conditions
from sharpstudy.experiments.calls import CallsOptions, calls_text, parser, run_calls
from sharpstudy.experiments.conditions import bitrate_table
from tests.evaluate_tools import references_of
from tests.experiment_tools import rungs_of


def test_frames_and_pages_are_scored_for_everyone(tmp_path, monkeypatch):
    monkeypatch.setattr(conditions, "WORK", tmp_path)
    found = references_of(12, (192, 128))
    references = [replace(one, split="test" if at % 2 else "validation") for at, one in enumerate(found)]
    halfway = from_callable("halfway", lambda frame: frame.reference // 2 + frame.degraded // 2)
    told = []
    scores = run_calls(CallsOptions(("call-300k",), 6, 2, 2), [halfway], references, told.append)
    counts = scores.groupby(["model", "metric"]).size()
    assert counts.index.get_level_values("model").nunique() == 3
    assert set(counts.xs("lpips", level="metric")) == {6}
    assert set(counts.xs("cer", level="metric")) == {2}
    assert told[-1] == "call-300k: halfway"
    assert (scores["value"].notna() | (scores["reason"] != "")).all()


def test_less_is_better_where_a_metric_says_so():
    rows = rungs_of("lpips", (0.4, 0.3, 0.1), (0.35, 0.3, 0.05))
    table = bitrate_table(pd.DataFrame(rows)).set_index("kbps")
    assert list(table.index) == [100, 200]
    assert table.loc[100, "same_as_kbps"] == pytest.approx(100 * 2**0.5)
    assert table.loc[200, "saved"] == pytest.approx(0)


def test_the_text_names_metric_direction_and_savings():
    facts = {"degradation": "call-100k", "metric": "cer", "frames": 24}
    ends = {"on_nothing": -0.1, "low_nothing": -0.2, "high_nothing": -0.05, "against_nothing": "better"}
    table = pd.DataFrame(
        [
            {**facts, "model": "do nothing", "mean": 0.5},
            {**facts, "model": "realtime", "mean": 0.4, **ends},
        ]
    )
    bits = pd.DataFrame(
        [{"metric": "lpips", "model": "realtime", "kbps": 100, "same_as_kbps": 125.0, "saved": 0.2}]
    )
    assert calls_text(table, bits).splitlines() == [
        "character error rate (share), lower is better",
        "  call-100k (24): do nothing 0.5000; realtime -0.1000 [-0.2000, -0.0500] better",
        "LPIPS (squeeze): realtime at 100 kbit/s looks like 125 kbit/s untouched, 20% saved",
    ]


def test_clips_are_spread_over_the_whole_set():
    rows = tuple(FrameRow(f"clip{at}", f"clip{at}", "people", 64, 48) for at in range(10))
    few = calls._some(ClipSet("call-300k", rows, lambda at: at), 4)
    assert [row.clip for row in few.rows] == ["clip0", "clip2", "clip5", "clip7"]
    assert [few.load(at) for at in range(4)] == [0, 2, 5, 7]


def test_a_rung_that_is_none_is_refused(capsys):
    assert parser().parse_args([]).only == calls.RUNGS
    assert calls.main(["--only", "blur"]) == 1
    assert "--only: expected some of call-100k" in capsys.readouterr().err
