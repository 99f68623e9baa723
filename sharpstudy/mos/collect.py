"""Answers joined with the key into ratings.csv, every answer that cannot count named with the reason."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sharpstudy.data.frames import write_bytes
from sharpstudy.mos.answers import check_device, check_rater, check_vote
from sharpstudy.mos.pages import FORMAT
from sharpstudy.mos.plans import SCALES
from sharpstudy.mos.store import Store

Source = Literal["human", "simulated"]
ANSWERS_FORMAT = "sharpstudy-mos-answers/1"
COLUMNS = (
    *("study", "session", "rater", "trial", "block", "criterion", "arm", "stimulus", "category"),
    *("system_left", "system_right", "score", "milliseconds", "presented_at", "role", "flags", "source"),
)


@dataclass(frozen=True)
class Collected:
    """The rows of ratings.csv, and a sentence for everything that was left out of them or marked."""

    rows: list[dict[str, Any]]
    problems: list[str]
    raters: int


def read_key(path: Path) -> dict[str, Any]:
    """The key of a study."""
    document = _read_json(path)
    if document.get("format") != FORMAT or "secret" not in document:
        raise ValueError(f"{path}: expected the key of a study, as it was written beside it")
    return document


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: expected JSON") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path}: expected a JSON object")
    return document


def read_answers(path: Path, study: str) -> list[dict[str, Any]]:
    """What raters answered: the file that one exported, or the server's database of them all."""
    with Path(path).open("rb") as file:
        is_database = file.read(15) == b"SQLite format 3"
    if not is_database:
        document = _read_json(path)
        if document.get("format") != ANSWERS_FORMAT:
            raise ValueError(f"{path}: expected exported answers or the server's database")
        return [document]
    store = Store(path, study)
    try:
        return store.answers()
    finally:
        store.close()


def collect(key: Mapping[str, Any], files: Iterable[Path], source: Source) -> Collected:
    """Every answer in the files that belongs to the key's study, as a row of ratings.csv.

    Of the same rater and trial the highest revision counts, wherever it lies. Sessions that a program drove
    are `simulated` whatever `source` says.
    """
    trials, sessions = _trials(key), _sessions(key)
    best: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    problems: list[str] = []
    for path in files:
        for answers in read_answers(path, key["study"]):
            where = f"{Path(path).name}, rater {str(answers.get('rater'))[:8]}"
            try:
                rater, seat, automated = _check_answers(answers, key["study"])
            except ValueError as error:
                problems.append(f"{where}: {error}; none of these answers counts")
                continue
            if automated and source == "human":
                problems.append(f"{where}: a program drove the browser; marked as simulated")
            for vote in answers["votes"]:
                try:
                    check_vote(vote, sessions, seat)
                except ValueError as error:
                    problems.append(f"{where}: {error}; left out")
                    continue
                row = _row(
                    key["study"], rater, vote, trials[vote["trial"]], "simulated" if automated else source
                )
                held = best.get((rater, vote["trial"]))
                if held is None or vote["revision"] > held[0]:
                    best[rater, vote["trial"]] = (vote["revision"], row)
    rows = [best[place][1] for place in sorted(best, key=lambda place: (place[0], _order(place[1])))]
    return Collected(rows, problems, len({row["rater"] for row in rows}))


def _check_answers(answers: Mapping[str, Any], study: str) -> tuple[str, int, bool]:
    """The rater, the seat, and whether a program drove the browser."""
    if answers.get("study") != study:
        raise ValueError(f"they are of the study {answers.get('study')!r}, expected {study!r}")
    rater = check_rater(answers.get("rater"))
    device = check_device(answers.get("device"))
    seat = str(answers.get("seat"))
    if not seat.isdecimal() or not isinstance(answers.get("votes"), list):
        raise ValueError("expected a seat and a list of votes")
    return rater, int(seat), device.get("automated") is True


def _order(trial: str) -> tuple[int, ...]:
    return tuple(int(part[1:]) for part in trial.split("-"))


def _trials(key: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    rows = [dict(zip(key["columns"], row, strict=True)) for row in key["trials"]]
    return {f"s{row['session']}-r{row['seat']}-t{row['position']}": row for row in rows}


def _sessions(key: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """The sessions as check_vote wants them: for every seat the block of each position."""
    sessions: dict[int, dict[str, Any]] = {}
    blocks: Counter = Counter()
    for row in _trials(key).values():
        session = sessions.setdefault(row["session"], {"blocks": [], "seats": {}})
        blocks[row["session"]] = max(blocks[row["session"]], row["block"])
        while len(session["blocks"]) < row["block"]:
            session["blocks"].append({})
        low, high = SCALES[row["arm"]]
        session["blocks"][row["block"] - 1] = {"low": low, "high": high}
        session["seats"].setdefault(str(row["seat"]), []).append([row["block"] - 1])
    return sessions


def _row(
    study: str, rater: str, vote: Mapping[str, Any], trial: Mapping[str, Any], source: str
) -> dict[str, Any]:
    copied = (
        "session",
        "block",
        "criterion",
        "arm",
        "stimulus",
        "category",
        "system_left",
        "system_right",
        "role",
    )
    return {
        **{name: trial[name] for name in copied},
        "study": study,
        "rater": rater,
        "trial": vote["trial"],
        "score": vote["score"],
        "milliseconds": vote["milliseconds"],
        "presented_at": vote["shown_at"],
        "flags": " ".join(vote["flags"]),
        "source": source,
    }


def write_ratings(path: Path, collected: Collected) -> None:
    """Nothing; `path` holds the rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(collected.rows)
    write_bytes(path, text.getvalue().encode())
