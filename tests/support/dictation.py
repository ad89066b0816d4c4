"""A transcript of proposals, written by hand for the tests: some texts valid, some not, none by a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TRANSCRIPT = Path(__file__).parent / "transcript.jsonl"  # waves 0 to 4, texts of every space


def line(text: str, **changes: Any) -> dict[str, Any]:
    """Return a dictation as its JSON has it."""
    return {"text": text, "author": "by hand", "date": "2026-11-27", **changes}


def write_answer(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write the answer to a prompt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(of)}\n" for of in lines), encoding="utf-8")
