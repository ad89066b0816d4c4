"""What a strategy has to do, tried on searches whose outcomes are made up: nothing is trained."""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gp_cells.config.choose import SettingError, configure
from gp_cells.config.files import content_hash
from gp_cells.config.objectives import CARRIED, COUNTED, MEASURED, TIMED
from gp_cells.config.plan import searched_candidate
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import Search
from gp_cells.config.supernet import SUPERNET
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import (
    Outcome,
    Proposal,
    Strategy,
    proposals_of,
    reach_of,
    searches,
    told,
)
from gp_cells.testing.chance import untouched_chance
from gp_cells.workflow.starts import first_in_reach, start_of

WIDTHS = (4, 4, 3, 3, 3)  # slots of each wave; rungs of halving never grow
SEED = 3

Check = Callable[..., None]  # of a strategy, a space, and the slots of each wave


def check_pure(strategy: Strategy, space: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
    """It is a pure function: another of it gives the same for equal histories, and changes neither."""
    with untouched_chance():
        _search(strategy, space, widths)


def check_lag(strategy: Strategy, space: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
    """With a lag it fills its waves from what it sees, which is nothing at first, or refuses the lag."""
    for lag in (2, 3):
        try:
            strategy.check(_plan(strategy, widths, lag), space)
        except SettingError as error:
            assert "lag" in str(error), str(error)
        else:
            _search(strategy, space, widths, lag)


def check_failures(strategy: Strategy, space: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
    """It goes on where trials failed, and where all have failed."""
    _search(strategy, space, widths, failing=lambda slot: slot > 0)
    _search(strategy, space, widths, failing=lambda slot: True)


def check_processes(strategy: Strategy, space: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
    """It proposes the same in processes with other hash seeds, which order sets and dicts otherwise."""
    here = digest(strategy, space, widths)
    given = json.dumps([_spelt(strategy), _spelt(space), list(widths)])
    for hash_seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-m", "gp_cells.testing.elsewhere", given]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == here, f"with PYTHONHASHSEED={hash_seed} it proposes others"


STRATEGY_CHECKS: tuple[Check, ...] = (check_pure, check_lag, check_failures, check_processes)


def digest(strategy: Strategy, space: Vocabulary, widths: Sequence[int]) -> str:
    """Return a hash of all that a strategy proposes in a made-up search."""
    return content_hash(
        [dataclasses.asdict(outcome) for outcome in _search(strategy, space, widths)]
    )


def _spelt(plug_in: Any) -> list[Any]:
    kind = type(plug_in)
    return [kind.__module__, kind.__qualname__, dataclasses.asdict(plug_in)]


def spelt_out(module: str, name: str, settings: dict[str, Any]) -> Any:
    """Return the plug-in that `_spelt` spelt, made in this process."""
    kind: Any = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    return configure(kind, settings, name)


def _search(
    strategy: Strategy,
    space: Vocabulary,
    widths: Sequence[int],
    lag: int = 1,
    failing: Callable[[int], bool] = lambda slot: slot == 1,
) -> list[Outcome]:
    """Return the outcomes of a search, each wave of which is asked for twice and held to the contract.

    A strategy that lists designs has one wave, of as many slots as it lists.
    """
    plan = _plan(strategy, widths, lag)
    strategy.check(plan, space)
    history: list[Outcome] = []
    for wave, slots in enumerate(plan.widths):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        kept = copy.deepcopy(seen)
        try:
            proposals = proposals_of(strategy, seen, wave, slots, space, SEED)
        except SettingError as error:
            raise AssertionError(str(error)) from error
        assert seen == kept, f"wave {wave}: it changes the history"
        again = dataclasses.replace(strategy).propose(kept, wave, slots, space, SEED)  # type: ignore[type-var]
        assert list(again) == list(proposals), f"wave {wave}: asked twice, it proposes two things"
        first = first_in_reach(wave, lag, reach_of(strategy))
        for slot, proposal in enumerate(proposals):
            name = searched_candidate(wave, slot)
            _check_proposal(proposal, name, seen, first, space)
            if searches(strategy) and SUPERNET not in (proposal.recipe or {}):
                assert space.admits(proposal.genome.canonical()), f"{name}: the space admits it not"
            outcome = _outcome(proposal, name, wave, slot, failing(slot))
            if reach_of(strategy) > 0 or proposal.note is not None:
                state, loss = (
                    (None, None) if outcome.failed else (content_hash(name), outcome.fitness)
                )
                judged = () if outcome.failed else _judged(proposal, outcome.fitness)
                outcome = told(outcome, proposal, state, wave + 1, loss, judged)
            history.append(outcome)
    return history


def _plan(strategy: Strategy, widths: Sequence[int], lag: int) -> Search:
    slots = tuple(widths) if searches(strategy) else (_designs(strategy),)
    return Search(waves=len(slots), slots=slots, lag=lag, finalists=1)


def _judged(proposal: Proposal, loss: float) -> tuple[float, ...]:
    """Return made-up losses on what the shards hold out that a proposal names."""
    numbers = (proposal.recipe or {}).get(SHARD, {}).get("judged", ())
    return tuple(loss + 0.1 * ((7 * number) % 3) for number in numbers)


def _designs(strategy: Any) -> int:
    return len(strategy.cells)


def _check_proposal(
    proposal: Proposal, name: str, seen: Sequence[Outcome], first: int, space: Vocabulary
) -> None:
    genome, known = proposal.genome, {outcome.candidate: outcome for outcome in seen}
    assert parse(str(genome), space.language) == genome, f"{name}: {genome} reads back otherwise"
    unknown = sorted(set(proposal.parents) - set(known))
    assert not unknown, f"{name}: {unknown[0]} is a parent that the history has not got"
    assert proposal.operator, f"{name}: {genome} has no operator"
    try:
        start_of(proposal, known, first, name)
    except SettingError as error:
        raise AssertionError(str(error)) from error


def _outcome(proposal: Proposal, name: str, wave: int, slot: int, failed: bool) -> Outcome:
    """Return a made-up outcome: shorter genomes are better, and some objective is not measured."""
    text = str(proposal.genome)
    return Outcome(
        candidate=name,
        wave=wave,
        genome=text,
        architecture_id=proposal.genome.architecture_id,
        status="diverged" if failed else "ok",
        fitness=math.inf if failed else 1 + len(text) / 100,
        objectives={
            **{name: len(text) for name in (*COUNTED, *CARRIED)},
            **{name: None if failed or slot == 2 else 1 / len(text) for name in MEASURED + TIMED},
        },
    )
