"""A study as a folder that raters may look through and learn nothing, and the key that stays outside."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sharpstudy.data.frames import read_frame, write_bytes, write_frame
from sharpstudy.mos.checks import made_pictures
from sharpstudy.mos.dealing import deal_study
from sharpstudy.mos.design import TRAP, System, Trial
from sharpstudy.mos.pages import ASSETS, FORMAT, STUDY_FILE, render_page
from sharpstudy.mos.pictures import (
    PicturesError,
    Scene,
    choose_scenes,
    cut_scene,
    made_picture,
    trap_picture,
)
from sharpstudy.mos.plans import CRITERIA, LABELS, SCALES, SECONDS_A_VOTE, Plan


@dataclass(frozen=True)
class Bundle:
    """A study that was written: where, and how large it is."""

    folder: Path
    key: Path
    study: str
    pictures: int
    picture_bytes: int
    trials: int
    sessions: int


def asset_name(secret: bytes, content: str, system: str) -> str:
    """The name of a picture: an HMAC-SHA256 that says nothing to those without the secret; 32 hex digits."""
    return hmac.new(secret, f"{content}|{system}".encode(), hashlib.sha256).hexdigest()[:32]


def build_bundle(
    scenes: list[Scene],
    systems: list[System],
    plan: Plan,
    into: Path,
    key: Path,
    *,
    seed: int = 1,
    title: str = "How good are these pictures?",
    secret: bytes | None = None,
) -> Bundle:
    """The study written to `into`, and its key to `key`, each whole or not at all.

    The folder holds study.json (who sees which picture when) and assets/ (lossless WebP without metadata, all
    of one size). Names of systems, contents and roles are in the key alone.
    """
    into, key = Path(into), Path(key)
    if into.exists():
        raise ValueError(f"{into}: it is there already; name a new folder")
    if into.resolve() in key.resolve().parents:
        raise ValueError(f"{key}: the key must stay outside of {into}, which raters get")
    secret = secret or secrets.token_bytes(32)
    chosen = choose_scenes(scenes, plan.contents, plan.training, seed)
    contents = [scene.content for scene in chosen]
    trials = deal_study(plan, contents[: plan.contents], systems, seed, practice=contents[plan.contents :])
    study = hmac.new(secret, b"study", hashlib.sha256).hexdigest()[:12]
    document = study_document(trials, secret, study, title, plan.crop)
    check_blind(render_page(document), [system.name for system in systems])
    with _new_folder(into) as part:
        used = _write_pictures(part / ASSETS, chosen, trials, plan.crop, secret)
        write_bytes(part / STUDY_FILE, _json(document))
        write_bytes(key, _json(_key_document(trials, secret, study, plan, seed, systems)))
    return Bundle(into, key, study, len(used), sum(used.values()), len(trials), len(document["sessions"]))


@contextmanager
def _new_folder(into: Path) -> Iterator[Path]:
    """A folder under another name that becomes `into` when the block ends well, and else vanishes."""
    part = into.parent / f".{uuid.uuid4().hex}.part"
    part.mkdir(parents=True)
    try:
        yield part
        os.replace(part, into)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def study_document(
    trials: Iterable[Trial], secret: bytes, study: str, title: str, size: int
) -> dict[str, Any]:
    """What the page is given: questions, and for every seat the pictures by number, blind."""
    names: dict[str, int] = {}
    sessions: dict[int, dict[str, Any]] = {}
    for trial in trials:
        session = sessions.setdefault(trial.session, {"session": trial.session, "blocks": {}, "seats": {}})
        session["blocks"].setdefault(trial.block, _block(trial))
        sides = [side for side in (trial.left, trial.right) if side]
        numbers = [
            names.setdefault(asset_name(secret, trial.content.name, side), len(names)) for side in sides
        ]
        row = [trial.block - 1, int(trial.practice), *numbers]
        session["seats"].setdefault(trial.seat, []).append(row)
    for session in sessions.values():
        session["blocks"] = [session["blocks"][number] for number in sorted(session["blocks"])]
        session["seats"] = {str(seat): rows for seat, rows in session["seats"].items()}
    return {
        "format": FORMAT,
        "study": study,
        "title": title,
        "size": size,
        "seconds_a_vote": SECONDS_A_VOTE,
        "assets": list(names),
        "sessions": list(sessions.values()),
    }


def _block(trial: Trial) -> dict[str, Any]:
    criterion = CRITERIA[trial.criterion]
    low, high = SCALES[trial.arm]
    return {
        "arm": trial.arm,
        "criterion": trial.criterion,
        "question": criterion.ccr if trial.arm == "ccr" else criterion.acr,
        "hint": criterion.hint,
        "low": low,
        "high": high,
        "labels": list(LABELS[trial.arm]),
    }


def _write_pictures(
    folder: Path, scenes: list[Scene], trials: list[Trial], size: int, secret: bytes
) -> dict[str, int]:
    """The bytes of every picture that a trial shows, by asset name, after it was written and read back."""
    wanted: dict[str, set[str]] = {}
    for trial in trials:
        wanted.setdefault(trial.content.name, set()).update({trial.left, trial.right} - {""})
    used, problems = {}, []
    for scene in scenes:
        try:
            frames = cut_scene(scene, size)
        except PicturesError as error:
            problems += error.problems
            continue
        for system in sorted(wanted.get(scene.content.name, ())):
            frame = frames[system] if system in frames else made_picture(system, frames["reference"])
            name = asset_name(secret, scene.content.name, system)
            used[name] = _write_picture(folder / f"{name}.webp", frame)
    if problems:
        raise PicturesError(problems)
    for system in sorted(wanted.get(TRAP, ())):
        name = asset_name(secret, TRAP, system)
        used[name] = _write_picture(folder / f"{name}.webp", trap_picture(_trap_text(system), size))
    return used


def _trap_text(system: str) -> str:
    """What a trap asks for, in the words of the scale that it belongs to."""
    answer = system.partition(":")[2]
    arm = "ccr" if answer[0] in "+-" else "acr"
    label = LABELS[arm][int(answer) - SCALES[arm][0]]
    return f"Attention check.\nWhatever is asked,\nplease choose\n“{label}”."


def _write_picture(path: Path, frame: np.ndarray) -> int:
    write_frame(path, frame, quality=100)
    if not np.array_equal(read_frame(path), frame):
        raise ValueError(f"{path.name}: the picture was not written without loss")
    return path.stat().st_size


def _key_document(
    trials: list[Trial], secret: bytes, study: str, plan: Plan, seed: int, systems: list[System]
) -> dict[str, Any]:
    columns = ["session", "seat", "position", "block", "criterion", "arm", "stimulus", "category"]
    columns += ["system_left", "system_right", "role"]
    rows = [
        [
            *(trial.session, trial.seat, trial.position, trial.block, trial.criterion, trial.arm),
            *(trial.content.name, trial.content.category, trial.left, trial.right, trial.role),
        ]
        for trial in trials
    ]
    shown = {(row[6], side) for row in rows for side in row[8:10] if side}
    return {
        "format": FORMAT,
        "study": study,
        "secret": secret.hex(),
        "seed": seed,
        "plan": asdict(plan),
        "systems": {system.name: system.role for system in systems} | dict.fromkeys(made_pictures(), "made"),
        "assets": {asset_name(secret, *one): list(one) for one in sorted(shown)},
        "columns": columns,
        "trials": rows,
    }


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def check_blind(text: str, names: Iterable[str]) -> None:
    """Nothing, for text in which no system's name stands as a word of its own."""
    for name in names:
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text, re.IGNORECASE):
            raise ValueError(
                f"system {name}: the rating page has that word in it; give the system another name"
            )


def with_size(plan: Plan, contents: int | None, raters: int | None, sessions: int | None) -> Plan:
    """The plan with another number of contents or raters, or with its first sessions alone."""
    kept = plan.sessions[:sessions] if sessions else plan.sessions
    return replace(plan, contents=contents or plan.contents, raters=raters or plan.raters, sessions=kept)
