"""What an experiment keeps while it runs: facts and scores of every run, so that none is made twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from sharpstudy.data.files import write_bytes
from sharpstudy.evaluate import combine, read_scores, scores_path, write_scores

if TYPE_CHECKING:
    import pandas as pd

Existing = Literal["keep", "replace"]


class Ledger:
    """The runs of one experiment in a folder: runs.json, and scores/ with a file for each run.

    settings: what all runs must have in common to stand in one table. A folder whose runs have others is
    refused, or with existing="replace" begun anew.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], existing: Existing = "keep") -> None:
        if existing not in get_args(Existing):
            raise ValueError(f"existing: expected one of {', '.join(get_args(Existing))}, got {existing!r}")
        self.folder, self.settings = Path(folder), json.loads(json.dumps(dict(settings), default=str))
        self.runs: dict[str, dict[str, Any]] = {}
        found = self._read()
        if not found:
            return
        other = differing(found["settings"], self.settings)
        if other and existing == "keep":
            raise ValueError(
                f"{self.path}: expected runs with the present settings, got others in {'; '.join(other)};"
                " choose another --out, or --existing replace"
            )
        if not other:
            self.runs = found["runs"]

    @property
    def path(self) -> Path:
        """The file that says which runs there are."""
        return self.folder / "runs.json"

    def has(self, name: str, made_of: str) -> bool:
        """Whether the run is there, made of the same things, with its scores where it has any."""
        facts = self.runs.get(name, {})
        whole = facts.get("scored") == "no" or scores_path(self.folder / "scores", name).is_file()
        return facts.get("made_of") == made_of and whole

    def put(self, name: str, made_of: str, facts: Mapping[str, Any], scores: pd.DataFrame | None) -> None:
        """Keeps a run; its scores first, so that a run in the list always has them."""
        if scores is not None:
            write_scores(scores_path(self.folder / "scores", name), scores)
        scored = "no" if scores is None else "yes"
        self.runs[name] = {"made_of": made_of, "scored": scored, **facts}
        content = {"settings": self.settings, "runs": self.runs}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, (json.dumps(content, indent=1) + "\n").encode())

    def scores(self, names: Iterable[str]) -> pd.DataFrame:
        """The scores of those of the runs that have any, one table."""
        scored = [name for name in names if self.runs.get(name, {}).get("scored") == "yes"]
        return combine(read_scores(scores_path(self.folder / "scores", name)) for name in scored)

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            return {}
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{self.path}: expected the JSON of an experiment; {error}") from error


def differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The settings that are not the same, each with both values."""
    keys = dict.fromkeys((*wanted, *found))
    return [
        f"{key} ({found.get(key)} there, {wanted.get(key)} asked for)"
        for key in keys
        if found.get(key) != wanted.get(key)
    ]
