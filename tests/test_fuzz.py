"""A few of the generated files of `benchmarks/fuzz.py`, of every kind."""

from __future__ import annotations

import pytest
from fuzz import KINDS, run

# How many of each are tried; how many of them have to be read, so that not all are refused; and the number
# of ways to end that they have to exceed.
FEW = {
    "genomes": (40, 4, 5),
    "cells": (25, 2, 5),
    "configs": (15, 1, 5),
    "recipes": (40, 5, 5),
    "genotypes": (25, 3, 5),
    "tables": (150, 3, 10),
}


@pytest.mark.parametrize("kind", KINDS)
def test_generated_files_are_read_or_refused_in_a_line(kind: str) -> None:
    examples, fewest, ways = FEW[kind]
    ended = run(kind, examples, 1)
    assert not ended.faults, ended.shortest
    assert ended.reasons["read"] >= fewest
    assert len(ended.reasons) > ways
