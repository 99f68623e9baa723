"""A chat window: channels and people at the side; messages with avatars, code, pictures and reactions."""

from __future__ import annotations

from sharpstudy.data.screens import words
from sharpstudy.data.screens.canvas import Canvas
from sharpstudy.data.screens.icons import draw_avatar, draw_icons
from sharpstudy.data.screens.pictures import draw_picture
from sharpstudy.data.screens.snippets import LANGUAGES, write_piece
from sharpstudy.data.screens.style import ink_on, mix, wrap
from sharpstudy.data.screens.windows import draw_field, draw_list, open_window


def draw_chat(canvas: Canvas) -> None:
    """A chat as a list of messages in a channel, or as bubbles to the left and the right."""
    rng, em = canvas.rng, canvas.em
    with canvas.part(open_window(canvas, f"{words.label(rng)} chat")) as view:
        people = [words.nickname(rng) for _ in range(rng.randint(2, 6))]
        left, right = 0.0, view.width
        if view.width > 44 * em:
            left = rng.uniform(12, 17) * em
            with view.part((0, 0, left, view.height)) as side:
                _draw_side(side, people)
        if view.width > 80 * em and rng.random() < 0.5:
            right = view.width - rng.uniform(12, 16) * em
            with view.part((right, 0, view.width, view.height)) as side:
                _draw_people(side)
        with view.part((left, 0, right, view.height)) as talk:
            _draw_talk(talk, people)


def _draw_side(side: Canvas, people: list[str]) -> None:
    rng, em, theme = side.rng, side.em, side.theme
    side.fill((0, 0, side.width, side.height), theme.panel)
    side.text(em, 0.8 * em, words.label(rng), size=1.2, face="bold")
    draw_field(side, (0.8 * em, 2.8 * em, side.width - 0.8 * em, 4.7 * em), "Search", "search")
    channels = [f"# {words.noun(rng)}-{words.noun(rng)}" for _ in range(rng.randint(4, 10))]
    y = draw_list(side, 5.4 * em, channels, (), rng.randrange(4))
    side.text(em, y + 0.8 * em, "People", theme.faint, size=0.85, face="bold")
    draw_list(side, y + 2.4 * em, people, ("person",), -1)
    side.rule(side.width - 1, 0, side.width - 1, side.height)


def _draw_people(side: Canvas) -> None:
    rng, em, y = side.rng, side.em, 2.8 * side.em
    side.fill((0, 0, side.width, side.height), side.theme.panel)
    side.text(em, 0.8 * em, "Members", face="bold")
    side.rule(0, 0, 0, side.height)
    while y < side.height - 2 * em:
        name = words.nickname(rng)
        draw_avatar(side, 1.9 * em, y + 0.9 * em, 0.9 * em, name)
        dot = (70, 175, 90) if rng.random() < 0.6 else side.theme.faint
        with side.smooth((2 * em, y + em, 3.2 * em, y + 2.2 * em)) as pen:
            pen.disc(2.55 * em, y + 1.55 * em, 0.38 * em, side.theme.panel)
            pen.disc(2.55 * em, y + 1.55 * em, 0.26 * em, dot)
        side.text(3.6 * em, y + 0.9 * em, name, anchor="lm", size=0.9, room=side.width - 4 * em)
        y += 2.4 * em


def _draw_talk(talk: Canvas, people: list[str]) -> None:
    rng, em, theme = talk.rng, talk.em, talk.theme
    top, bottom = 0.0, talk.height
    if talk.height > 14 * em:
        top, bottom = 3 * em, talk.height - 3.2 * em
        talk.text(em, top / 2, f"# {words.noun(rng)}", size=1.15, face="bold", anchor="lm")
        if talk.width > 24 * em:
            box = (talk.width - 7 * em, 0, talk.width, top)
            draw_icons(talk, box, theme.faint, ("search", "bell", "menu"))
        talk.rule(0, top, talk.width, top)
        draw_field(
            talk, (em, bottom + 0.5 * em, talk.width - em, talk.height - 0.7 * em), "Write a message", "plus"
        )
    with talk.part((0, top + 1, talk.width, bottom)) as feed:
        bubbles, y = rng.random() < 0.4, 0.6 * em
        while y < feed.height:
            y = _draw_bubble(feed, y) if bubbles else _draw_message(feed, y, rng.choice(people))


def _draw_message(feed: Canvas, y: float, name: str) -> float:
    rng, em, theme = feed.rng, feed.em, feed.theme
    draw_avatar(feed, 2.1 * em, y + 1.1 * em, 1.1 * em, name)
    left, room = 4 * em, feed.width - 5.5 * em
    width = feed.text(left, y, name, face="bold", room=room - 4 * em)
    feed.text(left + width + 0.7 * em, y + 0.15 * em, words.clock(rng), theme.faint, size=0.8)
    y = feed.block(left, y + 1.5 * em, words.paragraph(rng, rng.randint(1, 3)), room)
    extra = rng.random()
    if extra < 0.15:
        lines = write_piece(rng, rng.choice(LANGUAGES))[:-1]
        box = (left, y + 0.3 * em, left + room, y + (1.3 * len(lines) + 1.1) * em)
        feed.panel(box, theme.raised, 0.3 * em, theme.line)
        for turn, line in enumerate(lines):
            feed.text(
                left + 0.7 * em, y + (0.7 + 1.3 * turn) * em, line, face="mono", size=0.9, room=room - em
            )
        y = box[3] + 0.3 * em
    elif extra < 0.3:
        width = min(room, rng.uniform(12, 22) * em)
        draw_picture(feed, (left, y + 0.3 * em, left + width, y + 0.3 * em + 0.56 * width))
        y += 0.56 * width + 0.7 * em
    if rng.random() < 0.4:
        y = _draw_reactions(feed, left, y + 0.2 * em)
    return y + 0.9 * em


def _draw_reactions(feed: Canvas, x: float, y: float) -> float:
    em = feed.em
    for sign in feed.rng.sample(("♥", "✓", "★", "☺", "+1", "?"), feed.rng.randint(1, 3)):
        text = f"{sign} {feed.rng.randint(1, 9)}"
        width = feed.measure(text, 0.85) + 1.2 * em
        feed.panel((x, y, x + width, y + 1.6 * em), feed.theme.panel, 0.8 * em, feed.theme.accent)
        feed.text(x + width / 2, y + 0.8 * em, text, size=0.85, anchor="mm")
        x += width + 0.4 * em
    return y + 1.7 * em


def _draw_bubble(feed: Canvas, y: float) -> float:
    rng, em, theme = feed.rng, feed.em, feed.theme
    mine, most = rng.random() < 0.5, min(0.7 * feed.width, 34 * em)
    lines = wrap(words.paragraph(rng, rng.randint(1, 3)), feed.font(), most - 2 * em)
    width = max(feed.measure(line) for line in lines) + 2 * em
    left = feed.width - width - em if mine else 3.6 * em if feed.width > 20 * em else em
    fill = theme.accent if mine else mix(theme.panel, theme.line, 0.3)
    bottom = y + (1.4 * len(lines) + 0.9) * em
    feed.panel((left, y, left + width, bottom), fill, 0.9 * em)
    feed.block(left + em, y + 0.5 * em, " ".join(lines), most - 2 * em, ink_on(fill))
    if not mine and left > 2 * em:
        draw_avatar(feed, 2 * em, bottom - 1.1 * em, 1.1 * em, words.nickname(rng))
    stamp, anchor = (left + width, "ra") if mine else (left, "la")
    feed.text(stamp, bottom + 0.2 * em, words.clock(rng), theme.faint, size=0.75, anchor=anchor)
    return bottom + 1.7 * em
