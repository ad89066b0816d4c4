import os
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.tiny import TINY

from gp_cells.config.files import write_json
from gp_cells.config.plan import read_plan
from gp_cells.config.typed_json import read_record
from gp_cells.workflow import tally as tallies
from gp_cells.workflow import watch
from gp_cells.workflow.show import block
from gp_cells.workflow.tally import Tally
from gp_cells.workflow.watch import first_line, follow, progress_block, progress_lines

GP, RANDOM = "tiny-bach-gp-s1", "tiny-bach-random-s1"
PLAN = read_plan(
    {
        **TINY,
        "strategies": {
            name: {"name": name, "search": {"waves": 2, "slots": 2, "lag": 1, "finalists": 1}}
            for name in ("gp", "random")
        },
    }
)  # five trials each: four candidates and one replicate


def finish(root: Path, run: str, place: str, fitness: float | None, second: int) -> Path:
    """Write a fitness file as if at a second of the epoch."""
    path = root / "results/runs" / run / place / "fitness.json"
    value: dict[str, Any] = {
        "run": run,
        "candidate": place.replace("waves/", "w").replace("replicates/", "r").replace("/", "-"),
        "architecture_id": "0",
    }
    value |= {"objectives": {}, "curve": [], "fitness": fitness, "best_epoch": None}
    value |= {"seed": 1, "learning_rate": 0.01, "reason": ""}
    write_json(path, {**value, "status": "diverged" if fitness is None else "ok"})
    os.utime(path, (second, second))
    return path


def looked(root: Path) -> Tally:
    tally = Tally(PLAN, root)
    tally.look()
    return tally


def test_a_line_tells_a_trial_the_best_whose_it_is_and_the_time_left(tmp_path):
    tally = Tally(PLAN, tmp_path)
    finish(tmp_path, GP, "waves/000/00", 2.5, 10)
    tally.look()
    finish(tmp_path, RANDOM, "waves/000/00", 3.0, 30)
    finish(tmp_path, GP, "waves/000/01", 2.25, 20)

    lines = progress_lines(tally, tally.look(), 1, 240.0)  # two new ones in 240 s, seven to go

    assert lines == [
        f"[2/10] {GP}/w000-01: 2.2500 · the best on bach so far · about 14 min left",
        f"[3/10] {RANDOM}/w000-00: 3.0000 · best on bach 2.2500 by gp (s1/w000-01)"
        " · about 14 min left",
    ]


def test_a_line_counts_failures_and_knows_no_pace_before_anything_new_is_done(tmp_path):
    tally = Tally(PLAN, tmp_path)
    finish(tmp_path, GP, "waves/000/00", None, 10)

    [line] = progress_lines(tally, tally.look(), 1, 60.0)

    said = "diverged · best on bach none · 1 failed · time left unknown"
    assert line == f"[1/10] {GP}/w000-00: {said}"


def test_a_file_that_is_being_written_is_read_again(tmp_path):
    half = finish(tmp_path, GP, "waves/000/00", 2.5, 10)
    whole = half.read_text()
    half.write_text("{")
    tally = Tally(PLAN, tmp_path)
    assert [trial.status for trial in tally.look()] == ["unreadable"]

    half.write_text(whole)

    assert [(trial.name, trial.fitness) for trial in tally.look()] == [(f"{GP}/w000-00", 2.5)]


def test_a_look_reads_none_again_but_the_new(tmp_path, monkeypatch):
    finish(tmp_path, GP, "waves/000/00", 2.5, 10)
    tally = looked(tmp_path)
    new = finish(tmp_path, GP, "waves/000/01", 2.5, 11)
    read: list[Path] = []

    def noted(kind: type, path: Path) -> Any:
        read.append(path)
        return read_record(kind, path)

    monkeypatch.setattr(tallies, "read_record", noted)

    tally.look()

    assert read == [new]


@pytest.mark.parametrize(("large", "waited_s"), [(10, 3.0), (4, 7.5)])
def test_looks_at_a_large_plan_are_rarer(tmp_path, monkeypatch, large, waited_s):
    waits: list[float] = []
    ended = (False, True)
    monkeypatch.setattr(watch, "LARGE", large)
    monkeypatch.setattr(watch, "_is_running", lambda _: not ended[len(waits)])
    monkeypatch.setattr("time.sleep", waits.append)

    follow(PLAN, tmp_path, None, 3.0)

    assert waits == [waited_s]


def test_a_block_has_a_row_for_each_strategy_on_each_task(tmp_path):
    for place in ("waves/000/00", "waves/000/01", "waves/001/00", "waves/001/01"):
        finish(tmp_path, GP, place, 2.5, 10)
    finish(tmp_path, GP, "replicates/00-0-0", 2.25, 20)
    finish(tmp_path, RANDOM, "waves/000/00", None, 20)

    shown = StringIO()
    Console(width=120, file=shown).print(progress_block(looked(tmp_path), 0, 120.0))
    head, gp, random = (line.rstrip() for line in shown.getvalue().splitlines())

    assert head == "tiny: 6 of 10 trials · 1 failed · 3 a minute · about 2 min left"
    assert gp.split()[:2] == ["bach", "gp"]
    assert "━" * 20 in gp and "5 of 5" in gp and "1 of 1 runs" in gp
    assert "best 2.2500 s1/r00-0-0" in gp
    assert random.count("━") == 4 and "1 of 5" in random and "0 of 1 runs" in random
    assert "best none" in random and "1 failed" in random


def begin(root: Path, place: str, log: str | None, second: int = 100) -> None:
    """Breed a trial and, if its log has any text, let its job begin at a second."""
    folder = root / "results/runs" / GP / place
    folder.mkdir(parents=True)
    (folder / "genome.json").write_text("{}")
    if log is not None:
        path = root / "results/logs/train" / GP / f"{place}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log)
        os.utime(path, (second, second))


def test_while_a_run_is_under_way_its_jobs_are_counted_from_its_files(tmp_path):
    finish(tmp_path, GP, "replicates/00-0-0", 2.5, 110)
    begin(tmp_path, "waves/000/00", "")
    begin(tmp_path, "waves/000/01", "gp-cells step train: results/data/x is missing\n")
    begin(tmp_path, "waves/001/00", "", second=10)  # of a run before this one
    begin(tmp_path, "waves/001/01", None)

    def head(lines: int) -> list[str]:
        shown = StringIO()
        Console(width=120, file=shown).print(progress_block(looked(tmp_path), 0, 60.0))
        return [line.rstrip() for line in shown.getvalue().splitlines()[:lines]]

    assert "running" not in str(head(9))
    lock = tmp_path / ".snakemake/locks/0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (90, 90))

    assert head(2)[1] == (
        "1 running · 2 queued · 1 done · 0 failed by the candidate · 1 failed by the machine"
    )
    assert first_line(looked(tmp_path)) == (
        "[1/10] done before · 1 running · 2 queued · 1 failed by the machine"
    )


def test_a_block_with_a_row_too_many_for_the_terminal_has_a_row_for_each_task(tmp_path):
    finish(tmp_path, RANDOM, "waves/000/00", 2.5, 20)

    shown = StringIO()
    Console(width=100, file=shown).print(block(looked(tmp_path), [], height=7))
    _, row = (line.rstrip() for line in shown.getvalue().splitlines())

    assert "1 of 10" in row and "0 of 2 runs" in row and "best 2.5000 random s1/w000-00" in row


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_gets_a_block_that_is_drawn_again_and_a_pipe_lines(
    tmp_path, monkeypatch, capsys, is_terminal
):
    finish(tmp_path, GP, "waves/000/00", 2.5, 10)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    rest = [("waves/000/01",), ("waves/001/00", "waves/001/01", "replicates/00-0-0")]

    def work(_):
        for place in rest.pop(0) if rest else []:
            finish(tmp_path, GP, place, 2.0, 20)
        if not rest:
            for place in ("waves/000/00", "waves/000/01", "waves/001/00", "waves/001/01"):
                finish(tmp_path, RANDOM, place, 3.0, 30)
            finish(tmp_path, RANDOM, "replicates/00-0-0", 3.0, 30)

    monkeypatch.setattr("time.sleep", work)

    follow(PLAN, tmp_path, None, 1.0)

    said = capsys.readouterr().err
    # a block is three lines, drawn over twice and at the end: its last line is emptied, and two above
    assert said.count("\x1b[2K" + "\x1b[1A\x1b[2K" * 2) == (3 if is_terminal else 0)
    assert is_terminal or "\x1b" not in said
    assert "all done" in said
    if is_terminal:
        assert re.findall(r"tiny: (\d+) of 10 trials", said)[:3] == ["1", "2", "10"]
    else:
        told = [line.split("/")[0] for line in said.splitlines()]
        assert told == [f"[{number}" for number in range(1, 11)]
