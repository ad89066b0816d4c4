"""The test kit finds what a plug-in does wrong, and lets pass what is right."""

from __future__ import annotations

from typing import Any

import pytest
from support.bad_strategies import Fault

from gp_cells.cli import main
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.testing import STRATEGY_CHECKS, check_source, check_stopping_rule
from gp_cells.testing.strategies import check_failures, check_lag, check_processes, check_pure

FAULTS: list[tuple[str, Any, str]] = [
    ("global chance", check_pure, "asked twice, it proposes two things"),
    ("a slot less", check_pure, "expected 4 genomes, one for each slot, got 3"),
    ("a text for a genome", check_pure, "wave 0, slot 0: expected Proposal"),
    ("changes the history", check_pure, "it changes the history"),
    ("unknown parent", check_pure, "w999-00 is a parent that the history has not got"),
    ("needs a history", check_lag, "is empty|empty sequence|empty"),
    ("needs a success", check_failures, "nobody has trained"),
    ("hash order", check_processes, "with PYTHONHASHSEED="),
]


@pytest.mark.parametrize(("fault", "check", "said"), FAULTS, ids=[fault for fault, *_ in FAULTS])
def test_a_fault_of_a_strategy_is_found(fault: str, check: Any, said: str) -> None:
    with pytest.raises((AssertionError, ValueError), match=said):
        check(Fault(fault), Recurrent())


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_a_strategy_without_a_fault_passes(check: Any) -> None:
    check(Fault(), Recurrent())


def test_a_module_that_calls_hash_is_found() -> None:
    with pytest.raises(AssertionError, match=r"it calls hash\(\)"):
        check_source(Fault())


def test_a_stopping_rule_that_says_two_lines_is_found() -> None:
    from gp_cells.stopping.never import Never
    from gp_cells.stopping.stopper import Stop

    class Talks(Never):
        def stop(self, curve: Any, learned: Any) -> Stop | None:
            return Stop("talks", "one\ntwo")

    with pytest.raises(AssertionError, match="its reason is"):
        check_stopping_rule(Talks())


def test_a_stopping_rule_whose_end_is_another_than_foretold_is_found() -> None:
    from gp_cells.stopping.i_epoch import IEpoch

    class Later(IEpoch):
        def stop(self, curve: Any, learned: Any) -> None:
            return None

    with pytest.raises(AssertionError, match="`stop` ends it at 40, `ends` says 12"):
        check_stopping_rule(Later())


def test_vet_prints_a_line_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vet", "stopping", "patience", "--settings", '{"epochs": 3}']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(line.startswith("ok      It") for line in lines)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["stoppers", "never"], "there is no family 'stoppers'; choose one of task, space"),
        (
            ["stopping", "often"],
            "stopping: there is no 'often'; choose one of ensemble, i_epoch, learned, median, never, "
            "parametric, patience",
        ),
        (["strategy", "aging"], "aging.population: 20 random genomes come before the first child"),
    ],
)
def test_vet_refuses_what_it_cannot_try(
    capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["vet", *given]) == 2
    assert said in capsys.readouterr().err
