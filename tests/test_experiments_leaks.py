"""Pairs of frames that look alike are counted by the parts of the split that they lie in."""

from __future__ import annotations

from dataclasses import replace

from sharpstudy.data.duplicates import check_leaks
from sharpstudy.experiments.leaks import leak_table
from sharpstudy.experiments.material import present_sources
from tests.evaluate_tools import references_of


def test_identical_frames_across_parts_are_counted_and_others_are_not():
    first, second, third, fourth = references_of(4)
    listed = [
        replace(first, split="train"),
        replace(first, frame="again", clip="again", split="test"),
        replace(second, frame="twice-a", clip="a", split="validation"),
        replace(second, frame="twice-b", clip="b", split="validation"),
        replace(third, split="train"),
        replace(fourth, split="test"),
    ]
    table = leak_table(listed, check_leaks(listed)).set_index("parts")
    assert table.loc["train and test", "identical"] == 1
    assert table.loc["train and test", "near"] == 0
    assert table.loc["train and test", "frames"] == "2 and 2"
    assert table.loc["train and test", "sources"] == "made"
    assert table.loc[["validation and test", "train and validation"], ["identical", "near"]].sum().sum() == 0


def test_sources_that_are_not_here_are_named(monkeypatch, tmp_path):
    from sharpstudy.data.sources import SourceOptions

    monkeypatch.setenv("SHARPSTUDY_ASSETS", str(tmp_path))
    said: list[str] = []
    loaded = present_sources(("bundled", "kodak24"), SourceOptions(screens=0), said.append)
    found = [one for part in loaded.values() for one in part]
    assert found
    assert {one.source for one in found} == {"bundled"}
    assert len(said) == 1
    assert "kodak24" in said[0]
