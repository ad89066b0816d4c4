"""Every plug-in of the families' dicts with settings that suit a test: small, and all that it needs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gp_cells.genomes.choices import FixedChoices
from gp_cells.genomes.modules import ModularFormulas
from gp_cells.genomes.variation import MUTATIONS
from gp_cells.measures import MEASURES
from gp_cells.spaces import SPACES, Space
from gp_cells.stopping import STOPPERS
from gp_cells.strategies import STRATEGIES, Strategy
from gp_cells.tasks import TASKS, DataError, Task
from support.dictation import TRANSCRIPT

FAMILIES = {
    "tasks": TASKS,
    "spaces": SPACES,
    "strategies": STRATEGIES,
    "stopping": STOPPERS,
    "measures": MEASURES,
}

# What has no default, or is too large for a test.
SETTINGS: dict[str, dict[str, Any]] = {
    "aging": {"population": 8, "sample": 4, "mutations": MUTATIONS},
    "ask_tell": {"searcher": "NSGAIISampler(population_size=4)"},
    "baselines": {"cells": ("lstm", "gru", "tanh_rnn")},
    "bananas": {"founders": 4, "mutants": 8, "fresh": 8, "steps": 20},
    "bayesian": {"founders": 4, "mutants": 8, "fresh": 8},
    "cifar10": {"file": "cifar-10-binary.tar.gz"},
    **{
        made_up: {"sequences": 200, "held": 40}
        for made_up in ("fuzzy_recall", "parity", "recall", "selective_copy")
    },
    "dictated": {"proposals": str(TRANSCRIPT)},
    "deap": {"population": 8},
    "enwik8": {"file": "enwik8"},
    "introspectability": {"targets": 50},
    "latency": {"passes": 1},
    "imitate": {"founders": 6, "least": 3, "passes": 2},
    "minimise": {"cells": ("lstm",), "seeds": 3},
    "nsga2": {
        "objectives": ("fitness", "parameters"),
        "reference_point": (20.0, 50.0),
        "population": 8,
    },
    "reinforce": {"founders": 6},
    "transfer": {"cells": ("lstm", "gru", "tanh_rnn")},
    "tiny_shakespeare": {"file": "tinyshakespeare.txt"},
    "own_data": {
        "file": str(Path(__file__).parent / "sequences.csv"),
        "inputs": "frames",
        "input": ("x", "y"),
        "targets": "classes",
        "target": ("kind",),
        "sequence": "specimen",
        "split": "split",
    },
}


def make(family: str, name: str) -> Any:
    """Return a plug-in of a family, of a task a twentieth if it can be had in part."""
    member: Any = FAMILIES[family][name]
    given = dict(SETTINGS.get(name, {}))
    if "part" in {field.name for field in dataclasses.fields(member)}:
        given["part"] = 0.05
    return member(**given)


@contextlib.contextmanager
def skipped_without_its_file() -> Iterator[None]:
    """Skip a test of a task that reads a file of the user's, where that is not on this machine."""
    try:
        yield
    except DataError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            pytest.skip(str(error))
        raise


def make_task(name: str) -> Task:
    """Return a task with a small recipe."""
    task = make("tasks", name)
    recipe = dataclasses.replace(task.recipe, units=4, layers=1, batch_size=4, epochs=1)
    small: Task = dataclasses.replace(task, recipe=recipe)
    return small


OF_MARKS = ("neat",)  # strategies for spaces whose nodes are known by marks alone
OF_CHOICES = ("ask_tell", "tpe")  # strategies for spaces of fixed choices alone


def make_strategy(name: str, space: Space) -> Strategy | None:
    """Return a strategy; None if the space has not the designs, choices, marks, modules … it needs."""
    strategy: Any = make("strategies", name)
    if name == "codeepneat":
        return strategy if isinstance(space.language.kind, ModularFormulas) else None
    if name == "one_shot":
        return strategy if getattr(space, "supernets", None) else None
    if name in OF_MARKS:
        return strategy if space.language.kind.marked else None
    if name in OF_CHOICES:
        pytest.importorskip("optuna")
        return strategy if isinstance(space, FixedChoices) else None
    if "cells" not in {field.name for field in dataclasses.fields(strategy)}:
        return strategy
    designs = tuple(list(space.baselines)[: len(strategy.cells)])
    return dataclasses.replace(strategy, cells=designs) if designs else None
