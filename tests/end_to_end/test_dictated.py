"""A search whose author is outside: the workflow waits for answers, asks, and keeps what it had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.benchmark import CONFIG, Benchmark, differing
from support.dictation import line, write_answer

from gp_cells.results import Results

RUN = "tiny-bach-author-s1"
SEARCH = {"waves": 2, "slots": 1, "lag": 1, "finalists": 1}
AUTHOR = {"name": "dictated", "settings": {"proposals": "answers"}, "search": SEARCH}
FIRST = ["h' = soft(gate1)", "h' = tanh(gate1)"]


def test_a_run_waits_for_its_author_and_goes_on_where_it_was(tmp_path: Path) -> None:
    benchmark = Benchmark(tmp_path, {**CONFIG, "strategies": {"author": AUTHOR}})
    answers = tmp_path / "answers" / RUN
    write_answer(answers / "000.jsonl", [line(text) for text in FIRST])

    waiting = benchmark.run()
    assert waiting.status != 0
    assert waiting.trained == {f"{RUN}/waves/000/00"}
    assert f"gp-cells prompt {RUN}" in waiting.said

    prompt = tmp_path / "prompt.md"
    ask = [sys.executable, "-m", "gp_cells", "prompt", RUN, "--to", str(prompt)]
    subprocess.run(ask, cwd=tmp_path, check=True, capture_output=True)
    assert "soft" in prompt.read_text() and "h' = tanh(gate1)" in prompt.read_text()

    write_answer(answers / "001.jsonl", [line("h' = sigmoid(gate1) * tanh(gate2)")])
    finished = benchmark.finish()
    assert f"{RUN}/waves/000/00" not in finished.trained
    [refused, taken] = Results(tmp_path / "results").table("candidates").to_pylist()
    assert "there is no function 'soft'" in refused["note"]
    assert taken["operator"] == "dictated"

    again = Benchmark(tmp_path / "again", benchmark.config)
    again.folder.mkdir()
    (again.folder / "answers").symlink_to(tmp_path / "answers")
    again.finish("-c1", PYTHONHASHSEED="7")
    assert differing(benchmark.deterministic(), again.deterministic()) == set()
