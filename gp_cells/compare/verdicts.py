"""What stopping rules come to on the whole curves of a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.compare.cuts import Cut


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule would have done on a task.

    `ended` are the trials that the rule ended, `saved` the share of all epochs, and `planned` the epochs of
    a trial. From `tau` to `error` it is what `AgainstCut` says. `cpu_s` are the CPU seconds of all epochs
    and `saved_cpu_s` of those that the rule would have spared, as the whole curves took them; None where
    that was not recorded.
    """

    task: str
    rule: str
    settings: dict[str, Any]
    n: int
    ended: int
    saved: float
    tau: float
    cut_tau: float
    low: float
    high: float
    recall: float
    cut_recall: float
    regret: float
    cut_regret: float
    error: float | None
    planned: int
    cpu_s: float | None
    saved_cpu_s: float | None

    @property
    def spent(self) -> float:
        """The mean number of epochs."""
        return (1 - self.saved) * self.planned

    @property
    def said(self) -> str:
        """How the rule compares with the cut."""
        return "above" if self.low > 0 else "below" if self.high < 0 else "level"


@dataclass(frozen=True)
class Judged:
    """A task's curves in a line, the plain cuts of them, and the verdicts on rules, made one by one."""

    task: str
    about: str
    cuts: Sequence[Cut]
    verdicts: Iterator[Verdict]
