"""The report: one page that needs no other file, in a light and a dark look, code folded away."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sharpstudy import report
from sharpstudy.data.frames import write_frame
from tests.notebook_tools import notebook

OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?(?!data:|#)[\w/.]|url\((?!["']?data:)|@import|<link\b|<iframe\b"""
)


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """Two executed notebooks, one of them the report's, under tmp_path/notebooks."""
    import nbformat

    pixels = np.zeros((4, 4, 3), np.uint8)
    write_frame(tmp_path / "dot.png", pixels)
    picture = base64.b64encode((tmp_path / "dot.png").read_bytes()).decode("ascii")
    for name, title in (("01-data-preparation", "The <frames>"), ("07-report", "Does it work?")):
        book = nbformat.reads(notebook("secret_code = 1"), as_version=4)
        book.cells.insert(0, nbformat.v4.new_markdown_cell(f"# {title}\n\n## First part\n\ntext"))
        data = {"image/png": picture, "text/plain": "figure"}
        book.cells[-1].outputs = [nbformat.v4.new_output("display_data", data=data)]
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(book, path)
    return tmp_path


def test_the_page_is_whole_in_itself(executed):
    page = report.build_report(executed).read_text(encoding="utf-8")
    assert not OUTSIDE.findall(re.sub(r"<style>.*?</style>|data:[^\"]+", "", page, flags=re.DOTALL))
    assert "default-src 'none'" in page
    assert "<title>Does it work?</title>" in page
    assert 'href="#First-part"' in page
    assert "01-data-preparation: The &lt;frames&gt;" in page


def test_an_outside_request_would_be_seen():
    assert OUTSIDE.search('<img src="figure.png">')
    assert OUTSIDE.search('<script src="https://example.org/a.js">')
    assert OUTSIDE.search("background: url(a.png)")
    assert not OUTSIDE.search('<a href="#top"><img src="data:image/png;base64,AA==">')


def test_code_of_the_report_is_hidden_and_that_of_the_notebooks_folded_away(executed):
    page = report.build_report(executed).read_text(encoding="utf-8")
    before, after = page.split('id="notebooks"')
    assert "secret_code" not in before
    assert "secret_code" in after
    assert after.index("<details>") < after.index("secret_code")


def test_without_the_executed_report_there_is_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no executed 07-report\.ipynb; run the study first"):
        report.build_report(tmp_path)


def test_a_page_that_is_too_big_is_refused_with_its_heaviest_parts_and_can_be_looked_at(executed):
    with pytest.raises(report.ReportError, match=r"report\.html is .* at most 0\.0 MB\. Most weigh: .*MB"):
        report.build_report(executed, limit=1000)
    assert (executed / "report.html").stat().st_size > 1000
    assert report.LIMIT == 8_000_000


def test_a_figure_of_frames_holds_them_once(tmp_path, rng):
    frame = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for look, value in (("light", 0), ("dark", 255)):
        frame[0] = value
        write_frame(tmp_path / f"crops.{look}.png", frame)
    markup = report.show_figure(tmp_path / "crops", "two crops", "Crops").markup
    assert re.findall(r'<img (?:class="([\w-]+)" )?src="data:image/webp', markup) == [
        "",
        "for-light",
        "for-dark",
    ]
    assert markup.count('alt="two crops"') == 1


def test_a_figure_has_both_looks_and_its_words_are_escaped(tmp_path):
    for look in ("light", "dark"):
        (tmp_path / f"gain.{look}.svg").write_text(f"<svg>{look}</svg>", encoding="utf-8")
    markup = report.show_figure(tmp_path / "gain", 'a "gain" < 1', "caption & more").markup
    assert 'alt="a &quot;gain&quot; &lt; 1"' in markup
    assert "caption &amp; more" in markup
    data = re.search(r'for-dark" src="data:image/svg\+xml,([^"]+)"', markup).group(1)
    assert unquote(data) == "<svg>dark</svg>"
    with pytest.raises(ValueError, match="figure loss: expected one light file"):
        report.show_figure(tmp_path / "loss", "", "")


def test_a_table_has_row_and_column_headers_and_escaped_words():
    table = pd.DataFrame({"model": ["a<b", "c"], "dB": [1.25, 2.0]})
    markup = report.show_table(table, "Gains").markup
    assert '<th scope="row">a&lt;b</th><td>1.25</td>' in markup
    assert markup.count('scope="col"') == 2
    assert "<figcaption>Gains</figcaption>" in markup


def test_words_wrap_and_sentences_have_room():
    table = pd.DataFrame({"a": ["x"], "verdict": ["worse"], "doubt": ["word " * 12], "dB": ["+0.1"]})
    markup = report.show_table(table, "", words=("verdict", "doubt")).markup
    assert re.findall(r"<td( class=\"[\w ]+\")?>", markup) == [' class="words"', ' class="words long"', ""]


def test_a_number_and_its_unit_stay_in_one_line():
    table = pd.DataFrame({"a": ["x"], "score": ["0.52 (0 of 20); do nothing 19.69 dB"]})
    markup = report.show_table(table, "", words=("score",)).markup
    assert "0.52 (0\u00a0of\u00a020); do nothing 19.69\u00a0dB" in markup


def test_a_slider_holds_the_very_pixels(tmp_path, rng):
    frames = [rng.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(2)]
    paths = [tmp_path / "before.png", tmp_path / "after.png"]
    for path, frame in zip(paths, frames, strict=True):
        write_frame(path, frame)
    markup = report.show_slider(*paths, ("call", "reference"), "A face").markup
    found = re.findall(r"data:image/webp;base64,([^\"]+)", markup)
    shown = [np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("RGB")) for data in found]
    assert [np.array_equal(one, frame) for one, frame in zip(shown, frames, strict=True)] == [True, True]
    assert 'type="range"' in markup
    assert "aria-label" in markup


def test_provenance_names_versions_and_no_host():
    table = report.provenance()
    facts = dict(zip(table["fact"], table["value"], strict=True))
    assert facts["torch"].startswith(("2.", "3."))
    assert "cores" in facts["machine"]
    import platform

    assert platform.node() not in " ".join(facts.values())
