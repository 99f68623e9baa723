"""What commands show on a terminal: tables, progress, and the files that were skipped."""

from __future__ import annotations

import sys
from typing import Any

import click


def table_text(rows: list[dict[str, Any]]) -> str:
    """Rows as aligned text: words to the left, numbers to the right."""
    texts = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(rows[0]))]
    numbers = [all(isinstance(row[key], (int, float)) for row in rows) for key in rows[0]]
    texts.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            word.rjust(width) if number else word.ljust(width)
            for word, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in texts
    )


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def progress(items: Any, total: int, label: str) -> Any:
    """The items behind a progress bar on stderr, where there is more than one and someone is watching."""
    from tqdm import tqdm

    return tqdm(items, total=total, desc=label, unit="frame", disable=total < 2 or not sys.stderr.isatty())


def report_skipped(skipped: list[Exception]) -> None:
    """Name every file that was skipped, and end with 1 when there is one."""
    for error in skipped:
        click.echo(f"skipped {error}", err=True)
    if skipped:
        click.echo(f"{len(skipped)} files were skipped.", err=True)
        raise SystemExit(1)
