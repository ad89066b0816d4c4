"""Genes for training: drawn, inherited, mutated, kept where a trial resumes, and refused at the door."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.genes import Choice, Range, genes_from
from gp_cells.config.plan import read_plan
from gp_cells.config.records import LineageEntry, RunSettings
from gp_cells.config.typed_json import read_record, read_records, write_record
from gp_cells.genomes.genome import parse
from gp_cells.plugins import fill_in, vocabulary_of
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.genes import with_genes
from gp_cells.strategies.strategy import told
from gp_cells.workflow.steps import breed, propose, settings_of

GENES = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"},
    "warm_up": {"low": 0, "high": 20},
    "optimiser": ["adam", "sgd"],
}


def with_search(tiny: dict[str, Any], name: str = "gp", **changed: Any) -> dict[str, Any]:
    config = copy.deepcopy(tiny)
    strategy = config["strategies"]["gp"]
    strategy |= {"name": name, "settings": changed.pop("settings", {})}
    strategy["search"] |= {"genes": GENES, **changed}
    return config


def filled(config: dict[str, Any]) -> Any:
    [run] = read_plan(config).runs.values()
    return fill_in(run.config)


@pytest.fixture
def searched(tiny: dict[str, Any], settings: Path) -> RunSettings:
    """The settings of the tiny run, its candidates with genes."""
    data = read_record(RunSettings, settings).data
    [run] = read_plan(with_search(tiny)).runs.values()
    return settings_of(run.config, data)


def outcomes(
    proposals: Sequence[Proposal], wave: int, losses: Sequence[float] | None = None
) -> list[Outcome]:
    """Return invented outcomes of a wave, the first slot the best."""
    found = []
    for slot, proposal in enumerate(proposals):
        loss = 1.0 + slot if losses is None else losses[slot]
        outcome = Outcome(
            candidate=f"w{wave:03d}-{slot:02d}",
            wave=wave,
            genome=str(proposal.genome),
            architecture_id=proposal.genome.architecture_id,
            status="ok",
            fitness=loss,
        )
        state = f"{wave} {slot}"
        found.append(told(outcome, proposal, state, 1, loss))
    return found


@given(st.integers(0, 2**32), st.sampled_from(["linear", "log"]), st.booleans())
def test_a_gene_never_leaves_its_range_however_often_it_is_mutated(
    seed: int, scale: Any, whole: bool
) -> None:
    rng, gene = np.random.default_rng(seed), Range(1.0, 37.0, scale, whole)
    value = gene.drawn(rng)
    for _ in range(20):
        assert 1 <= value <= 37
        assert not whole or value == int(value)
        value = gene.mutated(value, rng)
    assert Choice(("a", "b")).mutated("a", rng) == "b"


def test_a_log_range_is_drawn_and_moved_by_factors() -> None:
    rng, gene = seeds.generator(purpose="test"), Range(1e-4, 1e-2, "log")
    drawn = np.log10([gene.drawn(rng) for _ in range(2000)])
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([-3.5, -3, -2.5], abs=0.1)
    moved = np.log10([gene.mutated(1e-3, rng) for _ in range(2000)]) + 3
    assert (moved.mean(), moved.std()) == pytest.approx((0, 0.4), abs=0.03)


def test_fresh_genomes_draw_and_children_inherit_with_a_mutation_now_and_then(
    searched: RunSettings,
) -> None:
    first = propose(searched, (), 0)
    own = [of.recipe or {} for of in first]
    assert all(set(of) == set(GENES) for of in own)
    assert len({of["learning_rate"] for of in own}) == len(own)
    kept = changed = 0
    for turn in range(15):
        history = outcomes(first, 0, [float(loss) for loss in np.roll(range(4), turn)])
        by_name = {of.candidate: of.recipe or {} for of in history}
        for child in propose(searched, history, 1):
            for name, value in (child.recipe or {}).items() if child.parents else ():
                theirs = [by_name[parent][name] for parent in child.parents]
                kept += value in theirs
                changed += value not in theirs
    assert 0.1 < changed / (kept + changed) < 0.45


def test_a_crossing_takes_each_gene_from_one_of_its_parents() -> None:
    space, genes = Recurrent(), genes_from({"dropout": {"low": 0, "high": 0.9}}, "genes")
    texts = ("h' = tanh(gate1)", "h' = sigmoid(gate1)")
    a, b = (parse(text, space.language).canonical() for text in texts)
    parents = [
        dataclasses.replace(of, recipe={"dropout": value})
        for of, value in zip(
            outcomes([Proposal(a, "s"), Proposal(b, "s")], 0), (0.1, 0.8), strict=True
        )
    ]
    names = tuple(of.candidate for of in parents)
    child = parse("h' = tanh(gate1) + sigmoid(gate2)", space.language).canonical()
    given = [
        with_genes([Proposal(child, "cross", names)], genes, parents, wave, 1)[0].recipe
        for wave in range(60)
    ]
    drawn = [(of or {})["dropout"] for of in given]
    assert drawn.count(0.1) > 10
    assert drawn.count(0.8) > 10
    assert 5 < len(drawn) - drawn.count(0.1) - drawn.count(0.8) < 35


def test_a_trial_that_resumes_keeps_its_genes_and_one_that_inherits_may_not(
    tiny: dict[str, Any], settings: Path
) -> None:
    plan = {"slots": [8, 8], "waves": 2}
    config = with_search(tiny, "culling", settings={"dropped": 0.5}, **plan)
    [run] = read_plan(config).runs.values()
    made = settings_of(run.config, read_record(RunSettings, settings).data)
    history = outcomes(propose(made, (), 0), 0)
    by_name = {of.candidate: of.recipe or {} for of in history}
    after = propose(made, history, 1)
    assert all((of.recipe or {})["epochs"] == 1 for of in after)
    for of in after[:4]:
        assert of.recipe == by_name[of.start or ""]
    assert any(of.recipe != by_name[of.start or ""] for of in after[4:])


def test_a_search_of_a_fixed_cell_varies_its_training_alone(
    tiny: dict[str, Any], settings: Path
) -> None:
    data = read_record(RunSettings, settings).data
    for name, own in (("gp", {}), ("aging", {"population": 4, "sample": 2}), ("random", {})):
        config = with_search(tiny, name, settings=own, cells=["lstm"])
        [run] = read_plan(config).runs.values()
        made = settings_of(run.config, data)
        [lstm] = vocabulary_of(made).genomes  # type: ignore[attr-defined]
        first = propose(made, (), 0)
        history = outcomes(first, 0)
        children = propose(made, history, 1)
        assert {of.genome.architecture_id for of in (*first, *children)} == {lstm.architecture_id}
        if name != "random":
            known = [of.recipe for of in history]
            assert all(child.parents and child.recipe not in known for child in children)


def test_the_lineage_has_the_genes_and_equal_histories_give_equal_bytes(
    tiny: dict[str, Any], settings: Path, tmp_path: Path, searched: RunSettings
) -> None:
    write_record(tmp_path / "settings.json", searched)
    for copy_ in ("a", "b"):
        breed(tmp_path / "settings.json", None, tmp_path / copy_ / "waves/000")
    one, other = (tmp_path / c / "waves/000/lineage.json" for c in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()
    entries = read_records(LineageEntry, one)
    assert all(set(entry.recipe or {}) == set(GENES) for entry in entries)


@pytest.mark.parametrize(
    ("genes", "said"),
    [
        ({"learning_rat": [1]}, "there is no 'learning_rat'; choose one of learning_rate"),
        ({"learning_rate": {"low": 1, "high": 0.1}}, "expected low below high, got 1 and 0.1"),
        (
            {"dropout": {"low": 0, "high": 2}},
            "recipe.dropout: expected at least 0 and at most 0.95",
        ),
        (
            {"dropout": {"low": 0, "high": 0.5, "scale": "log"}},
            "expected low above 0 on a log scale",
        ),
        ({"optimiser": {"low": 0, "high": 1}}, "expected a list of values, got a range"),
        ({"optimiser": ["adam", "adagrad"]}, "there is no 'adagrad'; choose one of adam, sgd"),
        ({"optimiser": ["adam", "adam"]}, "each named once"),
        ({"shift": {"low": 0, "high": 2}}, "recipe.shift: only images are moved"),
        ({"flip": [True, False]}, "recipe.flip: only images are moved"),
    ],
)
def test_a_gene_that_is_none_is_refused_in_a_line_with_its_place(
    tiny: dict[str, Any], genes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingError, match=r"strategies\.gp\.search\.genes") as refused:
        filled(with_search(tiny, genes=genes))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_genes_that_somebody_else_sets_are_refused(tiny: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="the strategy pbt sets learning_rate itself"):
        filled(with_search(tiny, "pbt"))
    filled(with_search(tiny, "pbt", genes={"optimiser": ["adam", "sgd"]}))
    config = with_search(tiny)
    config["finalists"]["recipe"] = {"warm_up": 3}
    with pytest.raises(SettingError, match=r"finalists.recipe.warm_up: finalists keep their genes"):
        filled(config)


def test_smoothing_is_refused_once_the_data_are_known_to_have_no_classes(
    tiny: dict[str, Any], settings: Path
) -> None:
    [run] = read_plan(with_search(tiny, genes={"label_smoothing": [0.0, 0.1]})).runs.values()
    with pytest.raises(SettingError, match="label_smoothing: only classes are smoothed"):
        settings_of(run.config, read_record(RunSettings, settings).data)


def test_cells_are_of_the_space_and_need_genes(tiny: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"search.cells: there is no 'lstn'; choose from"):
        filled(with_search(tiny, cells=["lstn"]))
    tiny["strategies"]["gp"]["search"]["cells"] = ["lstm"]
    with pytest.raises(SettingError, match=r"search.cells: of a search among .* give genes"):
        filled(tiny)
