"""A slide of a talk, shown alone on a dark stage or in an editor beside the small slides of its deck."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.layouts import LAYOUTS
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.style import Box, Theme, ink_on, make_theme, mix
from sharpstudy.data.screens.windows import draw_toolbar, open_window


@dataclass(frozen=True)
class Deck:
    """What the slides of one talk have in common; columns is the width of a slide in em of its text."""

    theme: Theme
    motif: str
    face: str
    columns: float
    ratio: float


def draw_slide(canvas: Canvas) -> None:
    """A slide of a talk, alone or in its editor."""
    rng, em = canvas.rng, canvas.em
    motif = rng.choice(("plain", "top", "left", "foot", "wash", "corner"))
    face = rng.choice(("sans", "sans", "serif", "roman"))
    deck = Deck(
        make_theme(rng, canvas.theme.mode),
        motif,
        face,
        rng.uniform(30, 50),
        rng.choice((16 / 9, 16 / 9, 4 / 3)),
    )
    if canvas.width > 50 * em and canvas.height > 25 * em and rng.random() < 0.5:
        with canvas.part(open_window(canvas, f"{words.title(rng)}.odp")) as view:
            _draw_editor(view, deck)
    else:
        canvas.fill((0, 0, canvas.width, canvas.height), (12, 12, 14))
        _draw_page(canvas, (0, 0, canvas.width, canvas.height), deck)


def _draw_editor(view: Canvas, deck: Deck) -> None:
    rng, em = view.rng, view.em
    top = draw_toolbar(view, 0, 2.4 * em)
    view.fill((0, top, view.width, view.height), mix(view.theme.panel, view.theme.line, 0.5))
    side = rng.uniform(10, 14) * em
    with view.part((0, top, side, view.height)) as strip:
        strip.fill((0, 0, side, strip.height), view.theme.panel)
        y, width = em, side - 3 * em
        number = rng.randint(1, 9)
        while y < strip.height:
            strip.text(1.4 * em, y, str(number), view.theme.faint, size=0.8, anchor="ra")
            box = (2 * em, y, 2 * em + width, y + width / deck.ratio)
            strip.panel((box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2), view.theme.line)
            _draw_small(strip, box, deck)
            y, number = box[3] + 0.9 * em, number + 1
    stage = (side + 1.2 * em, top + 1.2 * em, view.width - 1.2 * em, view.height - 1.2 * em)
    _draw_page(view, stage, deck)


def _draw_small(strip: Canvas, box: Box, deck: Deck) -> None:
    large = Canvas(Image.new("RGB", (480, round(480 / deck.ratio))), 12, deck.theme, strip.rng)
    _draw_page(large, (0, 0, large.width, large.height), deck)
    size = (max(round(box[2] - box[0]), 1), max(round(box[3] - box[1]), 1))
    strip.image.paste(large.image.resize(size, Image.Resampling.LANCZOS), (round(box[0]), round(box[1])))


def _draw_page(canvas: Canvas, box: Box, deck: Deck) -> None:
    width = min(box[2] - box[0], (box[3] - box[1]) * deck.ratio)
    left, top = (box[0] + box[2] - width) / 2, (box[1] + box[3] - width / deck.ratio) / 2
    with canvas.part((left, top, left + width, top + width / deck.ratio)) as page:
        page.theme, page.em = deck.theme, max(width / deck.columns, 8)
        _draw_motif(page, deck)
        em = page.em
        if page.rng.random() < 0.15:
            _draw_opening(page, deck)
            return
        y = page.block(
            2.5 * em,
            1.6 * em,
            words.title(page.rng),
            page.width - 5 * em,
            _title_ink(deck),
            size=1.7,
            face=_bold(deck),
            lines=1,
            leading=1.5,
        )
        area = (2.5 * em, max(y, 4.4 * em) + 0.4 * em, page.width - 2.5 * em, page.height - 2.2 * em)
        with page.part(area) as body:
            page.rng.choice(LAYOUTS)(body, deck.face)
        _draw_foot(page)


def _bold(deck: Deck) -> str:
    return "bold" if deck.face == "sans" else f"{deck.face}-bold"


def _title_ink(deck: Deck) -> tuple[int, ...]:
    return ink_on(deck.theme.accent) if deck.motif == "top" else deck.theme.ink


def _draw_motif(page: Canvas, deck: Deck) -> None:
    theme, em = deck.theme, page.em
    page.fill((0, 0, page.width, page.height), theme.page)
    if deck.motif == "wash":
        page.gradient((0, 0, page.width, page.height), theme.page, mix(theme.page, theme.accent, 0.3), 0.3)
    elif deck.motif == "top":
        page.gradient((0, 0, page.width, 4.4 * em), theme.accent, mix(theme.accent, theme.series[3], 0.25), 1)
    elif deck.motif == "left":
        page.fill((0, 0, 0.9 * em, page.height), theme.accent)
    elif deck.motif == "foot":
        page.fill((0, page.height - 1.9 * em, page.width, page.height), mix(theme.page, theme.accent, 0.25))
        page.rule(2.5 * em, 4.3 * em, page.width - 2.5 * em, 4.3 * em, theme.accent)
    elif deck.motif == "corner":
        with page.smooth() as pen:
            for turn in range(4):
                pen.disc(
                    page.width, 0, (7 - 1.6 * turn) * em, mix(theme.page, theme.accent, 0.12 + 0.12 * turn)
                )


def _draw_foot(page: Canvas) -> None:
    em, y = page.em, page.height - page.em
    page.text(2.5 * em, y, words.day(page.rng), page.theme.faint, size=0.7, anchor="lm")
    page.text(page.width - 2.5 * em, y, str(page.rng.randint(2, 60)), page.theme.faint, size=0.7, anchor="rm")


def _draw_opening(page: Canvas, deck: Deck) -> None:
    em, y = page.em, 0.3 * page.height
    if page.rng.random() < 0.5:
        draw_picture(page, (0, 0.6 * page.height, page.width, page.height))
    y = page.block(
        3 * em,
        y,
        words.title(page.rng),
        page.width - 6 * em,
        size=min(2.4, page.width / (12 * em)),
        face=_bold(deck),
        leading=1.25,
    )
    page.fill((3 * em, y + 0.2 * em, 9 * em, y + 0.4 * em), page.theme.accent)
    line = f"{words.nickname(page.rng)}  |  {words.day(page.rng)}"
    page.text(3 * em, y + em, line, page.theme.faint, face=deck.face, room=page.width - 6 * em)
