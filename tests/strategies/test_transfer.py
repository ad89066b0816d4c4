"""A search that begins with cells found elsewhere: what it trains, where it goes on, what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.played import played
from support.specs import planned
from support.tiny import TINY

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import config_of, read_plan
from gp_cells.genomes.genome import parse
from gp_cells.plugins import fill_in
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.spaces.recurrent_graph import RecurrentGraph
from gp_cells.strategies.transfer import Transfer

SPACE = Recurrent()
FOUND = "# found on peptides: other-peptides-gp-s1/w002-03, validation loss 0.4\nh' = tanh(gate1)\n"
CELLS = (FOUND, "h' = relu(gate1) + gate2", "lstm")


def test_the_cells_are_trained_first_as_they_are_and_say_where_they_come_from() -> None:
    first = played(Transfer(CELLS), SPACE, [4])
    assert [of.operator for of in first[:3]] == ["transfer"] * 3
    assert [of.parents for of in first] == [()] * 4
    assert first[0].genome == "h' = tanh(gate1)"
    assert first[0].note["found_on"] == "peptides"
    assert first[0].note["source"].startswith("found on peptides: other-peptides-gp-s1/w002-03")
    assert len(first[0].note["text"]) == 32
    assert (first[1].note["found_on"], first[1].note["source"]) == (None, "")
    assert first[2].note["source"] == "lstm"


def test_children_are_new_and_of_the_best_architectures_so_far() -> None:
    history = played(Transfer(CELLS, parents=2), SPACE, [3, 4, 4], failing=["w000-01"])
    ids = [of.architecture_id for of in history]
    assert len(set(ids)) == len(ids)
    for wave in (1, 2):
        seen = sorted((of for of in history if of.wave < wave), key=lambda of: of.fitness)
        best = {of.candidate for of in seen[:2]}
        children = [of for of in history if of.wave == wave]
        assert {parent for of in children for parent in of.parents} <= best
        assert any(of.parents for of in children)


def test_waves_of_any_width_train_each_cell_once() -> None:
    for widths, lag in (([1, 1, 1, 1], 3), ([2, 2, 2], 2), ([4, 3, 3], 2), ([1, 4, 1, 1], 1)):
        Transfer(CELLS).check(planned(*widths, lag=lag), SPACE)
        history = played(Transfer(CELLS), SPACE, widths, lag=lag)
        assert [of.operator for of in history].count("transfer") == 3
        assert [of.operator for of in history[:3]] == ["transfer"] * 3


def test_a_cell_of_another_space_will_do_where_its_text_can_be_read() -> None:
    graph = RecurrentGraph()
    text = "h' = tanh(gate1) + h"
    [only] = Transfer((text,)).propose([], 0, 1, graph, 1)
    assert only.genome == parse(text, graph.language).canonical()


@pytest.mark.parametrize(
    ("cells", "slots", "said"),
    [
        (
            ("h' = soft(gate1)",),
            (2,),
            "cell 1 (h' = soft(gate1)) is no cell of the language recurrent: ",
        ),
        ((FOUND, "h' = h * h"), (2,), "cell 2 (h' = h * h) is outside the limits of the space"),
        (
            ("lstn",),
            (2,),
            "cell 1 (lstn) is neither formulas nor a hand-designed cell of the space (gru,",
        ),
        ((FOUND, "h' = tanh(gate1)"), (2,), "are the same architecture; leave one out"),
        (CELLS, (2,), "3 cells, and 1 waves of 2 slots cannot train them all"),
        (CELLS, (2, 1, 3), "3 cells take the slots in order, for which with a lag of 2 waves need"),
    ],
)
def test_what_cannot_be_transferred_is_refused_in_a_line(
    cells: tuple[str, ...], slots: tuple[int, ...], said: str
) -> None:
    with pytest.raises(SettingError) as refused:
        Transfer(cells).check(planned(*slots, lag=2), SPACE)
    assert str(refused.value).startswith("transfer.cells: ") and said in str(refused.value)
    assert "\n" not in str(refused.value)


# --- files ----------------------------------------------------------------------------------------


def config_with(cells: Sequence[str]) -> dict[str, Any]:
    [entry] = TINY["strategies"].values()
    given = {**entry, "name": "transfer", "settings": {"cells": list(cells)}}
    return {**TINY, "strategies": {"moved": given}}


def test_a_plan_has_the_texts_of_files_and_makes_a_run_again_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    (folder / "b.cell").write_text("h' = relu(gate1) + gate2\n")
    (folder / "a.cell").write_text(FOUND)
    (tmp_path / "c.cell").write_text("h' = sigmoid(gate1)  # of my own, see a.cell")
    config = config_with([f"{folder}/", str(tmp_path / "c.cell"), "lstm"])
    [run] = read_plan(config).runs.values()
    own = "h' = sigmoid(gate1)  # of my own, see a.cell\n"
    assert run.config.strategy.settings["cells"] == [
        *(FOUND, "h' = relu(gate1) + gate2\n"),
        *(own, "lstm"),
    ]
    for path in (folder / "a.cell", folder / "b.cell", tmp_path / "c.cell"):
        path.unlink()
    [again] = read_plan(config_of([fill_in(run.config)])).runs.values()
    assert again.config.strategy.settings["cells"] == run.config.strategy.settings["cells"]


def test_files_that_are_missing_or_unreadable_are_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    (tmp_path / "bytes.cell").write_bytes(b"h' = \xff\xfe\x00")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("a.cell", "a.cell is missing"),
        ("bytes.cell", "it is UTF-16 or no text at all"),
        ("empty/", "is no folder with .cell files"),
    ):
        with pytest.raises(SettingError) as refused:
            read_plan(config_with([f"{tmp_path}/{name}"]), "my.yaml")
        told = str(refused.value)
        assert told.startswith("my.yaml: strategies.moved.settings.cells: ") and said in told
        assert "\n" not in told
