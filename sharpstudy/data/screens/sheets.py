"""A spreadsheet: ribbon, formula line, grid of numbers with formats and a selection, charts on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.charts import draw_chart
from sharpstudy.data.screens.style import Colour, mix
from sharpstudy.data.screens.windows import draw_field, draw_menu, draw_tabs, draw_toolbar, open_window


@dataclass(frozen=True)
class Column:
    """One column of a sheet: its edges in pixels and what writes its cells; numbers sit on the right."""

    left: float
    right: float
    write: Callable[[], str]
    number: bool


def draw_spreadsheet(canvas: Canvas) -> None:
    """A spreadsheet with made-up figures."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.title(rng)}.ods")) as view:
        top, bottom = 0.0, view.height
        if view.height > 22 * em:
            names = ("File", "Edit", "View", "Insert", "Format", "Sheet", "Data", "Tools", "Help")
            top = draw_toolbar(view, draw_menu(view, names, 1.8 * em), 2.4 * em)
            top = _draw_formula(view, top)
            bottom -= round(1.8 * em)
            sheets = [words.label(rng) for _ in range(rng.randint(2, 5))]
            draw_tabs(view, bottom, 1.8 * em, sheets, 0)
        with view.part((0, top, view.width, bottom)) as grid:
            _draw_grid(grid)


def _draw_formula(view: Canvas, top: float) -> float:
    em, rng, bottom = view.em, view.rng, top + 2.1 * view.em
    cell = f"{rng.choice('BCDEFG')}{rng.randint(2, 30)}"
    call = rng.choice(("SUM", "AVERAGE", "MAX", "COUNT"))
    formula = f"={call}({cell}:{cell[0]}{rng.randint(31, 99)}) * {rng.random():.2f}"
    view.fill((0, top, view.width, bottom), view.theme.panel)
    draw_field(view, (0.4 * em, top + 0.2 * em, 5 * em, bottom - 0.2 * em), cell)
    draw_field(view, (7 * em, top + 0.2 * em, view.width - 0.4 * em, bottom - 0.2 * em), formula)
    view.text(6 * em, (top + bottom) / 2, "fx", view.theme.faint, anchor="mm", face="italic")
    return bottom


def _make_columns(grid: Canvas, left: float) -> list[Column]:
    rng, em, columns = grid.rng, grid.em, []
    while left < grid.width:
        texts = (words.label, words.phrase, words.nickname, words.day)
        write = rng.choice(texts) if not columns or rng.random() < 0.25 else _make_number(grid)
        width = rng.uniform(9, 15) * em
        if write not in texts:
            width = max(grid.measure(write(rng), 0.9) for _ in range(9)) + rng.uniform(1.4, 3) * em
        columns.append(Column(left, left + width, partial(write, rng), write not in texts))
        left += width
    return columns


def _make_number(grid: Canvas) -> Callable[..., str]:
    scale, style = (
        10 ** grid.rng.uniform(0.5, 4.5),
        grid.rng.choice(("{:,.0f}", "{:,.2f}", "{:.1%}", "{:.3f}")),
    )
    if style in ("{:.1%}", "{:.3f}"):
        scale = 1
    return lambda rng: style.format(scale * (0.02 + rng.betavariate(2, 3)) * rng.choice((1, 1, 1, 1, 1, -1)))


def _draw_grid(grid: Canvas) -> None:
    rng, em, theme = grid.rng, grid.em, grid.theme
    step, left = round(rng.uniform(1.5, 1.9) * em), round(2.6 * em)
    columns = _make_columns(grid, left)
    rows = int(grid.height / step) + 1
    banded, heat = rng.random() < 0.4, rng.randrange(len(columns))
    filled = rng.randint(max(1, rows // 2), max(1, rows + 6))
    for row in range(1, rows):
        y = row * step
        for turn, column in enumerate(columns):
            fill = mix(theme.page, theme.accent, 0.08) if banded and row % 2 else theme.page
            if row == 1:
                fill = mix(theme.page, theme.accent, 0.35)
            elif turn == heat and column.number and row <= filled:
                fill = mix(theme.page, rng.choice(theme.series[:3]), rng.uniform(0.1, 0.45))
            grid.fill((column.left, y, column.right, y + step), fill)
            if row <= filled:
                _draw_cell(grid, column, y, step, "bold" if row in (1, filled) else "sans")
    _draw_rules(grid, columns, step, left)
    _draw_selection(grid, columns, step, rows)
    if grid.width > 60 * em and grid.height > 24 * em and rng.random() < 0.5:
        _draw_chart_on_top(grid)


def _draw_cell(grid: Canvas, column: Column, y: float, step: float, face: str) -> None:
    em, room = grid.em, column.right - column.left - 0.7 * grid.em
    text = words.label(grid.rng) if y == step else column.write()
    ink: Colour = grid.theme.ink
    if column.number and text.startswith("-"):
        ink = (200, 40, 40) if grid.theme.mode == "light" else (255, 130, 120)
    x, anchor = (column.right - 0.35 * em, "rm") if column.number else (column.left + 0.35 * em, "lm")
    grid.text(x, y + step / 2, text, ink, size=0.9, face=face, anchor=anchor, room=room)


def _draw_rules(grid: Canvas, columns: list[Column], step: int, left: int) -> None:
    theme, em = grid.theme, grid.em
    grid.fill((0, 0, grid.width, step), theme.panel)
    grid.fill((0, 0, left, grid.height), theme.panel)
    for turn, column in enumerate(columns):
        middle = (column.left + min(column.right, grid.width)) / 2
        name = chr(65 + turn) if turn < 26 else f"A{chr(65 + turn % 26)}"
        grid.text(middle, step / 2, name, theme.faint, size=0.85, anchor="mm")
        grid.rule(column.left, 0, column.left, grid.height)
    for row in range(1, int(grid.height / step) + 1):
        grid.rule(0, row * step, grid.width, row * step)
        grid.text(left - 0.4 * em, (row + 0.5) * step, str(row), theme.faint, size=0.85, anchor="rm")


def _draw_selection(grid: Canvas, columns: list[Column], step: int, rows: int) -> None:
    column, row = grid.rng.choice(columns[:8]), grid.rng.randint(2, max(2, rows - 2))
    box = (column.left, row * step, column.right, (row + grid.rng.choice((1, 1, 3))) * step)
    grid.fill(box, (*grid.theme.accent, 40))
    with grid.smooth((box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3)) as pen:
        corners = [box[:2], (box[2], box[1]), box[2:], (box[0], box[3]), box[:2]]
        pen.line(corners, grid.theme.accent, 2)


def _draw_chart_on_top(grid: Canvas) -> None:
    rng, em = grid.rng, grid.em
    width, height = rng.uniform(0.35, 0.5) * grid.width, rng.uniform(0.4, 0.6) * grid.height
    left, top = rng.uniform(0.3, 0.5) * grid.width, rng.uniform(0.15, 0.35) * grid.height
    box = (left, top, left + width, top + height)
    grid.shadow(box, 0.3 * em)
    grid.panel(box, grid.theme.page, 0, grid.theme.line)
    draw_chart(grid, (left + em, top + 0.6 * em, left + width - em, top + height - 0.6 * em))
