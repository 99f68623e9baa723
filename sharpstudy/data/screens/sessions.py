"""Made-up lines of a terminal session: commands with listings, logs, tests, tables and progress."""

from __future__ import annotations

from random import Random

from sharpstudy.data.screens import words
from sharpstudy.data.screens.snippets import LANGUAGES, Token, file_name


def write_session(rng: Random, lines: int) -> list[Token]:
    """Lines of a terminal session, each with a kind: prompt, plain, good, bad or faint."""
    session: list[Token] = []
    while len(session) < lines:
        command = rng.choice((_list_files, _show_log, _run_tests, _show_table, _show_bars, _show_history))
        session += command(rng)
    return session


def _list_files(rng: Random) -> list[Token]:
    rows = [("prompt", f"ls -l {words.noun(rng)}/")]
    for _ in range(rng.randint(3, 9)):
        size, name = rng.randint(120, 9_900_000), file_name(rng, rng.choice(LANGUAGES))
        rows.append(
            ("plain", f"-rw-r--r-- 1 user staff {size:>8} {words.day(rng)} {words.clock(rng)} {name}")
        )
    return rows


def _show_log(rng: Random) -> list[Token]:
    rows = [("prompt", f"{words.noun(rng)} serve --port {rng.randint(3000, 9000)}")]
    for _ in range(rng.randint(4, 10)):
        kind, level = rng.choice(
            (("plain", "INFO "), ("faint", "DEBUG"), ("good", "READY"), ("bad", "WARN "))
        )
        stamp = f"{words.clock(rng)}:{rng.randint(0, 59):02d}.{rng.randint(0, 999):03d}"
        rows.append((kind, f"[{stamp}] {level} {words.noun(rng)}.{words.noun(rng)}: {words.phrase(rng)}"))
    return rows


def _run_tests(rng: Random) -> list[Token]:
    rows, names = [("prompt", f"pytest tests/test_{words.noun(rng)}.py")], rng.randint(4, 9)
    for turn in range(names):
        verdict = ("bad", "FAILED") if rng.random() < 0.15 else ("good", "PASSED")
        name = f"test_{words.verb(rng)}_{words.noun(rng)}"
        rows.append((verdict[0], f"tests::{name:<34} {verdict[1]} [{100 * (turn + 1) // names:>3}%]"))
    return [*rows, ("good", f"===== {names} tests in {rng.uniform(0.2, 60):.2f}s =====")]


def _show_table(rng: Random) -> list[Token]:
    rule = "─" * 16
    rows = [("prompt", f"query --table {words.noun(rng)}s"), ("faint", f"┌{rule}┬{rule}┬{rule}┐")]
    for turn in range(rng.randint(3, 8)):
        cells = [words.noun(rng), words.amount(rng), words.amount(rng)]
        rows.append(("plain", f"│ {cells[0]:<14} │ {cells[1]:>14} │ {cells[2]:>14} │"))
        if turn == 0:
            rows.append(("faint", f"├{rule}┼{rule}┼{rule}┤"))
    return [*rows, ("faint", f"└{rule}┴{rule}┴{rule}┘")]


def _show_bars(rng: Random) -> list[Token]:
    rows = [("prompt", f"fetch --all {words.noun(rng)}")]
    for _ in range(rng.randint(2, 5)):
        done = rng.randint(0, 30)
        bar = "█" * done + "░" * (30 - done)
        rows.append(
            ("good" if done == 30 else "plain", f"{words.noun(rng):<12} {bar} {done * 100 // 30:>3}%")
        )
    return rows


def _show_history(rng: Random) -> list[Token]:
    rows = [("prompt", "git log --oneline --graph")]
    for _ in range(rng.randint(4, 9)):
        edge = rng.choice(("*", "*", "*", "| *", "* |"))
        rows.append(("plain", f"{edge:<4}{rng.getrandbits(28):07x} {words.phrase(rng)}"))
    return rows
