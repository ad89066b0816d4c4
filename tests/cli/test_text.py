"""Texts are UTF-8 whatever the locale: what is read, written and printed."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gp_cells.cli import main
from gp_cells.config.files import RecordError, read_text

ROOT = Path(__file__).parents[2]
CELL = "h' = tanh(gate1)  # größer\n"
ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def without_encoding(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that read or write text in the encoding of the locale."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        words = {word.arg: word.value for word in call.keywords}
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        modes = [
            node.value for node in (*call.args, words.get("mode")) if isinstance(node, ast.Constant)
        ]
        is_text_file = isinstance(call.func, (ast.Attribute, ast.Name)) and (
            (name == "read_text" and isinstance(call.func, ast.Attribute))
            or name == "write_text"
            or (
                name == "open"
                and not any("b" in str(mode) for mode in modes)
                and (
                    isinstance(call.func, ast.Name)
                    or any(mode in ("r", "w", "a", "x") for mode in modes)
                )
            )
        )
        is_process = getattr(words.get("text"), "value", None) is True
        if (is_text_file or is_process) and "encoding" not in words:
            yield call.lineno


@pytest.mark.parametrize("folder", ["gp_cells", "benchmarks"])
def test_every_text_file_is_opened_with_an_encoding(folder: str) -> None:
    found = [
        f"{path}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in without_encoding(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


@pytest.mark.parametrize(
    "line", ["p.read_text()", "p.write_text(a)", "open(p)", "p.open('w')", "run(a, text=True)"]
)
def test_what_opens_a_text_without_an_encoding_is_found(line: str) -> None:
    assert [*without_encoding(ast.parse(line))] == [1]


@pytest.mark.parametrize(
    "content", [CELL.encode(), b"\xef\xbb\xbf" + CELL.encode(), CELL.replace("\n", "\r\n").encode()]
)
def test_a_cell_in_utf_8_is_read_with_any_end_of_line(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.cell"
    path.write_bytes(content)
    assert main(["show", str(path)]) == 0
    assert "h' = tanh(gate1)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-32", "UTF-16"),
        ("latin-1", "line 1: the byte 0xf6"),
    ],
)
def test_a_cell_in_another_encoding_is_refused_in_a_line(
    tmp_path: Path, encoding: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.cell"
    path.write_text(CELL, encoding=encoding)
    assert main(["show", str(path)]) == 2
    message = capsys.readouterr().err
    assert said in message and message.count("\n") == 1


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RecordError):
            read_text(path)


def test_utf_8_is_read_and_printed_in_a_locale_that_has_only_ascii(tmp_path: Path) -> None:
    path = tmp_path / "größe.json"
    path.write_text('{"f": {"op": "größer", "input": ["x"]}}', encoding="utf-8")
    commands = [
        ["schema"],
        ["dictionary"],
        ["settings-reference"],
        ["import", "nas_bench_nlp", str(path), "--to", str(tmp_path)],
    ]
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "gp_cells", *words],
            capture_output=True,
            env={**os.environ, **ASCII},
        )
        said = (done.stdout + done.stderr).decode("utf-8")
        assert "Traceback" not in said
        assert done.returncode == (2 if words[0] == "import" else 0)
    assert "there is no operation 'größer'" in said


@pytest.mark.parametrize(
    ("words", "closed", "status"),
    [("show lstm", ">&-", 0), ("show nothing", "2>&-", 2), ("check -", "<&-", 2)],
)
def test_a_standard_stream_that_is_closed_ends_in_no_traceback(
    tmp_path: Path, words: str, closed: str, status: int
) -> None:
    line = f"{sys.executable} -m gp_cells {words} {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, cwd=tmp_path)
    assert done.returncode == status
    assert b"Traceback" not in done.stderr
