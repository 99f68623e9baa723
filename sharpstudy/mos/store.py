"""Votes in one SQLite file: each at most once, and on the disk before anyone is told that it is stored."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS study (study TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS raters (
    rater TEXT PRIMARY KEY, seat INTEGER NOT NULL, joined_at TEXT NOT NULL, device TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS votes (
    rater TEXT NOT NULL REFERENCES raters(rater) ON DELETE CASCADE,
    trial TEXT NOT NULL, score INTEGER NOT NULL, revision INTEGER NOT NULL,
    details TEXT NOT NULL, received_at TEXT NOT NULL,
    PRIMARY KEY (rater, trial)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class UnknownRaterError(ValueError):
    """A rater who has not joined, or who asked for deletion."""


class Store:
    """The votes of one study. Safe for many threads here, and for other processes on the same file.

    A call that returns has committed: WAL with synchronous=FULL keeps it through a crash of the process, and
    of the machine where its disk is honest.
    """

    def __init__(self, path: Path, study: str) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT INTO study SELECT ? WHERE NOT EXISTS (SELECT 1 FROM study)", (study,))
            (found,) = self._db.execute("SELECT study FROM study").fetchone()
        except sqlite3.Error as error:
            raise ValueError(f"{path}: it cannot be used as a database of votes ({error})") from None
        if found != study:
            self._db.close()
            raise ValueError(f"{path}: it holds votes of the study {found}, not of {study}")

    def close(self) -> None:
        """Nothing; the file can be copied or moved."""
        with self._lock:
            self._db.close()

    def join(self, rater: str, seats: int, device: Mapping[str, Any]) -> int:
        """The rater's seat, the same at every asking; a new one gets the seat that the fewest have."""
        with self._lock, _Transaction(self._db) as db:
            self._refuse_deleted(rater)
            row = db.execute("SELECT seat FROM raters WHERE rater = ?", (rater,)).fetchone()
            if row:
                return row[0]
            counts = dict(db.execute("SELECT seat, count(*) FROM raters GROUP BY seat").fetchall())
            seat = min(range(1, seats + 1), key=lambda number: (counts.get(number, 0), number))
            values = (rater, seat, _now(), json.dumps(device))
            db.execute("INSERT INTO raters VALUES (?, ?, ?, ?)", values)
            return seat

    def seat_of(self, rater: str) -> int:
        """The seat of a rater who has joined."""
        with self._lock:
            row = self._db.execute("SELECT seat FROM raters WHERE rater = ?", (rater,)).fetchone()
        if row is None:
            raise UnknownRaterError("this rater has not joined")
        return row[0]

    def add_votes(self, rater: str, votes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """The revision that is stored of each trial, after all of them were committed together.

        A vote replaces an earlier one of the same rater and trial only if its revision is higher.
        """
        with self._lock, _Transaction(self._db) as db:
            if not db.execute("SELECT 1 FROM raters WHERE rater = ?", (rater,)).fetchone():
                raise UnknownRaterError("this rater has not joined")
            for vote in votes:
                values = (rater, vote["trial"], vote["score"], vote["revision"], json.dumps(vote), _now())
                db.execute(
                    "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (rater, trial) DO UPDATE SET "
                    "score = excluded.score, revision = excluded.revision, details = excluded.details, "
                    "received_at = excluded.received_at WHERE excluded.revision > votes.revision",
                    values,
                )
            query = "SELECT revision FROM votes WHERE rater = ? AND trial = ?"
            return {vote["trial"]: db.execute(query, (rater, vote["trial"])).fetchone()[0] for vote in votes}

    def votes_of(self, rater: str) -> list[dict[str, Any]]:
        """Every vote of one rater as it was sent."""
        with self._lock:
            rows = self._db.execute("SELECT details FROM votes WHERE rater = ?", (rater,)).fetchall()
        return [json.loads(details) for (details,) in rows]

    def delete(self, rater: str) -> None:
        """Nothing; the rater's votes and device are gone, and late copies of them are refused."""
        with self._lock, _Transaction(self._db) as db:
            db.execute("DELETE FROM raters WHERE rater = ?", (rater,))
            db.execute("INSERT OR IGNORE INTO deleted VALUES (?)", (_digest(rater),))
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or the log would still hold them

    def _refuse_deleted(self, rater: str) -> None:
        query = "SELECT 1 FROM deleted WHERE digest = ?"
        if self._db.execute(query, (_digest(rater),)).fetchone():
            raise UnknownRaterError("this rater's answers were deleted")

    def counts(self) -> tuple[int, int]:
        """How many raters have joined and how many votes there are."""
        with self._lock:
            query = "SELECT (SELECT count(*) FROM raters), (SELECT count(*) FROM votes)"
            return self._db.execute(query).fetchone()

    def answers(self) -> list[dict[str, Any]]:
        """What each rater would have exported: study, rater, seat, device and votes."""
        with self._lock:
            (study,) = self._db.execute("SELECT study FROM study").fetchone()
            raters = self._db.execute("SELECT rater, seat, device FROM raters ORDER BY joined_at").fetchall()
        heads = [
            {"study": study, "rater": rater, "seat": seat, "device": json.loads(device)}
            for rater, seat, device in raters
        ]
        return [{**head, "votes": self.votes_of(head["rater"])} for head in heads]


class _Transaction:
    """A write transaction: committed when the block ends well, rolled back when it does not."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> sqlite3.Connection:
        self.db.execute("BEGIN IMMEDIATE")
        return self.db

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.db.execute("COMMIT" if kind is None else "ROLLBACK")


def _digest(rater: str) -> str:
    return hashlib.sha256(rater.encode()).hexdigest()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
