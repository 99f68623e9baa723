"""The rating page: one file of HTML with its style, its script and the blind study in it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sharpstudy.data.frames import write_bytes

STUDY_FILE, ASSETS = "study.json", "assets"
FORMAT = "sharpstudy-mos/1"
MOST_BYTES = 40_000_000  # what one rater is asked to load
_SOURCE = Path(__file__).parent / "page"
_SCRIPTS = ("pictures.js", "keep.js", "view.js", "run.js")


def read_study(folder: Path) -> dict[str, Any]:
    """The study.json of a bundle, once it is known to be one."""
    path = Path(folder) / STUDY_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{folder}: it is no study; expected {STUDY_FILE} in it ({error.strerror})"
        ) from None
    except ValueError:
        raise ValueError(f"{path}: expected JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{path}: expected the format {FORMAT}")
    return document


def page_parts() -> tuple[str, str]:
    """The page's style and its script."""
    style = (_SOURCE / "page.css").read_text(encoding="utf-8")
    script = "\n".join((_SOURCE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return style, f'(() => {{\n"use strict";\n{script}}})();\n'


def content_policy(style: str, script: str, server: bool) -> str:
    """What the page may load: itself, and with a server that server's pictures and answers; nothing else."""
    images, connect = ("'self' data: blob:", "'self'") if server else ("data: blob:", "'none'")
    return (
        f"default-src 'none'; img-src {images}; connect-src {connect}; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def render_page(
    study: Mapping[str, Any], *, server: bool = False, pictures: Mapping[str, bytes] | None = None
) -> str:
    """The page's HTML; `pictures` are carried inside it as base64, those left out come from assets/."""
    style, script = page_parts()
    packed = {name: base64.b64encode(data).decode() for name, data in (pictures or {}).items()}
    values = {
        "policy": content_policy(style, script, server),
        "title": html.escape(str(study["title"])),
        "style": style,
        "script": script,
        "study": _data({**study, "server": server}),
        "pictures": _data(packed),
    }
    source = (_SOURCE / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], source)


def _data(value: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: no `<` in it can end or open anything."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def write_pages(bundle: Path, into: Path) -> list[Path]:
    """The pages written to `into`, each whole by itself: one a session, or several of fewer seats.

    No page is larger than 40 MB. A page of some seats alone has their numbers in its name.
    """
    study, pages = read_study(bundle), []
    sizes = {name: (Path(bundle) / ASSETS / f"{name}.webp").stat().st_size for name in study["assets"]}
    for session in study["sessions"]:
        groups = list(_seat_groups(session, [sizes[name] for name in study["assets"]]))
        for seats in groups:
            words = f"session-{session['session']}"
            if len(groups) > 1:
                words += f"-seats-{seats[0]}-{seats[-1]}"
            path = Path(into) / f"{words}.html"
            write_bytes(path, _part_page(Path(bundle), study, session, seats).encode())
            pages.append(path)
    return pages


def _seat_groups(session: Mapping[str, Any], sizes: list[int]) -> Iterator[list[str]]:
    """Seats in order, as many together as their pictures fit into one page in base64."""
    room = (MOST_BYTES - 2_000_000) * 3 // 4  # what is not pictures takes far less than 2 MB
    group: list[str] = []
    held: set[int] = set()
    for seat, rows in session["seats"].items():
        needed = {number for row in rows for number in row[2:]}
        if sum(sizes[number] for number in needed) > room:
            raise ValueError(
                f"session {session['session']}: the pictures of one rater take more than "
                f"{MOST_BYTES // 1_000_000} MB; build the study with a smaller square or fewer contents"
            )
        if group and sum(sizes[number] for number in held | needed) > room:
            yield group
            group, held = [], set()
        group.append(seat)
        held |= needed
    yield group


def _part_page(bundle: Path, study: Mapping[str, Any], session: Mapping[str, Any], seats: list[str]) -> str:
    rows = {seat: session["seats"][seat] for seat in seats}
    used = sorted({number for trials in rows.values() for row in trials for number in row[2:]})
    names = {study["assets"][number]: number for number in used}
    pictures = {name: (bundle / ASSETS / f"{name}.webp").read_bytes() for name in names}
    return render_page({**study, "sessions": [{**session, "seats": rows}]}, pictures=pictures)
