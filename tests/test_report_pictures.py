"""Pictures as data: addresses: the same to look at, and shorter."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from sharpstudy import plots, report_pictures
from sharpstudy.data.frames import write_frame

DRAWING = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "a.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 669.6 504" xmlns="http://www.w3.org/2000/svg">
 <metadata>made by hand</metadata>
 <g id="figure_1"><defs><path id="m698b" d="M 0 0 &#10;L 0.123456 -3.5 z" style="fill: #24292f"/></defs>
  <use xlink:href="#m698b" x="64.867464" y="141.999987" style="fill: #24292f; stroke: none"/>
  <g transform="translate(1.23456 7.5) scale(0.095 -0.0951)" clip-path="url(#p1)"/>
  <clipPath id="p1"><rect x="-0.001" width="10.123456"/></clipPath></g>
</svg>
"""


def picture_in(uri: str) -> np.ndarray:
    with Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGBA"))


def test_a_drawing_keeps_its_places_to_a_hundredth_and_its_scales_whole():
    short = report_pictures.shorter_svg(DRAWING)
    root = ElementTree.fromstring(short)
    use = root.find(".//{http://www.w3.org/2000/svg}use")
    target = root.find(".//{http://www.w3.org/2000/svg}path")
    assert (use.get("x"), use.get("y")) == ("64.87", "142")
    assert use.get("href") == f"#{target.get('id')}"
    assert use.get("style") == "fill:#24292f;stroke:none"
    assert target.get("d").split() == ["M", "0", "0", "L", "0.12", "-3.5", "z"]
    assert "translate(1.23 7.5) scale(0.095 -0.0951)" in short
    assert f"url(#{root.find('.//{http://www.w3.org/2000/svg}clipPath').get('id')})" in short
    assert root.get("viewBox") == "0 0 669.6 504"
    assert "made by hand" not in short
    assert "figure_1" not in short


def test_an_address_of_a_drawing_is_fit_for_an_attribute_and_reads_back():
    uri = report_pictures.svg_uri(DRAWING.replace("made by hand", "&amp; 100 %"))
    assert not set(uri) & set('"#&\n')
    text = unquote(uri.removeprefix("data:image/svg+xml,"))
    assert ElementTree.fromstring(text).get("viewBox") == "0 0 669.6 504"
    said = report_pictures.svg_uri('<svg xmlns="http://www.w3.org/2000/svg"><text>it\'s</text></svg>')
    assert ElementTree.fromstring(unquote(said.partition(",")[2]))[0].text == "it's"


def test_layers_make_up_both_looks_again(tmp_path):
    rows, columns = np.mgrid[:32, :48]
    frame = np.stack([8 * rows, 5 * columns, 255 - 5 * columns, 0 * rows + 255], axis=2).astype(np.uint8)
    looks = {"light": frame.copy(), "dark": frame.copy()}
    looks["light"][:6, :20], looks["dark"][:6, :20] = (36, 41, 47, 255), (230, 237, 243, 255)
    for name, pixels in looks.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    shared, *own = report_pictures.in_layers(tmp_path / "light.png", tmp_path / "dark.png")
    assert not picture_in(shared)[:6, :20, 3].any()
    for uri, pixels in zip(own, looks.values(), strict=True):
        layer = picture_in(uri)
        assert np.array_equal(layer[:6, :20], pixels[:6, :20])
        assert not layer[6:, :, 3].any()
        made = np.where(layer[..., 3:] == 255, layer, picture_in(shared))
        assert np.abs(made.astype(int) - pixels).mean() < 2


def test_only_png_files_of_one_size_have_layers(tmp_path):
    write_frame(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    write_frame(tmp_path / "b.png", np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "c.svg").write_text("<svg/>", encoding="utf-8")
    assert report_pictures.in_layers(tmp_path / "a.png", tmp_path / "b.png") is None
    assert report_pictures.in_layers(tmp_path / "c.svg", tmp_path / "c.svg") is None


def test_the_words_of_a_saved_figure_are_its_only_layers(tmp_path):
    import matplotlib.pyplot as plt

    def draw():
        figure, axes = plt.subplots()
        plots.picture(axes, np.full((8, 8, 3), 120, np.uint8), "call-300k")
        return figure

    light, dark = plots.save_figure(draw, tmp_path / "crop", "pictures")
    _, on_light, on_dark = report_pictures.in_layers(light, dark)
    assert 0 < (picture_in(on_light)[..., 3] > 0).mean() < 0.05
    assert picture_in(on_light)[..., :3].sum() < picture_in(on_dark)[..., :3].sum()


def test_a_file_that_is_no_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"notes\.txt: a figure is one of \.svg, \.png.*'\.txt'"):
        report_pictures.data_uri(tmp_path / "notes.txt")


def test_the_heaviest_parts_are_named_with_their_megabytes():
    page = (
        "<head>" + "x" * 10
        + '<h2 id="Light">Light</h2>' + "x" * 1_500_000
        + '<h2 id="Heavy">Heavy <b>part</b><a class="anchor-link">¶</a></h2>' + "x" * 2_500_000
        + "<details><summary>04: words</summary>" + "x" * 200_000
    )  # fmt: skip
    assert report_pictures.heaviest(page, 3) == ["Heavy part 2.5 MB", "Light 1.5 MB", "04: words 0.2 MB"]
    assert re.fullmatch(r"the head of the page 0\.0 MB", report_pictures.heaviest(page)[-1])
