"""How much of what a search proposes is new: texts that are refused, architectures and edits that return.

Of searches that a language model writes the last is told by EvoTrace ("What Do Evolutionary Coding Agents
Evolve?", https://arxiv.org/abs/2605.20086): about 30 % of the lines of code that are added stood there
before and were deleted. Here what is added are sub-formulas, in canonical form and without the numbers of
learned leaves, that a child has and its first parent has not; one came back if an older ancestor had it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gp_cells.compare.records import Records, Row


def novelty(records: Records) -> list[Row]:
    """Return for each strategy that searches what of its proposals is new, over its waves and in each.

    `texts` are those of outside authors that were judged, of which `refused` were no genomes; both are 0
    of other strategies. `repeated` candidates have an architecture that their run had before. `edits` are
    sub-formulas that children added to their first parent, of which `returned` came back.
    """
    parents = {
        (edge["run"], edge["child"]): edge["parent"]
        for edge in records.tables["lineage"]
        if edge["parent_number"] == 0
    }
    rows = []
    for strategy, runs in records.searching.items():
        names = [run["run"] for run in runs]
        counted = [one for run in names for one in _counted(records, run, parents)]
        if not counted:
            continue
        waves = sorted({wave for wave, _ in counted})
        rows.append(
            {
                "strategy": strategy,
                **_total([counts for _, counts in counted]),
                "waves": [
                    {"wave": wave, **_total([counts for of, counts in counted if of == wave])}
                    for wave in waves
                ],
            }
        )
    return rows


COUNTS = ("candidates", "repeated", "texts", "refused", "edits", "returned")


def _total(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(of[name] for of in counts) for name in COUNTS}


def _counted(
    records: Records, run: str, parents: Mapping[tuple[str, str], str]
) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield of each candidate of a run its wave and what is counted of it."""
    own = [row for row in records.tables["candidates"] if row["run"] == run]
    genomes = {
        row["candidate"]: records.architectures[run, row["architecture_id"]]["genome"]
        for row in own
    }
    known: set[str] = set()
    for row in sorted(own, key=lambda row: row["candidate"]):
        refused = refusals_in(row["note"])
        added, returned = _edits(row["candidate"], run, genomes, parents)
        yield (
            row["wave"],
            {
                "candidates": 1,
                "repeated": int(row["architecture_id"] in known),
                "texts": 0 if refused is None else 1 + refused,
                "refused": refused or 0,
                "edits": added,
                "returned": returned,
            },
        )
        known.add(row["architecture_id"])


def refusals_in(note: str | None) -> int | None:
    """Return how many texts were refused before a candidate's, None if no author outside wrote it."""
    said: Any = None if note is None else json.loads(note)
    if not isinstance(said, dict) or "refused" not in said:
        return None
    return len(said["refused"]) + int(said["refused_untold"])


def _edits(
    child: str,
    run: str,
    genomes: Mapping[str, str],
    parents: Mapping[tuple[str, str], str],
) -> tuple[int, int]:
    """Return how many sub-formulas a child added to its first parent, and how many of them came back."""
    line: list[str] = []
    now: str | None = parents.get((run, child))
    while now is not None and now in genomes and now not in line:
        line.append(now)
        now = parents.get((run, now))
    if not line:
        return 0, 0
    added = sub_formulas(genomes[child]) - sub_formulas(genomes[line[0]])
    before = frozenset[str]().union(*(sub_formulas(genomes[of]) for of in line[1:]))
    return len(added), len(added & before)


def say_novelty(row: Mapping[str, Any]) -> str:
    """Return one line on a search by an outside author; empty of any other."""
    if not row["texts"]:
        return ""
    valid = 1 - row["refused"] / row["texts"]
    repeated = row["repeated"] / row["candidates"]
    said = (
        f"{row['strategy']}: {100 * valid:.0f} % of {row['texts']} texts were valid, "
        f"{100 * repeated:.0f} % of {row['candidates']} candidates had been there"
    )
    if row["edits"]:
        returned = 100 * row["returned"] / row["edits"]
        said += f", {returned:.0f} % of {row['edits']} added sub-formulas came back"
    return said


@cache
def sub_formulas(genome: str) -> frozenset[str]:
    """Return all parts of a canonical genome but mere names, which stand in them without numbers."""
    found = set()
    for line in genome.splitlines():
        tree = ast.parse(re.sub(r"(?<=\w)'", "_", line))
        for node in ast.walk(tree):
            if isinstance(node, (ast.BinOp, ast.Call)):
                found.add(re.sub(r"\b([a-z]+)\d+\b(?!\()", r"\1", ast.unparse(node)))
    return frozenset(found)
