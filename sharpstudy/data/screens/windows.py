"""What surrounds the content of a shared screen: desktop, windows, menus, bars, tabs and lists."""

from __future__ import annotations

from collections.abc import Sequence

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.icons import draw_icon, draw_icons, some_icons
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.style import Box, Colour, hsv, ink_on, mix

DOTS = ((236, 95, 87), (244, 190, 65), (98, 197, 84))


def open_window(canvas: Canvas, title: str) -> Box:
    """The content box, in the page colour, of a window that is bare, maximised or floating on a desktop."""
    em = canvas.em
    roomy = canvas.width > 36 * em and canvas.height > 24 * em
    style = canvas.rng.choices(("bare", "maximised", "floating"), (0.25, 0.45, 0.3 if roomy else 0))[0]
    box: Box = (0, 0, canvas.width, canvas.height)
    canvas.fill(box, canvas.theme.page)
    if style == "bare" or canvas.height < 10 * em:
        return box
    if style == "maximised":
        if roomy and canvas.rng.random() < 0.5:
            box = _draw_taskbar(canvas)
        return _draw_frame(canvas, box, title)
    draw_picture(canvas, box)
    _, _, right, bottom = _draw_taskbar(canvas)
    inset = [canvas.rng.uniform(0.01, 0.07) for _ in range(4)]
    box = (inset[0] * right, inset[1] * bottom, right - inset[2] * right, bottom - inset[3] * bottom)
    canvas.shadow(box, em * 0.8)
    canvas.fill(box, canvas.theme.page)
    return _draw_frame(canvas, box, title)


def _draw_frame(canvas: Canvas, box: Box, title: str) -> Box:
    theme, em = canvas.theme, canvas.em
    left, top, right, bottom = (round(edge) for edge in box)
    bar = round(1.9 * em)
    colour = theme.accent if canvas.rng.random() < 0.12 else theme.panel
    canvas.fill((left, top, right, top + bar), colour)
    ink, middle = ink_on(colour), top + bar / 2
    if canvas.rng.random() < 0.5:
        with canvas.smooth((left, top, left + 6 * em, top + bar)) as pen:
            for turn, dot in enumerate(DOTS):
                pen.disc(left + (1.0 + 1.3 * turn) * em, middle, 0.38 * em, dot)
        room = right - left - 12 * em
        canvas.text((left + right) / 2, middle, title, ink, face="bold", anchor="mm", size=0.9, room=room)
    else:
        canvas.text(left + em, middle, title, ink, anchor="lm", size=0.9, room=right - left - 8 * em)
        signs = ("cross", "grid", "down")
        with canvas.smooth((right - 7 * em, top, right, top + bar)) as pen:
            for turn, name in enumerate(signs):
                draw_icon(pen, name, right - (1.6 + 2.1 * turn) * em, middle - 0.4 * em, 0.8 * em, ink)
    canvas.rule(left, top + bar, right - 1, top + bar)
    return (left, top + bar + 1, right, bottom)


def _draw_taskbar(canvas: Canvas) -> Box:
    rng, em = canvas.rng, canvas.em
    top = canvas.height - round(2.3 * em)
    colour = mix(canvas.theme.panel, canvas.theme.accent, 0.12)
    canvas.fill((0, top, canvas.width, canvas.height), colour)
    ink = ink_on(colour)
    middle = (top + canvas.height) / 2
    with canvas.smooth((0, top, 30 * em, canvas.height)) as pen:
        for turn, name in enumerate(some_icons(rng, rng.randint(4, 9))):
            x, tile = (0.6 + 2.3 * turn) * em, hsv(rng.random(), 0.6, 0.7)
            pen.box((x, top + 0.35 * em, x + 1.6 * em, top + 1.95 * em), tile, 0.35 * em)
            draw_icon(pen, name, x + 0.3 * em, top + 0.65 * em, em, ink_on(tile))
    canvas.text(canvas.width - em, middle, words.clock(rng), ink, anchor="rm", size=0.9)
    return (0, 0, canvas.width, top)


def draw_menu(canvas: Canvas, names: Sequence[str], height: float) -> float:
    """Draws a line of menu words at the top of a canvas; where the content below begins."""
    canvas.fill((0, 0, canvas.width, height), canvas.theme.panel)
    x = 0.8 * canvas.em
    for name in names:
        if x + canvas.measure(name, 0.9) > canvas.width:
            break
        x += canvas.text(x, height / 2, name, anchor="lm", size=0.9) + 1.3 * canvas.em
    return height


def draw_toolbar(canvas: Canvas, top: float, height: float) -> float:
    """Draws a bar with groups of icons and a few fields across a canvas; where the content below begins."""
    rng, em, theme = canvas.rng, canvas.em, canvas.theme
    canvas.fill((0, top, canvas.width, top + height), theme.panel)
    x = 0.8 * em
    while x < canvas.width - 5 * em:
        if rng.random() < 0.25:
            box = (x, top + 0.15 * height, x + rng.choice((4, 7)) * em, top + 0.85 * height)
            draw_field(canvas, box, words.label(rng))
            x = box[2] + 0.8 * em
        else:
            names = some_icons(rng, rng.randint(2, 5))
            x = draw_icons(canvas, (x, top, canvas.width, top + height), theme.faint, names)
        canvas.rule(x, top + 0.2 * height, x, top + 0.8 * height)
        x += 0.8 * em
    canvas.rule(0, top + height - 1, canvas.width, top + height - 1)
    return top + height


def draw_field(canvas: Canvas, box: Box, text: str, icon: str | None = None) -> None:
    """An input field with its text and, where named, an icon before it."""
    em, theme = canvas.em, canvas.theme
    canvas.panel(box, theme.page, 0.3 * em, theme.line)
    x, middle = box[0] + 0.6 * em, (box[1] + box[3]) / 2
    if icon is not None:
        with canvas.smooth((x, box[1], x + 1.2 * em, box[3])) as pen:
            draw_icon(pen, icon, x, middle - 0.45 * em, 0.9 * em, theme.faint)
        x += 1.5 * em
    canvas.text(x, middle, text, theme.faint, anchor="lm", size=0.9, room=box[2] - x - 0.4 * em)


def draw_button(canvas: Canvas, x: float, y: float, text: str, fill: Colour | None = None) -> float:
    """A button as wide as its text with its corner at (x, y); its width in pixels."""
    em = canvas.em
    width = canvas.measure(text, 0.9) + 1.6 * em
    canvas.panel((x, y, x + width, y + 1.8 * em), fill, 0.35 * em, None if fill else canvas.theme.line)
    ink = ink_on(fill) if fill else canvas.theme.ink
    canvas.text(x + width / 2, y + 0.9 * em, text, ink, anchor="mm", size=0.9)
    return width


def draw_tabs(canvas: Canvas, top: float, height: float, names: Sequence[str], active: int) -> float:
    """A row of tabs of which one is in front; where the content below begins."""
    em, theme = canvas.em, canvas.theme
    canvas.fill((0, top, canvas.width, top + height), mix(theme.panel, theme.line, 0.4))
    x = 0.0
    for turn, name in enumerate(names):
        width = min(canvas.measure(name, 0.9) + 3.4 * em, 14 * em)
        if x + width > canvas.width:
            break
        ink = theme.faint
        if turn == active:
            canvas.fill((x, top, x + width, top + height), theme.page)
            canvas.fill((x, top, x + width, top + max(2, 0.12 * em)), theme.accent)
            ink = theme.ink
        middle = top + height / 2
        canvas.text(x + 0.8 * em, middle, name, ink, anchor="lm", size=0.9, room=width - 2.6 * em)
        draw_icons(
            canvas, (x + width - 1.3 * em, middle - 0.45 * em, x + width, middle + 0.45 * em), ink, ["cross"]
        )
        canvas.rule(x + width, top, x + width, top + height - 1)
        x += width + 1
    return top + height


def draw_list(canvas: Canvas, top: float, names: Sequence[str], icons: Sequence[str], chosen: int) -> float:
    """A column of entries across a canvas, one of them marked; where the next would begin."""
    em, theme = canvas.em, canvas.theme
    row = 1.75 * em
    for turn, name in enumerate(names):
        y = top + turn * row
        if y + row > canvas.height:
            return y
        if turn == chosen:
            fill = mix(theme.panel, theme.accent, 0.25)
            canvas.panel((0.3 * em, y + 1, canvas.width - 0.3 * em, y + row - 1), fill, 0.3 * em)
        x = 0.9 * em
        if icons:
            draw_icons(canvas, (x, y, x + 1.6 * em, y + row), theme.faint, [icons[turn % len(icons)]])
            x += 1.7 * em
        ink = theme.ink if turn == chosen else theme.faint
        canvas.text(x, y + row / 2, name, ink, anchor="lm", size=0.9, room=canvas.width - x - 0.6 * em)
    return top + len(names) * row


def draw_scroll_bar(canvas: Canvas) -> None:
    """A vertical scroll bar along the right edge of a canvas."""
    em, theme = canvas.em, canvas.theme
    left, start = canvas.width - 0.7 * em, canvas.rng.uniform(0, 0.6) * canvas.height
    canvas.fill((left, 0, canvas.width, canvas.height), theme.panel)
    thumb = (left + 1, start, canvas.width - 1, start + max(0.25 * canvas.height, em))
    canvas.panel(thumb, mix(theme.line, theme.faint, 0.4), 0.3 * em)
