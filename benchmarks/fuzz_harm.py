"""What every kind of fuzzing does: harm a content, run a command on it, and look at what it left."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path

from hypothesis import strategies as st

from gp_cells.cli import main

MARKER = "MARKER"  # in a generated text: the path of a file that only code in the text would make
LONGEST_LINE = 2_000  # characters of a refusal: a person has to read it
CODES = ("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252", "utf-7")
JUNK = (
    "\0",
    "\ufeff",
    "\r",
    "\n",
    "\t",
    "\x1b[2J",
    "ä",
    "\u2028",
    "\u202e",
    "𝕙",
    "%s",
    "{0}",
    "\x85",
)
PAYLOADS = (
    f"__import__('os').system('touch {MARKER}')",
    f"open('{MARKER}', 'w')",
    f"exec(\"open('{MARKER}', 'w')\")",
    f"(lambda: open('{MARKER}', 'w'))()",
    f"[open('{MARKER}', 'w') for _ in '1']",
)


def harm(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a file's content, in one of three cases cut or with some bytes changed."""
    how = draw(st.sampled_from(("not", "not", "not", "not", "cut", "change")))
    if how == "not" or not content:
        return content
    places = draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4))
    if how == "cut":
        return content[: places[0]]
    changed = bytearray(content)
    for place in places:
        changed[place] ^= draw(st.integers(1, 255))
    return bytes(changed)


def reworded(draw: st.DrawFn, text: str, words: tuple[str, ...], most: int = 3) -> str:
    """Return a text of which up to `most` words are taken away, doubled, swapped or made others."""
    parts = re.findall(r"\w+|\s+|[^\w\s]", text) or [""]
    for _ in range(draw(st.integers(0, most))):
        i = draw(st.integers(0, len(parts) - 1))
        j = draw(st.integers(0, len(parts) - 1))
        how = draw(st.sampled_from(("drop", "double", "swap", "other", "other", "junk")))
        if how == "drop":
            parts[i] = ""
        elif how == "double":
            parts[i] *= draw(st.sampled_from((2, 3, 300)))
        elif how == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts[i] = draw(st.sampled_from(words if how == "other" else JUNK))
    return "".join(parts)


def encoded(draw: st.DrawFn, text: str) -> bytes:
    """Return a text as a file's content: mostly whole and in UTF-8."""
    if draw(st.integers(0, 2)):
        return text.encode("utf-8", "replace")
    return harm(draw, text.encode(draw(st.sampled_from(CODES)), "replace"))


def command(*words: str) -> tuple[int, str, str]:
    """Run `gp-cells` in this process and return its exit status, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        status = main(list(words))
    assert not warned, warned[0].message  # a line of Python's own beside ours
    return status, out.getvalue(), err.getvalue()


def refusal(status: int, said: str) -> str:
    """Return the kind of a command's refusal, which has to be one line with exit status 2."""
    assert status == 2, (status, said[:300])
    line = said.removesuffix("\n")
    assert line.startswith("gp-cells "), said[:300]
    assert len(line.splitlines()) == 1 and line.isprintable(), said[:300]
    assert len(line) <= LONGEST_LINE, f"a line of {len(line)} letters: {line[:300]}"
    return kind_of_refusal(line)


def kind_of_refusal(line: str) -> str:
    """Return a refusal less the names and numbers in it."""
    line = re.sub(r"\S*/\S+", "…", line)
    return re.sub(r"'.*?'|\".*?\"|\d+|\(.*", "…", line)[:70]


def written_into(folder: Path) -> set[str]:
    """Return the files below a folder, by their paths in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
