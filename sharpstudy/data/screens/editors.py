"""Screens of people who program: a code editor with its panels, and a terminal."""

from __future__ import annotations

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.icons import draw_icon, some_icons
from sharpstudy.data.screens.sessions import write_session
from sharpstudy.data.screens.snippets import (
    LANGUAGES,
    Language,
    file_name,
    tokens,
    write_program,
)
from sharpstudy.data.screens.style import Colour, Theme, ink_on, mix
from sharpstudy.data.screens.windows import draw_list, draw_tabs, open_window


def _inks(theme: Theme) -> dict[str, Colour]:
    names = ("keyword", "string", "number", "call", "good", "prompt")
    inks = {name: mix(colour, theme.ink, 0.15) for name, colour in zip(names, theme.series, strict=True)}
    bad = (205, 60, 55) if theme.mode == "light" else (250, 120, 110)
    return inks | {"comment": theme.faint, "faint": theme.faint, "plain": theme.ink, "bad": bad}


def draw_code(canvas: Canvas) -> None:
    """A code editor: files, tabs, numbered coloured lines, small overview, terminal, status bar."""
    rng, em = canvas.rng, canvas.em
    language = rng.choice(LANGUAGES)
    names = [file_name(rng, language) for _ in range(rng.randint(2, 5))]
    with canvas.part(open_window(canvas, f"{names[0]} - {words.noun(rng)}")) as view:
        left, top, bottom = 0.0, 0.0, view.height
        if view.height > 16 * em:
            bottom = _draw_status(view, language)
        if view.width > 55 * em:
            left = _draw_activity(view, bottom)
        if view.width > 70 * em and rng.random() < 0.75:
            left = _draw_files(view, left, bottom, language)
        middle = bottom * rng.uniform(0.6, 0.75) if bottom > 26 * em and rng.random() < 0.45 else bottom
        panes = 2 if view.width - left > 70 * em and rng.random() < 0.3 else 1
        room = (view.width - left) / panes
        for pane in range(panes):
            box = (left + pane * room, top, left + (pane + 1) * room, middle)
            with view.part(box) as part:
                _draw_pane(part, language, names[pane:])
        if middle < bottom:
            with view.part((left, middle, view.width, bottom)) as part:
                part.rule(0, 0, part.width, 0)
                _draw_session(part)


def _draw_status(view: Canvas, language: str) -> float:
    em, top = view.em, view.height - round(1.6 * view.em)
    fill = view.rng.choice((view.theme.accent, view.theme.panel))
    view.fill((0, top, view.width, view.height), fill)
    ink, middle = ink_on(fill), (top + view.height) / 2
    here = f"main   {view.rng.randint(0, 5)} errors   {words.phrase(view.rng)}"
    view.text(em, middle, here, ink, size=0.85, anchor="lm", room=0.5 * view.width)
    there = f"Ln {view.rng.randint(1, 400)}, Col {view.rng.randint(1, 99)}   UTF-8   {language.upper()}"
    if view.width > 46 * em:
        view.text(view.width - em, middle, there, ink, size=0.85, anchor="rm", room=0.4 * view.width)
    return top


def _draw_activity(view: Canvas, bottom: float) -> float:
    em, right = view.em, 3.0 * view.em
    view.fill((0, 0, right, bottom), mix(view.theme.panel, view.theme.line, 0.5))
    with view.smooth((0, 0, right, bottom)) as pen:
        for turn, name in enumerate(some_icons(view.rng, 7)):
            ink = view.theme.ink if turn == 0 else view.theme.faint
            draw_icon(pen, name, 0.8 * em, (0.9 + 2.8 * turn) * em, 1.4 * em, ink)
    return right


def _draw_files(view: Canvas, left: float, bottom: float, language: str) -> float:
    rng, em = view.rng, view.em
    right = left + rng.uniform(12, 17) * em
    with view.part((left, 0, right, bottom)) as side:
        side.fill((0, 0, side.width, side.height), side.theme.panel)
        side.text(em, 0.6 * em, words.noun(rng).upper(), side.theme.faint, size=0.85, face="bold")
        y, chosen = 2.2 * em, rng.randrange(3)
        while y < side.height:
            y = draw_list(side, y, [words.noun(rng)], ("folder",), -1)
            names = [file_name(rng, language) for _ in range(rng.randint(1, 6))]
            with side.part((1.2 * em, y, side.width, side.height)) as files:
                y += draw_list(files, 0, names, ("file",), chosen) or em
            chosen = -1
        side.rule(side.width - 1, 0, side.width - 1, side.height)
    return right


def _draw_pane(pane: Canvas, language: Language, names: list[str]) -> None:
    rng, em = pane.rng, pane.em
    top = draw_tabs(pane, 0, 2 * em, names, 0) if pane.height > 12 * em else 0.0
    overview = 7 * em if pane.width > 50 * em and rng.random() < 0.7 else 0.0
    program = write_program(rng, language, 40 + int(pane.height / em))
    with pane.part((0, top, pane.width - overview, pane.height)) as text:
        _draw_lines(text, program)
    if overview:
        with pane.part((pane.width - overview, top, pane.width, pane.height)) as side:
            _draw_overview(side, program)


def _draw_lines(text: Canvas, program: list[str]) -> None:
    rng, em, inks = text.rng, text.em, _inks(text.theme)
    step, advance = round(1.45 * em), text.measure("0", face="mono")
    first, gutter = rng.randint(1, 400), advance * 5
    marked = rng.randrange(max(1, int(text.height / step)))
    for row, line in enumerate(program[: int(text.height / step) + 1]):
        y = row * step + 0.4 * em
        if row == marked:
            text.fill((gutter, y - 0.15 * em, text.width, y + step - 0.15 * em), text.theme.raised)
        number = text.theme.ink if row == marked else text.theme.faint
        text.text(gutter - advance, y, str(first + row), number, face="mono", anchor="ra")
        x = gutter + 0.5 * em
        for depth in range((len(line) - len(line.lstrip())) // 4):
            text.rule(x + 4 * advance * depth, y, x + 4 * advance * depth, y + step)
        for kind, piece in tokens(line):
            if piece.strip():
                text.text(x, y, piece, inks[kind], face="mono-bold" if kind == "keyword" else "mono")
            x += advance * len(piece)
        if row == marked:
            text.fill((x + 1, y, x + max(2, em / 7), y + 1.2 * em), text.theme.accent)


def _draw_overview(side: Canvas, program: list[str]) -> None:
    inks, step = _inks(side.theme), max(2, round(side.em / 7))
    side.rule(0, 0, 0, side.height)
    for row in range(min(len(program) * 4, int(side.height / step))):
        x = 4.0
        for kind, piece in tokens(program[row % len(program)]):
            if piece.strip():
                ink = mix(side.theme.page, inks[kind], 0.55)
                side.fill((x, row * step, x + len(piece) * step / 2, row * step + max(1, step - 1)), ink)
            x += len(piece) * step / 2
    top = 0.1 * side.height
    side.fill((0, top, side.width, top + 0.2 * side.height), (*side.theme.faint, 50))


def draw_terminal(canvas: Canvas) -> None:
    """A terminal with the output of commands, in one pane or two."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.noun(rng)}: ~/{words.noun(rng)}")) as view:
        panes = 2 if view.width > 90 * em and rng.random() < 0.4 else 1
        width = view.width / panes
        for pane in range(panes):
            with view.part((pane * width, 0, (pane + 1) * width - 1, view.height)) as part:
                _draw_session(part)
            view.rule((pane + 1) * width - 1, 0, (pane + 1) * width - 1, view.height, view.theme.faint)


def _draw_session(part: Canvas) -> None:
    em, inks, host = part.em, _inks(part.theme), words.noun(part.rng)
    # The font's own height joins the lines of tables that are drawn with characters.
    step, x = sum(part.font(1, "mono").getmetrics()), 0.7 * em
    rows = max(1, int((part.height - 0.8 * em) / step))
    for row, (kind, line) in enumerate(write_session(part.rng, rows)[:rows]):
        y = 0.5 * em + row * step
        if kind == "prompt":
            width = part.text(x, y, f"user@{host}:~$ ", inks["good"], face="mono-bold")
            part.text(x + width, y, line, face="mono")
        else:
            part.text(x, y, line, inks[kind], face="mono")
