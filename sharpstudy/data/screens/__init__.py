"""Rendered screens such as people share in a call, and plain pages whose text is known."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from random import Random
from typing import Literal

import numpy as np
from PIL import Image

from sharpstudy.data.screens.boards import draw_chart_screen, draw_dashboard
from sharpstudy.data.screens.browser import draw_browser
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.chats import draw_chat
from sharpstudy.data.screens.diagrams import draw_diagram
from sharpstudy.data.screens.documents import draw_document
from sharpstudy.data.screens.editors import draw_code, draw_terminal
from sharpstudy.data.screens.flight import draw_flight_game
from sharpstudy.data.screens.icons import draw_pointer
from sharpstudy.data.screens.maps import draw_map
from sharpstudy.data.screens.pages import RenderedPage, check_size, render_page
from sharpstudy.data.screens.platformer import draw_platform_game
from sharpstudy.data.screens.sheets import draw_spreadsheet
from sharpstudy.data.screens.slides import draw_slide
from sharpstudy.data.screens.strategy import draw_strategy_game
from sharpstudy.data.screens.style import Mode, make_theme

__all__ = ["SCREEN_KINDS", "RenderedPage", "kind_category", "render_page", "render_screen"]

_TEXT: dict[str, Callable[[Canvas], None]] = {
    "document": draw_document,
    "slide": draw_slide,
    "code": draw_code,
    "terminal": draw_terminal,
    "spreadsheet": draw_spreadsheet,
    "chat": draw_chat,
    "browser": draw_browser,
}
_GRAPHICS: dict[str, Callable[[Canvas], None]] = {
    "chart": draw_chart_screen,
    "dashboard": draw_dashboard,
    "diagram": draw_diagram,
    "map": draw_map,
    "strategy-game": draw_strategy_game,
    "platform-game": draw_platform_game,
    "flight-game": draw_flight_game,
}
SCREEN_KINDS: tuple[str, ...] = (*_TEXT, *_GRAPHICS)


def kind_category(kind: str) -> Literal["text", "graphics"]:
    """Whether a kind of screen is there to be read or to be looked at."""
    if kind not in SCREEN_KINDS:
        raise ValueError(f"kind: expected one of {', '.join(SCREEN_KINDS)}, got {kind!r}")
    return "text" if kind in _TEXT else "graphics"


def render_screen(kind: str, seed: int, width: int = 1280, height: int = 720) -> np.ndarray:
    """A rendered screen, uint8 (height, width, 3) RGB; the same arguments and Pillow give the same bytes."""
    draw = (_TEXT if kind_category(kind) == "text" else _GRAPHICS)[kind]
    check_size(width, height)
    rng = Random(f"{kind}/{index(seed)}")
    mode: Mode = "dark" if rng.random() < (0.7 if kind == "terminal" else 0.4) else "light"
    em, theme = _text_size(rng, width, height), make_theme(rng, mode)
    canvas = Canvas(Image.new("RGB", (width, height)), em, theme, rng)
    draw(canvas)
    if rng.random() < 0.4:
        draw_pointer(canvas, rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height)
    return np.asarray(canvas.image).copy()


def _text_size(rng: Random, width: int, height: int) -> float:
    """The size of plain text in pixels, 12 to 20 at 1280x720; it changes less than the screen does."""
    scale = min(width / 1280, height / 720)
    return max(9.0, rng.uniform(12, 20) * scale ** (rng.uniform(0.4, 0.9) if scale > 1 else 0.5))
