"""Ratings from wherever they lie: ratings.csv, or the server's database or raters' files with the key."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sharpstudy.mos.collect import COLUMNS, collect, read_key
from sharpstudy.mos.ingest import Ratings, parse_ratings, read_ratings

CSV, DATABASE, KEY = "ratings.csv", "ratings.sqlite", "ratings.key.json"
"""Where a study's ratings are looked for in the data folder: the CSV, or the database with the key."""


def load_ratings(path: Path, key: Path | None = None) -> Ratings:
    """The ratings in a CSV file, or in the server's database or a file that a rater handed over.

    With the key of the study every row is held against it; answers that are not in a CSV need it.
    """
    document = read_key(key) if key else None
    if Path(path).suffix.lower() in (".csv", ".txt"):
        if document is None:
            return read_ratings(path)
        place = document["columns"].index("stimulus")
        return read_ratings(path, document["study"], {row[place] for row in document["trials"]})
    if document is None:
        raise ValueError(f"{path}: answers need the key of their study, which was written beside it")
    collected = collect(document, [Path(path)], "human")
    table = pd.DataFrame(collected.rows, columns=list(COLUMNS))
    ratings = parse_ratings(table.to_csv(index=False), document["study"])
    said = [(0, "", "", problem) for problem in collected.problems]
    problems = pd.DataFrame(said, columns=["line", "rater", "trial", "reason"])
    rejected = pd.concat([problems, ratings.rejected], ignore_index=True) if said else ratings.rejected
    return Ratings(ratings.rows, rejected, ratings.warnings)


def find_ratings(folder: Path, path: str = "", key: str = "") -> tuple[Path, Path | None] | None:
    """The file of ratings and the key, where there is one; None where there are no ratings.

    A path that is given must be there. Else it is ratings.csv in the folder, or ratings.sqlite with
    ratings.key.json.
    """
    keys = [Path(key).expanduser()] if key else [folder / KEY]
    found_key = keys[0] if keys[0].exists() else None
    if key and found_key is None:
        raise ValueError(f"key: expected a file, and there is no {key}")
    if path:
        if not Path(path).expanduser().is_file():
            raise ValueError(f"ratings: expected a file, and there is no {path}")
        return Path(path).expanduser(), found_key if key else None
    for name in (CSV, DATABASE):
        if (folder / name).is_file():
            return folder / name, found_key
    return None
