"""Ratings from a CSV file: every row checked, every rejected row named with its line and its reason."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

Arm = Literal["ccr", "acr", "pair"]
SCORES = {"ccr": (-3, -2, -1, 0, 1, 2, 3), "acr": (1, 2, 3, 4, 5), "pair": (-1, 1)}
"""The answers of each arm; in ccr and pair a positive one prefers the right picture."""
ROLES = ("rating", "gold", "trap", "repeat", "training", "anchor", "identical")
SOURCES = ("human", "simulated", "published")
NEEDED = ("rater", "trial", "criterion", "arm", "stimulus", "system_left", "score", "source")
DEFAULTS = {
    "study": "",
    "session": "",
    "block": "",
    "category": "",
    "system_right": "",
    "milliseconds": "",
    "presented_at": "",
    "role": "rating",
    "flags": "",
}
TOO_FAST_MS, TOO_SLOW_MS = 600, 60_000
CHUNK = 50_000
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


@dataclass(frozen=True, eq=False)
class Ratings:
    """What a file of ratings holds: rows that count, rows that do not, and what is odd about those that do.

    `rows` has the columns of the file as categories, score as a whole number, milliseconds as a number, and
    the line it came from. `rejected` has line, rater, trial, reason; `warnings` line, rater, trial, warning
    (line 0 where a rater, not a row, is meant).
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    warnings: pd.DataFrame

    def of_source(self, source: str) -> Ratings:
        """The ratings of one source alone."""
        rows = self.rows[self.rows["source"] == source]
        kept = self.warnings["rater"].isin(set(rows["rater"]))
        return Ratings(rows.reset_index(drop=True), self.rejected, self.warnings[kept])


def read_ratings(
    path: str | Path,
    study: str | None = None,
    stimuli: Collection[str] | None = None,
    trials: int | None = None,
) -> Ratings:
    """The ratings in a CSV file.

    `study` is the only study that rows may be of, `stimuli` the only stimuli; `trials` is how many each rater
    should have answered in a session, the most that anyone did when not given.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8, and byte {error.start} is none") from None
    try:
        return parse_ratings(text, study, stimuli, trials)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_ratings(
    text: str,
    study: str | None = None,
    stimuli: Collection[str] | None = None,
    trials: int | None = None,
) -> Ratings:
    """The ratings in the text of a CSV file; see read_ratings."""
    table, malformed = _table(text)
    missing_columns = [name for name in NEEDED if name not in table]
    if missing_columns:
        raise ValueError(f"expected the columns {', '.join(NEEDED)}; {', '.join(missing_columns)} is missing")
    for name, value in DEFAULTS.items():
        if name not in table:
            table[name] = pd.Categorical([value] * len(table))
    if study is None and len(set(table["study"])) > 1:
        found = ", ".join(map(repr, sorted(set(table["study"]))))
        raise ValueError(f"it holds ratings of the studies {found}; name the one that is meant")
    reasons = _reasons(table, study, stimuli)
    _add_duplicates(table, reasons)
    places = sorted(reasons)
    rejected = table.loc[places, ["line", "rater", "trial"]].astype({"rater": str, "trial": str})
    rejected["reason"] = ["; ".join(reasons[place]) for place in places]
    rejected = pd.concat([rejected, malformed]).sort_values("line", ignore_index=True)
    rows = table.drop(index=places).reset_index(drop=True)
    rows["score"] = _numbers(rows["score"]).astype(np.int8)
    rows["milliseconds"] = _numbers(rows["milliseconds"])
    return Ratings(rows, rejected, _warnings(rows, trials))


class _Numbering(dict[str, int]):
    """The number of each text, in the order of first asking."""

    def __missing__(self, text: str) -> int:
        return self.setdefault(text, len(self))


def _table(text: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records as categorical columns with their line, and those with too few or too many fields."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    header = [name.strip() for name in next(reader, [])]
    if len(set(header)) < len(header):
        raise ValueError(f"expected each column once, got {', '.join(header)}")
    known = [_Numbering() for _ in header]
    codes: list[list[np.ndarray]] = [[] for _ in header]
    lines: list[int] = []
    malformed: list[tuple[int, str, str, str]] = []
    for chunk in _chunks(reader, len(header), lines, malformed):
        for values, table, parts in zip(zip(*chunk, strict=True), known, codes, strict=True):
            parts.append(np.fromiter(map(table.__getitem__, values), np.int32, len(values)))
    columns: dict[str, object] = {"line": np.array(lines, np.int64)}
    for name, table, parts in zip(header, known, codes, strict=True):
        columns[name] = _stripped(np.concatenate(parts) if parts else np.zeros(0, np.int32), list(table))
    columns_of = ["line", "rater", "trial", "reason"]
    return pd.DataFrame(columns), pd.DataFrame(malformed, columns=columns_of).astype({"line": np.int64})


def _stripped(codes: np.ndarray, texts: list[str]) -> pd.Categorical:
    """Text as categories, without blanks around it."""
    places: dict[str, int] = {}
    moved = np.array([places.setdefault(text.strip(), len(places)) for text in texts], np.int32)
    return pd.Categorical.from_codes(moved[codes] if len(codes) else codes, list(places))


def _chunks(reader, width: int, lines: list[int], malformed: list) -> Iterator[list[list[str]]]:
    """Records of the right width, many at a time; blank lines are passed over, others go to `malformed`."""
    chunk: list[list[str]] = []
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            malformed.append((line, "", "", f"not readable as CSV: {error}"))
            continue
        if len(record) == width:
            chunk.append(record)
            lines.append(line)
        elif record:
            malformed.append((line, "", "", f"expected {width} fields, got {len(record)}"))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _by_text(column: pd.Series, what: Callable[[str], object], kind: type) -> np.ndarray:
    """What a function says of each row's text, asked once per distinct text."""
    answers = np.array([what(text) for text in column.cat.categories], kind)
    return answers[column.cat.codes.to_numpy()] if len(answers) else np.zeros(len(column), kind)


def _numbers(column: pd.Series) -> np.ndarray:
    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            return np.nan

    return _by_text(column, number, float)


def _reasons(table: pd.DataFrame, study: str | None, stimuli: Collection[str] | None) -> dict[int, list[str]]:
    """Why rows cannot count: the reasons by the place of the row."""
    reasons: dict[int, list[str]] = {}

    def refuse(rows: np.ndarray, say: Callable[[pd.Series], str]) -> None:
        for place in np.flatnonzero(rows):
            reasons.setdefault(int(place), []).append(say(table.iloc[place]))

    for name in ("rater", "trial", "stimulus", "criterion", "system_left"):
        refuse(_by_text(table[name], lambda text: not text, bool), lambda row, name=name: f"no {name}")
    for name, allowed in (("arm", tuple(SCORES)), ("role", ROLES), ("source", SOURCES)):
        unknown = _by_text(table[name], lambda text, allowed=allowed: text not in allowed, bool)
        expected = " or ".join(allowed)
        refuse(unknown, lambda row, name=name, said=expected: f"{name} {row[name]!r}, expected {said}")
    if study is not None:
        wrong = (table["study"] != study).to_numpy()
        refuse(wrong, lambda row: f"study {row['study']!r}, expected {study!r}")
    if stimuli is not None:
        known = set(stimuli)
        lost = _by_text(table["stimulus"], lambda text: bool(text) and text not in known, bool)
        refuse(lost, lambda row: f"unknown stimulus {row['stimulus']!r}")
    _refuse_scores(table, refuse)
    _refuse_sides(table, refuse)
    return reasons


def _refuse_scores(table: pd.DataFrame, refuse: Callable[..., None]) -> None:
    whole = _by_text(table["score"], lambda text: bool(_WHOLE.fullmatch(text)), bool)
    refuse(~whole, lambda row: f"score {row['score']!r} is no whole number")
    scores = np.where(whole, _numbers(table["score"]), 0)
    for arm, allowed in SCORES.items():
        outside = (table["arm"] == arm).to_numpy() & whole & ~np.isin(scores, allowed)
        scale = f"{allowed[0]} or {allowed[-1]}" if arm == "pair" else f"{allowed[0]} to {allowed[-1]}"
        refuse(outside, lambda row, scale=scale: f"score {row['score']} is outside the scale, {scale}")


def _refuse_sides(table: pd.DataFrame, refuse: Callable[..., None]) -> None:
    alone = (table["arm"] == "acr").to_numpy()
    right = _by_text(table["system_right"], bool, bool)
    refuse(alone & right, lambda row: f"system_right {row['system_right']!r}, where acr shows one picture")
    two = _by_text(table["arm"], lambda text: text in ("ccr", "pair"), bool)
    refuse(two & ~right, lambda row: "no system_right")
    left = table["system_left"].astype(str).to_numpy()
    same = two & right & (left == table["system_right"].astype(str).to_numpy())
    same &= _by_text(table["role"], lambda text: text in ("rating", "repeat"), bool)
    refuse(same, lambda row: f"both sides show {row['system_left']!r}")


def _add_duplicates(table: pd.DataFrame, reasons: dict[int, list[str]]) -> None:
    """Refuse what a rater answered a second time: the first row that can count stays."""
    good = np.setdiff1d(np.arange(len(table)), list(reasons))
    key = table["rater"].cat.codes.to_numpy().astype(np.int64)[good] << 32
    key |= table["trial"].cat.codes.to_numpy()[good]
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    origin = first[which]
    for place in np.flatnonzero(origin != np.arange(len(good))):
        first_line = table["line"].iloc[good[origin[place]]]
        reasons[int(good[place])] = [f"duplicate of line {first_line}: same rater and trial"]


def _warnings(rows: pd.DataFrame, trials: int | None) -> pd.DataFrame:
    """Rows answered too fast, too slowly or with the window out of focus, and raters with trials missing."""
    time = rows["milliseconds"].to_numpy()
    focus = _by_text(rows["flags"], lambda text: "focus" in text.lower(), bool)
    parts = []
    for where, words in (
        (time < TOO_FAST_MS, f"answered in under {TOO_FAST_MS} ms"),
        (time > TOO_SLOW_MS, f"answered after more than {TOO_SLOW_MS // 1000} s"),
        (focus, "the window lost focus"),
    ):
        part = rows.loc[where, ["line", "rater", "trial"]].astype({"rater": str, "trial": str})
        parts.append(part.assign(warning=words))
    counts = rows.groupby(["session", "rater"], observed=True).size()
    for (session, rater), count in counts.items():
        expected = trials or int(counts[session].max())
        if count < expected:
            said = f"{expected - count} of {expected} trials of session {session or 1} are missing"
            parts.append(pd.DataFrame([{"line": 0, "rater": rater, "trial": "", "warning": said}]))
    columns = ["line", "rater", "trial", "warning"]
    return pd.concat(parts)[columns].sort_values(["line", "rater"], ignore_index=True)
