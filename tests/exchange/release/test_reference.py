"""The published result sets, and what pages show of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from gp_cells.compare import compare
from gp_cells.compare.records import runs_of
from gp_cells.exchange.release.verify import verify
from gp_cells.report.digest import digest_table, digest_words

ROOT = Path(__file__).parents[3]
REFERENCE, MIXERS = ROOT / "results/reference", ROOT / "results/mixers"


@pytest.fixture(scope="module")
def compared():
    return compare(REFERENCE, "reference", runs_of(REFERENCE, "reference"))


def test_the_reference_results_verify_and_are_small():
    assert [finding for finding in verify(REFERENCE) if finding.faults] == []
    assert sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file()) < 10e6


def test_the_mixers_results_verify_and_their_page_has_the_table_that_they_give():
    assert [finding for finding in verify(MIXERS) if finding.faults] == []
    script = [sys.executable, "benchmarks/mixers.py", "--results", str(MIXERS)]
    told = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told in (ROOT / "docs/results/mixers.md").read_text(encoding="utf-8")


def test_they_hold_three_tasks_and_five_seeds_of_every_strategy(compared):
    assert len(compared["tasks"]) == 3
    for task in compared["tasks"]:
        rows = task["strategies"]["rows"]
        assert [row["strategy"] for row in rows] == ["aging", "gp", "nsga2", "random"]
        assert all(row["n"] + row["missing"] >= 5 for row in rows)


def test_the_ranking_over_tasks_leaves_out_the_one_that_selects_luck(compared):
    assert compared["strategies"]["tasks"] == ["bach_chorales", "peptides"]
    assert compared["strategies"]["tasks_of_luck"] == ["japanese_vowels"]


def test_the_readme_shows_what_the_tables_say(compared):
    words = f"{digest_table(compared)}\n{digest_words(compared)}"

    assert (ROOT / "results/reference.md").read_text() == words
    assert words in (ROOT / "README.md").read_text()
