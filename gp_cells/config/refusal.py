"""The base of all errors that the input causes: one line, shown without a traceback."""

from __future__ import annotations


class Refusal(ValueError):
    """Input that cannot be used; the one line says what was expected, what came and what to do."""
