"""The tables: that they hold what their authors trained, and are read without running anything."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gp_cells.config.choose import SettingError
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.tabular.truth import nas_bench_201, nas_bench_graph, pickled
from gp_cells.tabular.truth.nas_bench_201 import OPERATIONS, cell_of, formulas

CELLS = nas_bench_201.NASBench201()
GRAPHS = nas_bench_graph.NASBenchGraph()


@given(cell=some.tuples(*[some.sampled_from(OPERATIONS)] * 6))
@settings(max_examples=200, deadline=None)
def test_a_cell_is_one_canonical_genome_and_back(cell: tuple[str, ...]) -> None:
    genome = Genome(CELLS.language, tuple(formulas(cell))).canonical()
    assert cell_of(genome) == cell
    assert parse(str(genome), CELLS.language) == genome


@pytest.mark.parametrize(
    "text",
    [
        "cell = conv3(x)",
        "a = conv3(x)\ncell = skip(x) + conv3(a)",
        "a = conv3(conv1(x))\ncell = skip(x) + conv3(a) + none(conv1(x) + avg3(a))",
        "a = conv3(x)\ncell = skip(x) + skip(a) + conv3(a) + none(conv1(x) + avg3(a))",
        "a = conv3(x)\ncell = skip(a) + conv3(a) + none(conv1(x) + avg3(a))",
        "a = conv3(x)\ncell = skip(x) + conv3(a) + none(conv1(x) + conv3(x))",
        "a = conv3(x)\ncell = skip(x) + conv3(a) + none(conv1(x) + conv3(skip(a)))",
    ],
)
def test_other_graphs_are_no_cells(text: str) -> None:
    assert not CELLS.admits(parse(text, CELLS.language).canonical())


def test_all_cells_are_there_and_the_best_is_the_known_one() -> None:
    rows = nas_bench_201.rows()
    best = ("conv3", "conv3", "skip", "conv3", "conv1", "conv3")
    assert len(rows) == 15_625
    assert min(row.fitness for row in rows) == nas_bench_201.row_of(best).fitness
    assert nas_bench_201.row_of(best).fitness == pytest.approx(1 - 0.940664)
    assert nas_bench_201.row_of(("none",) * 6).fitness == pytest.approx(0.9)


def test_parameters_are_the_published_ones() -> None:
    assert nas_bench_201.parameters(("conv3",) * 6) == 1_531_546
    assert nas_bench_201.parameters(("none", "avg3", "skip") * 2) == 73_306


def test_a_network_and_its_mirror_image_have_one_row() -> None:
    table = nas_bench_graph.table("cora")
    texts = [
        "network = cheb(fc(gin(gcn(s0012))))",  # gin reads the input, and cheb reads gin
        "network = fc(cheb(gcn(gin(s0012))))",
    ]
    rows = [table(parse(text, GRAPHS.language)) for text in texts]
    assert rows[0] == rows[1]


def test_the_structure_and_the_operations_are_read_in_order() -> None:
    genome = parse("network = cheb(fc(gin(gcn(s0112))))", GRAPHS.language)
    assert nas_bench_graph.list_of(genome) == ([0, 1, 1, 2], ["gcn", "gin", "fc", "cheb"])


@pytest.mark.parametrize("dataset", nas_bench_graph.DATASETS)
def test_whatever_a_search_may_write_has_a_row(dataset: str) -> None:
    table, rng = nas_bench_graph.table(dataset), np.random.default_rng(1)
    genome = variation.sample(GRAPHS, rng)
    for _ in range(100):
        row = table(genome)
        assert 0 < row.fitness < 1
        assert row.test is not None and 0 < row.test < 1
        genome, operator = variation.mutate(GRAPHS, genome, rng)
        assert operator == "replace"
    assert len(nas_bench_graph.rows(dataset)) == 26_206


def test_skips_alone_are_no_network() -> None:
    genome = parse("network = skip(skip(skip(skip(s0123))))", GRAPHS.language)
    assert not GRAPHS.admits(genome)


class Calling:
    """What pickles as a call of `os.mkdir`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["call", "class", "array"])
def test_a_pickle_that_names_anything_else_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    made = tmp_path / "made"
    held = {"call": Calling(made), "class": Path, "array": np.zeros(3)}[kind]
    (tmp_path / "data.anb").write_bytes(pickle.dumps({"x": held}))
    here = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(pickled, "find_spec", lambda package: here)
    with pytest.raises(pickle.UnpicklingError, match="is not a number or a record"):
        pickled.read_pickled("analognasbench", "data.anb", "analog-nasbench")
    assert not made.exists()


def test_a_table_that_is_not_installed_is_named() -> None:
    with pytest.raises(SettingError, match="no_such is not installed; pip install no-such"):
        pickled.read_pickled("no_such", "data", "no-such")
