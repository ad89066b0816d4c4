"""What of a search was new: repeated architectures, edits that come back, and refused texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gp_cells.compare.novelty import novelty, say_novelty, sub_formulas
from gp_cells.compare.records import Records

PLAIN, GATED, OTHER = "h' = tanh(gate1)", "h' = sigmoid(gate1) * tanh(gate2)", "h' = relu(gate1)"


def made(line_of_descent: list[str], notes: list[dict | None]) -> Records:
    """Return the records of a run in which each candidate is the child of the one before."""
    names = [f"w{wave:03d}-00" for wave in range(len(line_of_descent))]
    run = {"run": "r", "strategy": "author", "seed": 1, "searches": True}
    candidates = [
        {
            "run": "r",
            "candidate": name,
            "wave": wave,
            "architecture_id": genome,
            "note": None if note is None else json.dumps(note),
        }
        for wave, (name, genome, note) in enumerate(zip(names, line_of_descent, notes, strict=True))
    ]
    lineage = [
        {"run": "r", "child": child, "parent": parent, "parent_number": 0, "operator": "dictated"}
        for parent, child in pairwise(names)
    ]
    architectures = [
        {"run": "r", "architecture_id": genome, "genome": genome} for genome in set(line_of_descent)
    ]
    tables: Mapping[str, Sequence[dict[str, Any]]] = {
        "runs": [run],
        "candidates": candidates,
        "lineage": lineage,
        "architectures": architectures,
    }
    return Records("task", tables, {})


def test_an_edit_that_an_older_ancestor_had_comes_back() -> None:
    [row] = novelty(made([GATED, PLAIN, GATED], [None] * 3))
    # from PLAIN to GATED the product and the sigmoid are added, and both were there before
    assert (row["edits"], row["returned"]) == (2, 2)
    assert (row["candidates"], row["repeated"]) == (3, 1)
    assert [wave["repeated"] for wave in row["waves"]] == [0, 0, 1]


def test_an_edit_that_nobody_had_does_not() -> None:
    [row] = novelty(made([PLAIN, GATED, OTHER], [None] * 3))
    assert (row["edits"], row["returned"]) == (3, 0)
    assert say_novelty(row) == ""


def test_refused_texts_are_counted_with_those_that_are_told_no_more() -> None:
    note = {"refused": [{"line": 1}, {"line": 2}], "refused_untold": 3}
    [row] = novelty(made([PLAIN, GATED], [note, {"refused": [], "refused_untold": 0}]))
    assert (row["texts"], row["refused"]) == (7, 5)
    assert say_novelty(row).startswith("author: 29 % of 7 texts were valid, 0 % of 2 candidates")


def test_numbers_of_learned_leaves_are_no_edit_and_words_with_a_number_are() -> None:
    assert sub_formulas("h' = tanh(gate3)") == sub_formulas("h' = tanh(gate1)")
    assert sub_formulas("normal = conv3(x)") != sub_formulas("normal = conv5(x)")
