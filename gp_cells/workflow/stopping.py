"""A run's stopping rule, as its search meets it: what is learned, who is not stopped, what is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.records import FitnessRecord, RunSettings
from gp_cells.config.supernet import SUPERNET
from gp_cells.plugins import control_share, recipe_of, stopper_of, strategy_of
from gp_cells.stopping.stopper import (
    Curve,
    Learned,
    learned_from,
    learns,
    predicted_by,
    read_as,
    reads,
)
from gp_cells.strategies import Outcome
from gp_cells.strategies.strategy import horizon_of, reach_of
from gp_cells.workflow.starts import first_in_reach


def learned_by(settings: RunSettings, history: Sequence[Outcome]) -> Learned | None:
    """Return what a run's stopping rule learns from the trials that a wave may see, supernets apart."""
    alone = [outcome for outcome in history if SUPERNET not in (outcome.recipe or {})]
    return learned_from(
        stopper_of(settings), [curve_of(outcome) for outcome in alone if outcome.losses]
    )


def as_read(
    settings: RunSettings, history: Sequence[Outcome], learned: Learned | None
) -> Sequence[Outcome]:
    """Return a history in which all trials are read alike, by what the stopping rule knows now."""
    rule = stopper_of(settings)
    if not reads(rule):
        return history
    return [
        outcome
        if outcome.failed or not outcome.losses
        else dataclasses.replace(outcome, fitness=read_as(rule, curve_of(outcome), learned))
        for outcome in history
    ]


def planned_epochs(settings: RunSettings) -> int | None:
    """Return the epochs of a curve when nothing ends it, None where outcomes need not tell their curves."""
    if horizon := horizon_of(strategy_of(settings)):
        return horizon
    return recipe_of(settings).epochs if learns(stopper_of(settings)) else None


def foretold(settings: RunSettings, history: Sequence[Outcome], wave: int) -> Sequence[Outcome]:
    """Return a history whose trials within reach of a wave tell what the stopping rule predicts of them."""
    strategy, rule = strategy_of(settings), stopper_of(settings)
    if not horizon_of(strategy):
        return history
    known = {outcome.candidate: outcome for outcome in history}
    first = first_in_reach(wave, settings.search.lag, reach_of(strategy))
    return [
        outcome
        if outcome.failed or outcome.wave < first
        else dataclasses.replace(outcome, predicted=predicted_by(rule, _of_genome(outcome, known)))
        for outcome in history
    ]


def _of_genome(outcome: Outcome, known: Mapping[str, Outcome]) -> Curve:
    """Return the curve of all trials, one after another, that trained an outcome's genome."""
    pieces, now = [curve_of(outcome)], outcome
    while now.start is not None and known[now.start].architecture_id == now.architecture_id:
        now = known[now.start]
        pieces.append(curve_of(now))
    losses, train_losses = (
        [loss for piece in reversed(pieces) for loss in getattr(piece, name)]
        for name in ("losses", "train_losses")
    )
    return dataclasses.replace(pieces[0], losses=losses, train_losses=train_losses)


def curve_of(outcome: Outcome) -> Curve:
    """Return an outcome's curve."""
    return Curve(
        losses=outcome.losses,
        train_losses=outcome.train_losses,
        epochs=outcome.planned or len(outcome.losses),
    )


def with_curve(outcome: Outcome, fitness: FitnessRecord, planned: int | None) -> Outcome:
    """Return an outcome with its curve if a stopping rule learns from it, which needs `planned` epochs."""
    if planned is None:
        return outcome
    return dataclasses.replace(
        outcome,
        losses=tuple(point.valid_loss for point in fitness.curve),
        train_losses=tuple(point.train_loss for point in fitness.curve),
        planned=planned,
    )


def controls(settings: RunSettings, wave: int) -> list[bool]:
    """Return which slots of a wave are of the control group.

    Of the candidates of a run, counted wave by wave, one is drawn by the run's seed in each block of as
    many as the share is the reciprocal of.
    """
    share = control_share(settings)
    widths = settings.search.widths
    if not share:
        return [False] * widths[wave]
    first = sum(widths[:wave])
    block = 1 / share
    return [_is_drawn(settings, first + slot, block) for slot in range(widths[wave])]


def _is_drawn(settings: RunSettings, number: int, block: float) -> bool:
    """Return whether the candidate of a number is the one that is drawn in its block."""
    which = int(number / block)
    begins, ends = int(np.ceil(which * block)), int(np.ceil((which + 1) * block))
    rng = seeds.generator(seed=settings.seed, purpose="control", block=which)
    return number == int(rng.integers(begins, ends))
