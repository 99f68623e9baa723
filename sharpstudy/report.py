"""The report: pieces that notebook 07 shows, and one self-contained page of the notebooks."""

from __future__ import annotations

import base64
import html
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import pandas as pd
from PIL import Image

from sharpstudy.data.files import write_bytes
from sharpstudy.paths import PACKAGE, RESULTS, ROOT
from sharpstudy.report_pictures import bytes_uri, data_uri, heaviest, in_layers, smaller

PAGE = PACKAGE / "report.html.j2"
UNPARTED = re.compile(r"\([^()]{1,12}\)|\d (?:dB|FPS|ms|frames)\b")  # what a cell keeps in one line
SENTENCE = 48  # letters from which a cell is one
LIMIT = 8_000_000  # bytes of the page: what mail and a phone still take


@dataclass(frozen=True)
class Piece:
    """A piece of the page that a notebook shows as its cell's output."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup


def show_figure(stem: Path, alt: str, caption: str) -> Piece:
    """A figure in its light and dark form, which the page chooses from; stem is a path without endings."""
    looks = []
    for look in ("light", "dark"):
        found = sorted(stem.parent.glob(f"{stem.name}.{look}.*"))
        if len(found) != 1:
            raise ValueError(
                f"figure {stem.name}: expected one {look} file in {stem.parent}, found {len(found)}"
            )
        looks.append(found[0])
    words = html.escape(alt)
    return Piece(
        f'<figure><div class="drawn" tabindex="0" role="region" aria-label="{words}">'
        f"{_both_looks(*looks, words)}</div><figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _both_looks(light: Path, dark: Path, words: str) -> str:
    """The pictures of a figure; where only its words differ, its frames once and the words laid over them."""
    layers = in_layers(light, dark)
    if layers is None:
        return "".join(
            f'<img class="for-{look}" src="{data_uri(path, "good")}" alt="{words}">'
            for look, path in (("light", light), ("dark", dark))
        )
    frames, on_light, on_dark = layers
    return (
        f'<div class="layers"><img src="{frames}" alt="{words}">'
        f'<img class="for-light" src="{on_light}" alt=""><img class="for-dark" src="{on_dark}" alt=""></div>'
    )


def show_table(table: pd.DataFrame, caption: str, words: tuple[str, ...] = ()) -> Piece:
    """A table as it stands, first column as row headers; columns named in `words` are set left and wrap."""
    sides = [_side(table[name], name in words) for name in table.columns]
    heads = [
        f'<th scope="col"{side}>{html.escape(str(name))}</th>'
        for name, side in zip(table.columns, sides, strict=True)
    ]
    rows = []
    for record in table.itertuples(index=False):
        first, *others = (html.escape(UNPARTED.sub(_held, str(value))) for value in record)
        cells = [f"<td{side}>{value}</td>" for side, value in zip(sides[1:], others, strict=True)]
        rows.append(f'<tr><th scope="row">{first}</th>{"".join(cells)}</tr>')
    return Piece(
        f'<figure><div class="wide" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _held(match: re.Match[str]) -> str:
    """The words with blanks that do not break."""
    return match.group().replace(" ", "\u00a0")


def _side(column: pd.Series, is_words: bool) -> str:
    """How the page sets a column: numbers right, words left, sentences left with room."""
    if not is_words:
        return ""
    return ' class="words long"' if column.astype(str).str.len().max() > SENTENCE else ' class="words"'


def show_slider(before: Path, after: Path, labels: tuple[str, str], caption: str) -> Piece:
    """Two pictures of one size over each other with a divider that mouse, finger and arrow keys move."""
    left, right = (html.escape(label) for label in labels)
    with Image.open(before) as picture:
        width = picture.width * max(1, 512 // picture.width)  # whole screen pixels for every picture pixel
    return Piece(
        f'<figure><div class="slider"><img src="{data_uri(before)}" width="{width}" alt="{left}">'
        f'<img src="{data_uri(after)}" width="{width}" alt="{right}"><span class="left">{left}</span>'
        f'<span class="right">{right}</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="Divider: {left} and {right}"></div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def provenance() -> pd.DataFrame:
    """What the results were made with: commit, machine, versions; one row a fact."""
    facts = {
        "sharpstudy": metadata.version("sharpstudy"),
        "commit when the page was made": _commit(),
        "machine": _machine(),
    }
    facts["Python"] = platform.python_version()
    for name in ("torch", "torchvision", "numpy", "scikit-image", "pillow", "av"):
        facts[name] = metadata.version(name)
    return pd.DataFrame({"fact": list(facts), "value": list(facts.values())})


def _commit() -> str:
    """The checkout's commit, marked where files differ from it."""

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        # The pipeline itself rewrites dvc.lock before this is asked.
        changed = " with changes" if ask("status", "--porcelain", "-uno", "--", ".", ":!dvc.lock") else ""
        return ask("rev-parse", "--short=12", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"


def _machine() -> str:
    """Processor, cores and system in a few words; no host or user name."""
    import os

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text(encoding="utf-8"))
        model = found.group(1) if found else model
    return f"{model}, {os.cpu_count()} logical cores, {platform.system()}"


def render_notebook(path: Path, code: Literal["hidden", "shown"]) -> str:
    """The inner HTML of an executed notebook, without any page around it."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", exclude_input=code == "hidden", exclude_input_prompt=True)
    exporter.exclude_output_prompt = True
    markup, _ = exporter.from_filename(str(path))
    if code == "shown":  # folded away below the report, whose headings alone the map leads to
        markup = re.sub(r"(<h\d) id=\"[^\"]*\"", r"\1", markup)
    return re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", _as_webp, markup)


def _as_webp(match: re.Match[str]) -> str:
    return bytes_uri("image/webp", smaller(base64.b64decode(match.group(1)), "glance"))


def title_of(path: Path) -> str:
    """The notebook's own first heading."""
    import nbformat

    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return path.stem


def sections_of(body: str) -> list[tuple[str, str]]:
    """Anchor and text of every second-level heading of the page, for its map."""
    found = re.findall(
        r'<h2 id="([^"]+)">(.*?)(?:<a class="anchor-link".*?</a>)?</h2>', body, flags=re.DOTALL
    )
    return [(anchor, re.sub(r"<[^>]+>", "", text)) for anchor, text in found]


def highlight_css() -> str:
    """Colours of code, for light and dark pages."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(':root[data-look="dark"] .highlight')
    system = HtmlFormatter(style="github-dark").get_style_defs(':root[data-look="auto"] .highlight')
    dark += f"\n@media (prefers-color-scheme: dark) {{\n{system}\n}}"
    return f"{light}\n{dark}\n.highlight, .highlight pre {{ background: none !important; }}"


class ReportError(ValueError):
    """The page cannot be made as it should be; the text says what stands in the way."""


def build_report(folder: Path = RESULTS, limit: int = LIMIT) -> Path:
    """The path of report.html, made from the executed notebooks in folder/notebooks.

    A page of more than `limit` bytes is written, to be looked at, and then refused with its heaviest parts.
    """
    from jinja2 import Template

    notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
    main = [path for path in notebooks if path.stem == "07-report"]
    if not main:
        raise FileNotFoundError(
            f"{folder / 'notebooks'} holds no executed 07-report.ipynb; run the study first"
        )
    body = render_notebook(main[0], "hidden")
    books = [
        {"title": html.escape(f"{path.stem}: {title_of(path)}"), "html": render_notebook(path, "shown")}
        for path in notebooks
        if path not in main
    ]
    page = Template(PAGE.read_text(encoding="utf-8")).render(
        title=html.escape(title_of(main[0])),
        body=body,
        books=books,
        sections=[*sections_of(body), ("notebooks", "Notebooks")],
        highlight_css=highlight_css(),
        footer="Made by sharpstudy from this run's results. Nothing on this page is loaded from elsewhere.",
    )
    path = folder / "report.html"
    data = page.encode("utf-8")
    write_bytes(path, data)
    if len(data) > limit:
        raise ReportError(
            f"{path.name} is {len(data) / 1e6:.1f} MB, and a page of the study is at most "
            f"{limit / 1e6:.1f} MB. Most weigh: {'; '.join(heaviest(page))}."
        )
    return path


if __name__ == "__main__":
    try:
        build_report()
    except (ReportError, FileNotFoundError) as error:
        sys.exit(f"\n{error}")
