"""Modules and blueprints through the whole workflow, with genes, and what each part was worth by SQL."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.benchmark import CONFIG, Benchmark, differing

from gp_cells.genomes.genome import written
from gp_cells.results import Results
from gp_cells.spaces.modular import LANGUAGE
from gp_cells.strategies import Outcome
from gp_cells.strategies.codeepneat import credits_of

MODULAR: dict[str, Any] = {
    **CONFIG,
    "benchmark": "tiny",
    "space": {"name": "modular", "settings": {"reductions": 1, "calls": 3}},
    "tasks": {
        "digits": {
            "name": "digits",
            "settings": {"recipe": {"units": 4, "layers": 1, "batch_size": 128, "epochs": 1}},
        }
    },
    "strategies": {
        "codeepneat": {
            "name": "codeepneat",
            "settings": {"blueprints": 3, "modules": 4, "species": 2},
            "search": {
                "waves": 3,
                "slots": 4,
                "lag": 1,
                "finalists": 1,
                "genes": {"learning_rate": {"low": 0.001, "high": 0.03, "scale": "log"}},
            },
        }
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101]},
    "measures": [],
    "training": {**CONFIG["training"], "engine": "eager"},
}

CREDITS = """
select role, part, avg(fitness) as credit, count(fitness) as networks
from assemblies join candidates using (run, candidate)
group by run, role, part having count(fitness) > 0
"""


@pytest.fixture(scope="module")
def modular(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    benchmark = Benchmark(tmp_path_factory.mktemp("modular"), MODULAR)
    benchmark.finish()
    return benchmark


def test_one_worker_and_another_hash_seed_give_the_same_bytes(
    modular: Benchmark, tmp_path: Path
) -> None:
    other = Benchmark(tmp_path, MODULAR)
    other.finish("-c1", PYTHONHASHSEED="7")
    assert differing(modular.deterministic(), other.deterministic()) == set()


def test_sql_gives_each_part_the_credit_that_the_strategy_gave_it(modular: Benchmark) -> None:
    results = Results(modular.folder / "results")
    outcomes = [
        Outcome(
            candidate=row["candidate"],
            wave=row["wave"],
            genome="",
            architecture_id=row["architecture_id"],
            status=row["status"],
            fitness=math.inf if row["fitness"] is None else row["fitness"],
            note=None if row["note"] is None else json.loads(row["note"]),
        )
        for row in results.table("candidates").to_pylist()
    ]
    by_strategy = {
        (role, written(credit.term, LANGUAGE)): credit.means[0]
        for role, credits in zip(
            ("blueprint", "module"), credits_of(outcomes, ("fitness",), LANGUAGE), strict=True
        )
        for credit in credits
    }
    rows = results.query(CREDITS).to_pylist()
    by_sql = {(row["role"], row["part"]): row["credit"] for row in rows}
    assert by_sql == pytest.approx(by_strategy)
    assert any(row["networks"] > 1 for row in rows)


def test_every_candidate_was_assembled_of_one_blueprint_and_the_modules_it_calls(
    modular: Benchmark,
) -> None:
    sql = """
        select candidate, count(*) filter (role = 'blueprint') as blueprints,
            count(*) filter (role = 'module') as modules, any_value(formulas) as formulas
        from assemblies join candidates using (run, candidate)
            join architectures using (run, architecture_id)
        group by candidate"""
    rows = Results(modular.folder / "results").query(sql).to_pylist()
    assert len(rows) == 12
    assert all((row["blueprints"], row["modules"] + 1) == (1, row["formulas"]) for row in rows)
