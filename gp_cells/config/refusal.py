"""The base of all errors that the input causes: one line, shown without a traceback."""

from __future__ import annotations

from typing import Any

SHOWN = 60  # letters of a value in a refusal
NOT_AGAIN = "[not tried again]"  # ends what a step refuses: its job would fail alike each time
ASKED_TO_STOP = "asked to stop; the checkpoint is kept"  # ends what an interrupted trial says


class Refusal(ValueError):
    """Input that cannot be used; the one line says what was expected, what came and what to do."""


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


def printable(text: str) -> str:
    """Return a text in one line whose letters can all be seen; names from files may have others."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
