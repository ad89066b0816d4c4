"""The same config gives the same bytes, however it was run, and whatever the test split holds."""

from __future__ import annotations

import gzip
import json
import math
import re
from pathlib import Path

import pytest
from support.benchmark import GP, STEADY, Benchmark, differing, log_in

from gp_cells.config.files import read_json
from gp_cells.config.objectives import COUNTED, MEASURED
from gp_cells.exchange.release.verify import check_rules
from gp_cells.strategies.history import read_history
from gp_cells.tables.parquet import read_tables

# Python imports it before anything else. DEAP's own crossover differs where classes lie elsewhere in
# memory (its issue 190): so modules are imported and classes made that no other run has.
ODD_START = """
import decimal, fractions, html.parser, sqlite3, wsgiref
CLASSES = [type(f"Odd{i}", (object,), {}) for i in range(500)]
"""


def test_four_workers_another_hash_seed_and_another_import_order_change_no_byte(
    base: Benchmark, tmp_path: Path
) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/sitecustomize.py").write_text(
        f"{ODD_START}\nopen({str(tmp_path / 'odd/was_here')!r}, 'w').close()\n"
    )
    (tmp_path / "run").mkdir()
    other = Benchmark(tmp_path / "run")

    other.finish("-c4", PYTHONHASHSEED="1", PYTHONPATH=str(tmp_path / "odd"))

    assert (tmp_path / "odd/was_here").exists()
    assert differing(base.deterministic(), other.deterministic()) == set()


def test_a_benchmark_killed_twice_ends_with_the_bytes_of_one_that_was_not(
    base: Benchmark, tmp_path: Path
) -> None:
    killed = Benchmark(tmp_path)
    del killed.config["strategies"]["steady"]
    for trials in (2, 7):
        killed.run_until_killed(trials)
        killed.finish("--unlock")
    done = set(tmp_path.rglob("fitness.json"))
    assert 7 <= len(done) < len(killed.plan.candidates())
    times = {path: path.stat().st_mtime_ns for path in done}

    ran = killed.finish()

    again = {path for path in done if path.stat().st_mtime_ns != times[path]}
    assert len(again) <= 2  # at most those that were being written
    assert ran.status == 0
    of_gp = {k: v for k, v in base.deterministic().items() if not k.startswith(STEADY)}
    assert differing(of_gp, killed.deterministic()) == set()


def test_a_search_ends_at_its_budget_of_epochs_after_as_many_candidates_on_other_workers(
    copied: Benchmark, tmp_path: Path
) -> None:
    search = {"waves": 5, "slots": 2, "lag": 2, "finalists": 1, "budget": {"epochs": 7}}
    copied.config["strategies"] = {"bounded": {"name": "gp", "search": search}}
    other = copied.copied(tmp_path / "other")

    ran = copied.finish("-c1")
    other.finish("-c4", PYTHONHASHSEED="1")

    assert differing(copied.deterministic(), other.deterministic()) == set()
    assert ran.said.count("the search's budget is spent: no candidates from wave 3 on") == 1
    run = "tiny-bach-bounded-s1"
    trials = read_tables(copied.folder / "results", "trials", [run])
    names = [f"w{wave:03d}-{slot:02d}" for wave in range(3) for slot in range(2)]
    assert sorted(trials["candidate"].to_pylist()) == ["r00-0-0", *names]
    comparison = read_json(copied.folder / "results/report/tiny/comparison.json")
    [row] = [of for of in comparison["tasks"][0]["spent"] if of["strategy"] == "bounded"]
    assert (row["budget"]["spent"], row["budget"]["ended"]) == ({"epochs": [12, 12]}, 1)
    assert list(check_rules(copied.folder / "results")) == []


def test_an_unreadable_test_split_stops_the_rule_test_and_changes_nothing_before_it(
    base: Benchmark, tmp_path: Path
) -> None:
    blind = Benchmark(tmp_path)
    del blind.config["strategies"]["gp"]
    blind.finish("results/data/tiny-bach/data.json")
    (tmp_path / "results/data/tiny-bach/test.npz").write_bytes(b"no test split here")

    ran = blind.run()

    assert ran.status == 1
    assert set(
        re.findall(r"pipefail;  gp-cells step (\w+) .* non-zero exit status 2", log_in(tmp_path))
    ) == {"test"}
    assert f"failed: test {STEADY.rpartition('/')[2]}: gp-cells step test: results/data" in ran.said
    [line] = (tmp_path / "results/logs/test/tiny-bach-steady-s1.log").read_text().splitlines()
    assert line.startswith("gp-cells step test: results/data/tiny-bach/test.npz: not a sound .npz")
    seen = {k: v for k, v in base.deterministic().items() if not k.startswith(GP)}
    assert differing(seen, blind.deterministic()) == {
        "results/data/tiny-bach/test.npz",
        f"{STEADY}/test/test.json",
    }


def test_no_file_that_a_search_reads_holds_a_test_loss(base: Benchmark) -> None:
    tested = [
        str(row["test_loss"])
        for run in (GP, STEADY)
        for row in read_json(base.folder / run / "test/test.json")
    ]
    assert len(tested) == 2
    for run in (GP, STEADY):
        for path in sorted((base.folder / run).rglob("*.json")):
            if path.name == "test.json":
                continue
            value = read_json(path)
            if isinstance(value, dict):
                value.pop("counts", None)  # how many examples there are to test on is no secret
            text = json.dumps(value)
            assert not [loss for loss in tested if loss in text], path
            assert not re.search(r'"test[^"]*": -?[0-9]', text), path
        for path in (base.folder / run).rglob("history.jsonl.gz"):
            rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
            assert {key for row in rows for key in row} == {
                *("candidate", "wave", "genome", "architecture_id", "status", "fitness"),
                "objectives",
            }
            assert all(set(row["objectives"]) == {*COUNTED, *MEASURED} for row in rows)
            assert not [loss for loss in tested if loss in json.dumps(rows)]


def test_a_history_has_every_candidate_up_to_its_wave_in_order(base: Benchmark) -> None:
    for run in base.plan.runs.values():
        for wave in range(run.waves):
            [file] = run.history_after(wave)
            names = [outcome.candidate for outcome in read_history(base.folder / file)]
            assert names == [
                f"w{w:03d}-{s:02d}" for w in range(wave + 1) for s in range(run.widths[w])
            ]


def test_with_a_lag_no_wave_has_parents_newer_than_the_history_it_saw(base: Benchmark) -> None:
    parents = {
        int(entry["candidate"][1:4]): [int(parent[1:4]) for parent in entry["parents"]]
        for path in sorted((base.folder / STEADY).rglob("lineage.json"))
        for entry in read_json(path)
    }
    assert max(parents) == 3
    assert any(parents.values())
    assert not [w for w, seen in parents.items() if any(parent > w - 2 for parent in seen)]


@pytest.mark.parametrize("role", ["search", "replicate"])
def test_the_command_that_a_row_of_trials_names_makes_the_same_fitness_again(
    copied: Benchmark, role: str
) -> None:
    rows = [
        row
        for row in read_tables(copied.folder / "results", "trials").to_pylist()
        if row["role"] == role
    ]
    assert all((copied.folder / row["file"]).is_file() for row in rows)
    file = Path(rows[-1]["file"])
    fitness = (copied.folder / file).with_name("fitness.json")
    before = fitness.read_bytes()

    ran = copied.finish("--force", str(file))

    assert ran.jobs == {f"train/{file.parent.relative_to('results/runs')}"}
    assert fitness.read_bytes() == before
    assert math.isfinite(read_json(fitness)["fitness"])
