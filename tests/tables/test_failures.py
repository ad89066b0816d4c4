"""Codes of failures: from every way in which a trial says that it failed, in Python and in SQL."""

from pathlib import Path

import duckdb
import pytest

from gp_cells import Results
from gp_cells.tables.failures import columns_in_sql, failure_of

ROOT = Path(__file__).parents[2]
ENDS = [
    (("ok", "all epochs done"), (None, None)),
    (("stopped_early", "no better in epoch 9"), (None, None)),
    (
        ("diverged", "training loss or gradient not finite in epoch 12"),
        ("training_not_finite", 12),
    ),
    (("diverged", "validation loss not finite in epoch 1"), ("validation_not_finite", 1)),
    (
        ("diverged", "validation loss exploded in epoch 5: 1286"),
        ("validation_exploded", 5),
    ),
    (("diverged", "the loss is not finite"), ("diverged", None)),
    (("timeout", "over its time limit of 600 s"), ("timeout", None)),
    (("out_of_memory", "CUDA out of memory"), ("out_of_memory", None)),
    (("invalid", ""), ("invalid", None)),
]


@pytest.mark.parametrize(("end", "failure"), ENDS)
def test_a_failure_has_a_code_and_its_epoch_in_python_and_in_sql_alike(
    end: tuple[str, str], failure: tuple[str | None, int | None]
) -> None:
    assert failure_of(*end) == failure
    sql = f"select {columns_in_sql()} from (select ? as status, ? as reason)"
    with duckdb.connect() as connection:
        assert connection.execute(sql, end).fetchone() == failure


def test_tables_from_before_have_the_same_codes_by_every_way_of_reading() -> None:
    reference = Results(ROOT / "results/reference")
    sql = "select failure, failure_epoch from trials order by run, candidate"
    trials = reference.table("trials").sort_by([("run", "ascending"), ("candidate", "ascending")])

    asked = reference.query(sql)
    assert asked["failure"].to_pylist() == trials["failure"].to_pylist()
    assert asked["failure_epoch"].to_pylist() == trials["failure_epoch"].to_pylist()
    found = [code for code in trials["failure"].to_pylist() if code]
    assert (found.count("training_not_finite"), found.count("validation_exploded")) == (76, 32)
