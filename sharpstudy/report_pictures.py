"""Pictures as data: addresses for a page that needs no other file, as small as they stay crisp."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
from PIL import Image

GLANCE = 720  # pixels across a figure of the notebooks that are folded away
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")


def data_uri(path: Path, how: Literal["lossless", "good"] = "lossless") -> str:
    """The file's picture as a data: address: a drawing with shorter numbers, a PNG as WebP."""
    media = MEDIA_TYPES.get(path.suffix.lower())
    if media is None:
        raise ValueError(
            f"{path.name}: a figure is one of {', '.join(MEDIA_TYPES)}, and this is {path.suffix!r}"
        )
    if media == "image/svg+xml":
        return svg_uri(path.read_text(encoding="utf-8"))
    data = path.read_bytes()
    if media == "image/png":
        media, data = "image/webp", smaller(data, how)
    return bytes_uri(media, data)


def bytes_uri(media: str, data: bytes) -> str:
    """The bytes as a data: address."""
    return f"data:{media};base64,{base64.b64encode(data).decode('ascii')}"


def svg_uri(drawing: str) -> str:
    """The drawing as a data: address of plain text, a quarter shorter than base64, for a quoted attribute."""
    text = shorter_svg(drawing)
    if "'" not in text:  # one quote is as good as the other, and this one needs no escape
        text = text.replace('"', "'")
    return "data:image/svg+xml," + quote(text, safe=" =:/,;()!*?@+-_.'<>[]{}|$")


def shorter_svg(drawing: str) -> str:
    """The same drawing to a hundredth of its unit, without what a reader of the page cannot see."""
    text = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", "", drawing, flags=re.S)
    places = r'(?<= d=")[^"]*|(?<= [xy]=")[^"]*|(?<=translate\()[^)]*'
    text = re.sub(places, lambda place: LONG_NUMBER.sub(_short, place.group()), text)
    targets = dict.fromkeys(re.findall(r'(?:href="|url\()#([^")]+)', text))
    names = {target: f"i{number}" for number, target in enumerate(targets)}
    text = re.sub(r' id="([^"]*)"', lambda it: f' id="{names[it[1]]}"' if it[1] in names else "", text)
    text = re.sub(r'(?:xlink:)?href="#([^"]+)"', lambda it: f'href="#{names[it[1]]}"', text)
    text = re.sub(r"url\(#([^)]+)\)", lambda it: f"url(#{names[it[1]]})", text)
    text = re.sub(r' style="[^"]*"', lambda it: it.group().replace("; ", ";").replace(": ", ":"), text)
    return re.sub(r"\s+", " ", text).replace("> <", "><").strip()


def _short(number: re.Match[str]) -> str:
    return f"{float(number.group()):.2f}".rstrip("0").rstrip(".")


def smaller(png: bytes, how: Literal["lossless", "good", "glance"]) -> bytes:
    """The picture as WebP: the same pixels; hardly to be told from them; or smaller, for an impression."""
    with Image.open(BytesIO(png)) as picture:
        if how == "glance":
            picture.thumbnail((GLANCE, 4 * GLANCE))
        return _webp(picture, how == "lossless", 90 if how == "good" else 50)


def in_layers(light: Path, dark: Path) -> tuple[str, str, str] | None:
    """What both looks of a PNG figure share, and what only the light and only the dark one has, as addresses.

    A figure of frames differs in its words alone, so its frames are stored once. None where the two are no
    PNG files of one size.
    """
    if {light.suffix, dark.suffix} != {".png"}:
        return None
    looks = []
    for path in (light, dark):
        with Image.open(path) as picture:
            looks.append(np.asarray(picture.convert("RGBA")))
    if looks[0].shape != looks[1].shape:
        return None
    differs = (looks[0] != looks[1]).any(axis=2, keepdims=True)
    shared = Image.fromarray(np.where(differs, 0, looks[0]).astype(np.uint8))
    own = [Image.fromarray(np.where(differs, one, 0).astype(np.uint8)) for one in looks]
    layers = [_webp(shared, False, 90), *(_webp(one, True, 90) for one in own)]
    first, second, third = (bytes_uri("image/webp", layer) for layer in layers)
    return first, second, third


def _webp(picture: Image.Image, lossless: bool, quality: int) -> bytes:
    file = BytesIO()
    picture.save(file, "WEBP", lossless=lossless, quality=quality, method=5)
    return file.getvalue()


def heaviest(page: str, count: int = 5) -> list[str]:
    """The parts of a page that weigh most: its headings and folded notebooks with their megabytes."""
    parts = re.split(r"(?=<h2 id=|<details>)", page)
    weights = [(len(part.encode("utf-8")), _name_of(part)) for part in parts]
    return [f"{name} {size / 1e6:.1f} MB" for size, name in sorted(weights, reverse=True)[:count]]


def _name_of(part: str) -> str:
    found = re.search(r"<summary>(.*?)</summary>|<h2[^>]*>(.*?)(?:<a |</h2>)", part[:2000], flags=re.S)
    name = next(filter(None, found.groups()), "") if found else ""
    return re.sub(r"<[^>]+>", "", name).strip() or "the head of the page"
