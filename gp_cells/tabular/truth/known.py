"""The complete tables by name, each with its space and the best that is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from gp_cells.config.choose import SettingError
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.tabular.truth import nas_bench_201, nas_bench_graph
from gp_cells.tabular.truth.play import Row, Table


@dataclass(frozen=True)
class Truth:
    """A table with its space and all its rows; fitness and test are shares of wrong answers."""

    space: Vocabulary
    table: Table
    rows: Callable[[], Sequence[Row]]


GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")


def graphs(dataset: str) -> Truth:
    """Return NAS-Bench-Graph on one of its data sets."""
    return Truth(
        nas_bench_graph.NASBenchGraph(),
        nas_bench_graph.table(dataset),
        partial(nas_bench_graph.rows, dataset),
    )


def _cells() -> Truth:
    return Truth(nas_bench_201.NASBench201(), nas_bench_201.table, nas_bench_201.rows)


TRUTHS: Mapping[str, Callable[[], Truth]] = {
    "nas_bench_201": _cells,
    **{f"nas_bench_graph_{dataset}": partial(graphs, dataset) for dataset in GRAPHS},
}


def truth(name: str) -> Truth:
    """Return a table by its name.

    Raises:
        SettingError: there is none of that name, or its package is not installed.
    """
    if name not in TRUTHS:
        raise SettingError(f"there is no table {name!r}; choose one of {', '.join(TRUTHS)}")
    try:
        return TRUTHS[name]()
    except ImportError as error:
        raise SettingError(f"{name}: {error}; pip install 'gp-cells[truth]'") from error


@cache
def least(name: str) -> tuple[float, float]:
    """Return the lowest fitness and the lowest test error of a table."""
    rows = truth(name).rows()
    return min(row.fitness for row in rows), min(row.test for row in rows if row.test is not None)
