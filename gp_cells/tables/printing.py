"""An answer printed as a table: on a terminal what fits, in a pipe or file all of it.

DuckDB's own tables end at 10,000 rows however many are asked for, so only a terminal gets them.
"""

from __future__ import annotations

import sys

import duckdb


def print_table(answer: duckdb.DuckDBPyRelation | None) -> None:
    """Print an answer as a table; None is that of a statement that has no rows to give."""
    if answer is None or sys.stdout.isatty():
        print(answer)
        return
    rows = [
        answer.columns,
        *([_written(value) for value in row] for row in answer.fetchall()),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = (
        f"│ {' │ '.join(word.ljust(width) for word, width in zip(row, widths, strict=True))} │"
        for row in rows
    )
    rule = f"├─{'─┼─'.join('─' * width for width in widths)}─┤"
    for line in (head, rule, *body):
        print(line)


def _written(value: object) -> str:
    """Return a value in one line."""
    return "NULL" if value is None else " ".join(str(value).splitlines())
