"""Answers become ratings by the key; every answer that cannot count is named, and none is taken on trust."""

from __future__ import annotations

import json

import pytest

from sharpstudy.mos.answers import check_vote
from sharpstudy.mos.collect import COLUMNS, collect, read_key, write_ratings
from sharpstudy.mos.pages import read_study
from tests.mos_study import build_small, exported, vote


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build_small(tmp_path_factory.mktemp("mos"))


@pytest.fixture(scope="module")
def key(small):
    return read_key(small.key)


def test_answers_become_rows_with_what_the_key_knows(small, key, tmp_path):
    path = tmp_path / "a.json"
    votes = [vote("s1-r1-t1", 0), vote("s1-r1-t7", -2), vote("s1-r1-t7", 3, revision=2)]
    path.write_text(json.dumps(exported(votes, study=small.study)), encoding="utf-8")
    collected = collect(key, [path, path], "human")
    assert collected.problems == []
    assert [row["trial"] for row in collected.rows] == ["s1-r1-t1", "s1-r1-t7"]
    row = collected.rows[1]
    assert row["score"] == 3
    assert row["source"] == "human"
    assert (
        dict(zip(key["columns"], key["trials"][6], strict=True)).items()
        >= {
            "system_left": row["system_left"],
            "stimulus": row["stimulus"],
            "role": row["role"],
        }.items()
    )
    write_ratings(tmp_path / "ratings.csv", collected)
    lines = (tmp_path / "ratings.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 3


def test_what_a_program_answered_is_never_human(small, key, tmp_path):
    path = tmp_path / "a.json"
    answers = exported([vote("s1-r1-t1", 0)], study=small.study, device={"automated": True})
    path.write_text(json.dumps(answers), encoding="utf-8")
    collected = collect(key, [path], "human")
    assert [row["source"] for row in collected.rows] == ["simulated"]
    assert "a program drove the browser" in collected.problems[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"study": "another"}, "expected '"),
        ({"rater": "somebody"}, "32 hex digits"),
        ({"seat": "-1"}, "a seat"),
        ({"device": {"name": "x"}}, "device"),
        ({"votes": [vote("s1-r2-t1", 0)]}, "no trial of this rater"),
        ({"votes": [vote("s1-r1-t1", 9)]}, "-3 to 3"),
        ({"votes": [vote("s1-r1-t1", 1.5)]}, "whole number"),
        ({"votes": ["vote"]}, "exactly the fields"),
    ],
)
def test_answers_that_cannot_count_are_named(small, key, tmp_path, change, words):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**exported([], study=small.study), **change}), encoding="utf-8")
    collected = collect(key, [path], "human")
    assert collected.rows == []
    assert len(collected.problems) == 1
    assert words in collected.problems[0]


@pytest.mark.parametrize(
    "change",
    [
        {"score": True},
        {"score": "1"},
        {"milliseconds": -1},
        {"milliseconds": 1e99},
        {"shown_at": "yesterday"},
        {"flags": ["<script>"]},
        {"flags": "zoomed"},
        {"beside": 1},
        {"revision": 0},
        {"density": float("nan")},
        {"trial": "s1-r1-t9999"},
        {"trial": "s1-r1-t0"},
        {"trial": None},
        {"extra": 1},
    ],
)
def test_a_malformed_vote_is_refused(small, change):
    sessions = {session["session"]: session for session in read_study(small.folder)["sessions"]}
    assert check_vote(vote("s1-r1-t1", 2), sessions, 1)["score"] == 2
    with pytest.raises(ValueError, match="vote"):
        check_vote({**vote("s1-r1-t1", 2), **change}, sessions, 1)
