import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from support.tiny import TINY

from gp_cells.config.files import write_json
from gp_cells.config.plan import read_plan
from gp_cells.workflow.board import Board
from gp_cells.workflow.jobs import Job

PLAN = read_plan(
    {
        **TINY,
        "strategies": {
            "gp": {"name": "gp", "search": {"waves": 2, "slots": 3, "lag": 1, "finalists": 1}}
        },
    }
)
[RUN] = PLAN.runs.values()
FIRST = RUN.wave(0)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def board(is_elsewhere: bool = False) -> tuple[Board, StringIO]:
    stream = StringIO()
    made = Board(PLAN, stream, 2, is_elsewhere)
    made.open()
    return made, stream


def job(number: int, folder: str, started_s: float = 100.0) -> Job:
    outputs = (f"{folder}/fitness.json", f"{folder}/trial.h5")
    logs = (f"{folder}.log",)
    return Job(number=number, rule="train", outputs=outputs, logs=logs, started_s=started_s)


def bred(number: int, folders: list[str]) -> Job:
    outputs = (f"{RUN.wave_folder(0)}/lineage.json", *(f"{of}/genome.json" for of in folders))
    return Job(number=number, rule="breed_gp", outputs=outputs, logs=(), started_s=90.0)


def end(folder: str, fitness: float | None, status: str | None = None) -> None:
    candidate = f"w{folder[-6:].replace('/', '-')}"
    value: dict[str, Any] = {
        "run": RUN.name,
        "candidate": candidate,
        "architecture_id": "0",
        "reason": "",
    }
    value |= {"seed": 1, "learning_rate": 0.01, "objectives": {}, "curve": [], "best_epoch": None}
    value |= {"fitness": fitness, "status": status or ("diverged" if fitness is None else "ok")}
    write_json(Path(folder, "fitness.json"), value)


def open_log(of: Job, at_s: float, text: str = "") -> None:
    Path(of.logs[0]).parent.mkdir(parents=True, exist_ok=True)
    Path(of.logs[0]).write_text(text)
    os.utime(of.logs[0], (at_s, at_s))


def counted(told: Board, now: float) -> tuple[int, int, int]:
    work = told.work(now)
    return work.running, work.queued, work.failed


def test_what_is_bred_waits_until_it_is_started_and_is_done_when_its_file_says_so():
    told, stream = board()
    told.start(bred(1, FIRST))
    told.finish(1, 95.0)
    assert counted(told, 95.0) == (0, 3, 0)

    told.start(job(2, FIRST[0]))
    told.start(job(3, FIRST[1]))
    assert counted(told, 101.0) == (2, 1, 0)
    end(FIRST[1], 2.5)
    told.finish(3, 110.0)

    assert counted(told, 110.0) == (1, 1, 0)
    said = stream.getvalue().splitlines()
    assert said == [
        "[0/7] nothing is done yet",
        f"[1/7] {RUN.name}/w000-01: 2.5000 · the best on bach so far · time left unknown",
    ]


def test_a_submitted_trial_is_queued_until_its_log_is_opened():
    told, _ = board(is_elsewhere=True)
    submitted = job(2, FIRST[0])
    told.start(submitted)
    assert counted(told, 130.0) == (0, 1, 0)

    open_log(submitted, 120.0)

    assert counted(told, 130.0) == (1, 0, 0)


def test_a_failed_try_is_told_and_counts_until_it_is_tried_again():
    told, stream = board()
    first = job(2, FIRST[0])
    told.start(first)
    open_log(first, 101.0, "RuntimeError: no such device\n")
    told.fail(2, first.logs)
    assert counted(told, 102.0) == (0, 0, 1)

    told.start(job(2, FIRST[0], 103.0))

    assert counted(told, 104.0) == (1, 0, 0)
    _, failed, again = stream.getvalue().splitlines()
    assert failed == (f"failed: {first.name}: RuntimeError: no such device · log: {first.logs[0]}")
    assert again == f"tried again: {first.name}"


def test_a_trial_that_is_made_again_is_told_again_and_counted_once():
    end(FIRST[0], 2.5)
    told, stream = board()

    told.start(job(2, FIRST[0]))
    end(FIRST[0], 2.75)
    told.finish(2, 110.0)

    first, again = stream.getvalue().splitlines()
    assert first == "[1/7] done before"
    assert again.startswith(f"[1/7] {RUN.name}/w000-00: 2.7500 · the best on bach so far · ")


def test_what_a_step_noted_in_its_log_is_passed_on():
    told, stream = board()
    prepare = Job(
        number=1, rule="prepare", outputs=("a.json",), logs=("prepare.log",), started_s=1.0
    )
    told.start(prepare)
    open_log(prepare, 2.0, "gp-cells step prepare: the column '' is left out\n")

    told.finish(1, 3.0)

    assert stream.getvalue().splitlines()[-1].endswith("the column '' is left out")


def test_what_ended_unnoticed_is_told_at_the_close():
    told, stream = board()
    told.start(job(2, FIRST[0]))
    end(FIRST[0], None)

    told.close()

    line = stream.getvalue().splitlines()[-1]
    assert line.startswith(f"[1/7] {RUN.name}/w000-00: diverged · best on bach none · 1 failed")


def test_a_supernet_has_no_loss_and_has_not_failed():
    told, stream = board(is_elsewhere=True)
    end(FIRST[0], None, status="ok")
    told.start(job(1, FIRST[0]))
    told.finish(1, 110.0)

    [line] = [line for line in stream.getvalue().splitlines() if line.startswith("[1/7]")]
    assert line.startswith(f"[1/7] {RUN.name}/w000-00: ok · best on bach none · ")
    assert "failed" not in line
