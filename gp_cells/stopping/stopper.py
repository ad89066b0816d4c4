"""What a stopping rule is: the types that every rule file is written against."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A trial so far: all that a rule may look at.

    `losses` are the validation losses of all epochs that its weights have seen, from the first on, in any
    unit in which less is better; `train_losses` those of training, NaN where another trial has them.
    `epochs` is how many there are when nothing ends it.
    """

    losses: Sequence[float]
    train_losses: Sequence[float]
    epochs: int

    def until(self, epoch: int) -> Curve:
        """Return the curve as it was after an epoch, from 1."""
        return dataclasses.replace(
            self, losses=self.losses[:epoch], train_losses=self.train_losses[:epoch]
        )


@dataclass(frozen=True)
class Stop:
    """Why a trial ends: a word for tables, as `converged`, and one line for people.

    `predicted` is the best validation loss that it would have come to, if the search is to read that and
    not the best that was observed.
    """

    code: str
    reason: str
    predicted: float | None = None


Learned = Mapping[str, Any]


class Stopper(Protocol):
    """A rule that ends a trial early; its fields are its settings.

    One that learns from the run's earlier trials has a method `learn(history: Sequence[Curve]) ->
    Mapping[str, Any] | None`: from their curves, in the order of the candidates, a few numbers that `stop`
    gets back. Those curves are whole only where `len(losses) == epochs`. It is a pure function, its result
    is JSON, and its floats are rounded to a few digits, so that machines agree on them.

    One that predicts by what it learned has a method `read(curve: Curve, learned) -> float`: the loss that
    the search is to read of a trial. All trials are read anew, alike, for every wave. Without it the search
    reads what the trial's `Stop` predicted, else the best loss that was observed until then.

    One that predicts from a curve alone has a method `predict(curve: Curve) -> float | None`: the best loss
    in all `curve.epochs`, None where it cannot tell. Strategies that rank by it ask for it; see `predicts`.

    One that ends every trial at the same epoch, whatever its losses, has a method `ends(epochs: int) ->
    int`: after which of them. What a run will take is foretold by it; see `ends_after`.
    """

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why a trial should end after its last epoch, or None to go on.

        All losses are finite, and there is at least one. A pure function, so that a resumed trial stops
        where an uninterrupted one does.
        """
        ...


def learns(rule: Stopper) -> bool:
    """Return whether a rule wants to see the curves of earlier trials."""
    return hasattr(rule, "learn")


def learned_from(rule: Stopper, history: Sequence[Curve]) -> Learned | None:
    """Return what a rule learns from earlier curves, None if it does not learn."""
    learn = getattr(rule, "learn", None)
    learned: Learned | None = None if learn is None else learn(history)
    return learned


def reads(rule: Stopper) -> bool:
    """Return whether a rule says what the search is to read of trials."""
    return hasattr(rule, "read")


def read_as(rule: Stopper, curve: Curve, learned: Learned | None) -> float:
    """Return the loss that the search is to read of a trial, by a rule that says that."""
    loss: float = rule.read(curve, learned)  # type: ignore[attr-defined]
    return loss


def predicts(rule: Stopper) -> bool:
    """Return whether a rule predicts from a curve alone what it will come to."""
    return hasattr(rule, "predict")


def predicted_by(rule: Stopper, curve: Curve) -> float | None:
    """Return what a rule that predicts from a curve alone says that it will come to."""
    loss: float | None = rule.predict(curve)  # type: ignore[attr-defined]
    return loss


def ends_after(rule: Stopper, epochs: int) -> int:
    """Return after how many of its epochs a rule ends every trial; all where losses decide."""
    ends = getattr(rule, "ends", None)
    epoch: int = epochs if ends is None else ends(epochs)
    return epoch


def first_stop(rule: Stopper, curve: Curve, learned: Learned | None) -> tuple[int, Stop] | None:
    """Return the first epoch, before the last one, after which a rule ends a trial, and why."""
    for epoch in range(1, min(len(curve.losses), curve.epochs - 1) + 1):
        stop = rule.stop(curve.until(epoch), learned)
        if stop is not None:
            return epoch, stop
    return None


def rounded(value: float) -> float:
    """Return a number of six significant digits, the same on machines that differ in the last bits."""
    return float(f"{value:.6g}")


def cut(share: float, epochs: int) -> int:
    """Return the epoch after which a share of the epochs is over, at least 1."""
    return max(1, math.ceil(share * epochs - 1e-9))
