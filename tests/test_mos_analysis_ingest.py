"""Ratings read from CSV: what is refused, with line and reason, and what is odd about the rest."""

from __future__ import annotations

import json

import pytest

from sharpstudy.mos.ingest import parse_ratings, read_ratings
from sharpstudy.mos.reading import find_ratings, load_ratings

HEAD = (
    "study,session,rater,trial,block,criterion,arm,stimulus,category,system_left,system_right,score,"
    "milliseconds,presented_at,role,flags,source"
)
GOOD = {
    "study": "s1",
    "session": "1",
    "rater": "anna",
    "trial": "1",
    "block": "1",
    "criterion": "overall",
    "arm": "ccr",
    "stimulus": "cat",
    "category": "animals",
    "system_left": "input",
    "system_right": "student",
    "score": "2",
    "milliseconds": "2000",
    "presented_at": "2026-01-01T10:00:00Z",
    "role": "rating",
    "flags": "",
    "source": "human",
}


def csv_of(*rows: dict[str, str]) -> str:
    """Rows as CSV; each says what differs from a good one."""
    return "\n".join([HEAD, *(",".join({**GOOD, **row}.values()) for row in rows)]) + "\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"score": "4"}, "score 4 is outside the scale, -3 to 3"),
        ({"score": "1.5"}, "score '1.5' is no whole number"),
        ({"score": "nan"}, "score 'nan' is no whole number"),
        ({"score": ""}, "score '' is no whole number"),
        ({"arm": "acr", "system_right": "", "score": "0"}, "score 0 is outside the scale, 1 to 5"),
        ({"arm": "acr", "score": "3"}, "system_right 'student', where acr shows one picture"),
        ({"arm": "pair", "score": "0"}, "score 0 is outside the scale, -1 or 1"),
        ({"arm": "dcr"}, "arm 'dcr', expected ccr or acr or pair"),
        ({"system_right": ""}, "no system_right"),
        ({"system_right": "input"}, "both sides show 'input'"),
        ({"stimulus": "dog"}, "unknown stimulus 'dog'"),
        ({"stimulus": ""}, "no stimulus"),
        ({"study": "s2"}, "study 's2', expected 's1'"),
        ({"source": ""}, "source '', expected human or simulated or published"),
        ({"source": "robot"}, "source 'robot', expected human or simulated or published"),
        ({"role": "joke"}, "role 'joke', expected rating or gold"),
        ({"rater": ""}, "no rater"),
        ({"score": "9", "rater": ""}, "no rater; score 9 is outside the scale, -3 to 3"),
    ],
)
def test_a_bad_row_is_named_with_line_and_reason(row, reason):
    found = parse_ratings(csv_of({}, {"trial": "2", **row}, {"trial": "3"}), "s1", {"cat"})
    assert list(found.rejected["line"]) == [3]
    assert found.rejected["reason"][0].startswith(reason)
    assert list(found.rows["line"]) == [2, 4]


def test_good_rows_keep_their_values():
    found = parse_ratings(csv_of({"score": "+2"}, {"trial": "2", "score": "-3.0"}))
    assert found.rows["score"].tolist() == [2, -3]
    assert found.rows["milliseconds"].tolist() == [2000, 2000]
    assert found.rejected.empty
    assert found.warnings.empty


def test_an_identical_pair_may_show_one_system_twice():
    assert parse_ratings(csv_of({"role": "identical", "system_right": "input"})).rejected.empty


def test_the_first_good_row_of_a_trial_counts():
    found = parse_ratings(csv_of({"score": "7"}, {"score": "1"}, {"score": "2"}, {"rater": "bo"}))
    assert found.rows["score"].tolist() == [1, 2]
    assert found.rejected["line"].tolist() == [2, 4]
    assert found.rejected["reason"][1] == "duplicate of line 3: same rater and trial"


def test_lines_hold_after_quoted_breaks_blank_and_broken_lines():
    text = csv_of({"flags": '"a\nb"'}) + "\n" + "only,three,fields\n" + csv_of({"trial": "2", "score": "x"})
    text = text.replace(f"\n{HEAD}", "", 1) if text.count(HEAD) > 1 else text
    found = parse_ratings(text)
    assert found.rows["line"].tolist() == [2]
    assert found.rejected["line"].tolist() == [5, 6]
    assert found.rejected["reason"][0] == "expected 17 fields, got 3"


def test_fast_slow_unfocused_and_missing_are_warned_of():
    rows = [{"trial": str(at)} for at in range(1, 5)]
    rows[0] |= {"milliseconds": "599"}
    rows[1] |= {"milliseconds": "60001"}
    rows[2] |= {"flags": "zoomed focus-lost"}
    found = parse_ratings(csv_of(*rows, {"rater": "bo", "milliseconds": "600"}))
    said = found.warnings.set_index("line")["warning"]
    assert said[2] == "answered in under 600 ms"
    assert said[3] == "answered after more than 60 s"
    assert said[4] == "the window lost focus"
    assert said[0] == "3 of 4 trials of session 1 are missing"
    assert len(found.warnings) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace(",source", "") + "\n", "source is missing"),
        ("rater,rater\n", "each column once"),
        (csv_of({}, {"study": "s2", "trial": "2"}), "studies 's1', 's2'"),
        ("", "is missing"),
    ],
)
def test_a_file_that_is_no_table_of_ratings_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse_ratings(text)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"rater\xff\xfe")
    with pytest.raises(ValueError, match=r"ratings\.csv: expected text in UTF-8"):
        read_ratings(path)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"\xef\xbb\xbf" + csv_of({}, {"trial": "2"}).replace("\n", "\r\n").encode())
    assert len(read_ratings(path).rows) == 2


def test_the_key_says_which_study_and_stimuli_there_are(tmp_path):
    key = tmp_path / "ratings.key.json"
    document = {"format": "sharpstudy-mos/1", "secret": "00", "study": "s1"}
    key.write_text(json.dumps({**document, "columns": ["stimulus"], "trials": [["cat"]]}), encoding="utf-8")
    path = tmp_path / "ratings.csv"
    path.write_text(csv_of({}, {"trial": "2", "stimulus": "dog"}), encoding="utf-8")
    assert find_ratings(tmp_path) == (path, key)
    assert load_ratings(path, key).rejected["reason"].tolist() == ["unknown stimulus 'dog'"]


def test_where_ratings_are_looked_for(tmp_path):
    assert find_ratings(tmp_path) is None
    with pytest.raises(ValueError, match="there is no nowhere"):
        find_ratings(tmp_path, "nowhere.csv")
    (tmp_path / "ratings.sqlite").write_bytes(b"SQLite format 3\0")
    path, key = find_ratings(tmp_path)
    assert path.name == "ratings.sqlite"
    with pytest.raises(ValueError, match="need the key"):
        load_ratings(path, key)
