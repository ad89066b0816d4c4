"""What a trial is predicted to take, from its size and from the trials that the tables hold."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.specs import make_protocol, make_spec

from gp_cells.cli import main
from gp_cells.config.typed_json import write_record
from gp_cells.workflow import cost
from gp_cells.workflow.cost import Measured, Size, Speed, ask, learn, request, size_of

COUNTS = {"network_parameters": 1000, "network_multiply_adds": 2000, "kept": 800}
FAST = Speed(pass_s=2e-6, multiply_add_s=3e-11, process_mb=300.0, trials=99)


def size_with(counts: dict[str, int] = COUNTS, **recipe: int) -> Size:
    """Return the size of a trial with some of its recipe changed."""
    protocol = make_protocol(**recipe)
    changed = protocol.recipe
    return size_of(counts, protocol.data, changed.epochs, changed.batch_size)


def trials(speed: Speed, sizes: int = 20, busy: float = 1.0) -> list[Measured]:
    """Return trials that took what a speed predicts; the machine held one up `busy` times."""
    made = []
    for i in range(1, sizes + 1):
        size = Size(passes=1e6, multiply_adds=i * 1e10, kept_mb=float(i))
        held_up = busy if i == 3 else 1.0
        made.append(Measured("r", size, held_up * speed.seconds(size), speed.memory_mb(size)))
    return made


@pytest.fixture(autouse=True)
def nothing_learnt() -> None:
    """Forget what was read from tables."""
    cost._speed.cache_clear()


@pytest.mark.parametrize(
    ("changed", "what", "factor"),
    [
        ({"epochs": 40}, "passes", 2.0),
        ({"layers": 3}, "passes", 1.0),
        ({"batch_size": 32}, "multiply_adds", 1.0),
    ],
    ids=str,
)
def test_work_grows_with_epochs_and_not_with_the_batch(
    changed: dict[str, int], what: str, factor: float
) -> None:
    one, other = size_with(), size_with(COUNTS, **changed)
    assert getattr(other, what) == pytest.approx(factor * getattr(one, what))


def test_memory_grows_with_the_batch() -> None:
    assert size_with(batch_size=32).kept_mb > size_with().kept_mb


@pytest.mark.parametrize("name", COUNTS)
def test_a_larger_genome_costs_more(name: str) -> None:
    other = size_with({**COUNTS, name: 2 * COUNTS[name]})
    assert dataclasses.astuple(other) > dataclasses.astuple(size_with())


def test_a_machines_speed_is_learnt_from_its_trials() -> None:
    learnt = learn(trials(FAST))
    assert learnt.pass_s == pytest.approx(FAST.pass_s)
    assert learnt.multiply_add_s == pytest.approx(FAST.multiply_add_s)
    assert learnt.process_mb == pytest.approx(FAST.process_mb)
    assert learnt.trials == 20


def test_a_trial_that_was_held_up_weighs_little() -> None:
    wanted = FAST.seconds(Size(1e6, 1e11, 0.0))
    learnt = learn(trials(FAST, busy=50.0))
    assert learnt.seconds(Size(1e6, 1e11, 0.0)) == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("truth", [Speed(3e-6, 0.0, 300, 0), Speed(0.0, 5e-11, 300, 0)], ids=str)
def test_no_work_is_ever_predicted_to_take_less_than_no_time(truth: Speed) -> None:
    uneven = [
        dataclasses.replace(
            trial, seconds=trial.seconds * (1.3 if i % 2 else 0.7) * (1 + 0.1 / (i + 1))
        )
        for i, trial in enumerate(trials(truth))
    ]
    learnt = learn(uneven)
    assert learnt.pass_s >= 0 and learnt.multiply_add_s >= 0
    assert learnt.pass_s + learnt.multiply_add_s > 0


@pytest.mark.parametrize(
    ("device", "wall_s", "cpu_s", "seconds"),
    [("cpu", 9.0, 2.0, 2.0), ("cpu", 2.0, 3.5, 2.0), ("cuda", 9.0, 2.0, 9.0)],
    ids=["held up by others", "on several cores", "on a GPU"],
)
def test_the_time_of_a_trial_is_that_on_cores_of_its_own(
    device: str, wall_s: float, cpu_s: float, seconds: float
) -> None:
    row = {"device": device, "wall_s": wall_s, "cpu_s": cpu_s}
    assert cost.undisturbed_s(row) == seconds


def test_trials_of_one_size_tell_a_speed_too() -> None:
    same = [Measured("r", Size(1e6, 1e10, 5.0), 2.0, 305.0)] * 12
    assert learn(same).seconds(Size(1e6, 1e10, 5.0)) == pytest.approx(2.0)


def test_too_few_trials_teach_nothing() -> None:
    assert learn(trials(FAST, sizes=9)) == cost.UNMEASURED


# --- what a job asks for --------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A run's protocol and a trial's genome, in a folder without tables."""
    monkeypatch.chdir(tmp_path)
    write_record(Path("protocol.json"), make_protocol())
    write_record(Path("genome.json"), make_spec(**COUNTS))
    return "protocol.json", "genome.json"


def test_a_further_attempt_asks_for_twice_as_much(files: tuple[str, str]) -> None:
    first, second, third = (ask(*files, attempt) for attempt in (1, 2, 3))
    assert second == {name: 2 * amount for name, amount in first.items()}
    assert third == {name: 4 * amount for name, amount in first.items()}


def test_no_more_time_is_asked_for_than_the_trials_own_limit_leaves() -> None:
    assert request(1e9, 300.0, limit_s=600)["runtime"] == 5 + 10


def test_never_less_memory_is_asked_for_than_a_slurm_job_needs() -> None:
    assert request(1.0, 10.0, limit_s=600)["mem_mb"] == 1000


@pytest.mark.parametrize("missing", ["protocol.json", "genome.json"])
def test_a_file_that_is_not_there_yet_is_said_to_be_missing_by_name(
    files: tuple[str, str], missing: str
) -> None:
    Path(missing).unlink()
    with pytest.raises(FileNotFoundError) as error:
        ask(*files, 1)
    assert error.value.filename == missing or str(error.value.filename) == missing


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"parameters": "many"}'])
@pytest.mark.parametrize("file", ["protocol.json", "genome.json"])
def test_a_broken_file_does_not_stop_the_plan(
    files: tuple[str, str], file: str, content: str
) -> None:
    Path(file).write_text(content)
    assert ask(*files, 2) == {"mem_mb": 4000, "runtime": 120}


def test_a_mistake_of_ours_is_not_taken_for_a_broken_file(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none: dict[str, str] = {}
    monkeypatch.setattr(cost, "kind_of", lambda run: none["mistyped"])
    with pytest.raises(KeyError, match="mistyped"):
        ask(*files, 1)


def test_ten_thousand_candidates_are_predicted_in_seconds(files: tuple[str, str]) -> None:
    ask(*files, 1)
    began = time.process_time()
    for _ in range(1000):
        ask(*files, 1)
    assert time.process_time() - began < 1.0


def test_nothing_slow_is_imported_to_predict() -> None:
    program = (
        "import sys, gp_cells.workflow.cost\n"
        "print(sorted({'torch', 'deap', 'pandas', 'pyarrow', 'numpy'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- how well it predicts ------------------------------------------------------------------------


def test_each_run_is_predicted_from_the_others_and_never_from_itself() -> None:
    odd = [dataclasses.replace(t, run="odd", seconds=7 * t.seconds) for t in trials(FAST)]
    lines = cost.compare_with_others(trials(FAST) + odd)
    assert [line.split()[:3] for line in lines] == [["odd", "20", "20"], ["r", "20", "20"]]
    assert all("7.00, 7.00" in line for line in lines)


def test_trials_that_were_asked_too_little_for_are_counted() -> None:
    usual = trials(
        Speed(2e-3, 3e-8, 300.0, 0)
    )  # some take many minutes, so that rounding hides none
    slow = [dataclasses.replace(trial, run="slow", seconds=3 * trial.seconds) for trial in usual]
    lines = cost.compare_with_others(usual + slow)
    assert [line.split()[-1] for line in lines] == ["0", "20"]


def test_without_tables_there_is_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "--results", str(tmp_path)]) == 2
    assert "has no trials" in capsys.readouterr().err


def test_the_fit_is_that_of_least_relative_squares() -> None:
    pairs = [(1.0, 2.0), (2.0, 1.0), (1.5, 1.4), (0.8, 2.1)]
    a, b = cost._fit(pairs)

    def miss(a: float, b: float) -> float:
        return math.fsum((a * x + b * y - 1) ** 2 for x, y in pairs)

    near = [(a + i * 1e-3, b + j * 1e-3) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert min(near, key=lambda ab: miss(*ab)) == (a, b)
