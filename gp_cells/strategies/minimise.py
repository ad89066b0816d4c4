"""Minimisation: which sub-formulas of a cell can go, one after the other, down to the smallest cell.

LEAF (Liang et al. 2019, https://arxiv.org/abs/1902.06827) minimises networks by a second objective of its
search. Here one given cell is minimised, by deletion as in backward elimination: the first wave trains the
given cell, once a slot, each time with another seed. Further waves train the cells that lack one
sub-formula of the current one, which at first is the given, with `seeds` seeds each, in order of size. When
all are known, the search goes on from the smallest that is not worse; where none is, it is over, and its
slots stay empty.

Not worse is what a test says: that the mean validation loss is above that of the given cell by `margin`
standard deviations of the given cell's losses over its seeds, or more, is refuted at 5 % (`not_worse`),
corrected by Bonferroni for how many deletions of the current cell there are. All are held against the given
cell, never the one before, so that small losses do not add up. A cell of which one training failed is
worse; if one of the given cell failed, nothing can be told and nothing is deleted.

Whatever is kept was chosen by the losses that it is judged by, and each step is tested for itself. So the
finalists are the smallest and the given cell, trained with seeds that the search did not see; that
difference is the one to quote (`gp-cells minimised`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gp_cells.config.choose import REQUIRED, SettingError, check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes.deletions import Deletion, deletions, smallness
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.cells import read_cell
from gp_cells.strategies.not_worse import ALPHA, p_of_worse
from gp_cells.strategies.strategy import Outcome, Proposal, baseline_operator, plan_words

FEWEST = 3  # seeds of which a spread is taken
GIVEN, DELETE = "given", "delete"  # operators


@dataclass(frozen=True)
class Verdict:
    """A deletion, its losses by seed, and its p times the number of deletions; see `not_worse`."""

    deletion: Deletion
    losses: tuple[float, ...]
    p: float

    @property
    def is_worse(self) -> bool:
        """Whether it could not be told from worse, and so is not kept."""
        return self.p > ALPHA


def _rank(verdict: Verdict) -> tuple[tuple[int, int], float]:
    return smallness(verdict.deletion.genome), statistics.fmean(verdict.losses)


@dataclass(frozen=True)
class Step:
    """A current cell, what is known of its deletions, the smallest first, and those not trained yet."""

    genome: Genome
    verdicts: tuple[Verdict, ...]
    untried: tuple[Deletion, ...]

    @property
    def kept(self) -> Genome | None:
        """The genome that the next step goes on from, None where this is the last one so far.

        Of several as small it is the one of the lowest mean loss.
        """
        able = [of for of in self.verdicts if not of.is_worse]
        if self.untried or not able:
            return None
        return min(able, key=_rank).deletion.genome


@dataclass(frozen=True)
class Minimise:
    """Deletes one sub-formula of a cell after the other, as long as that makes it no worse."""

    ends: ClassVar[bool] = True

    cells: tuple[str, ...] = setting(
        REQUIRED,
        "the one cell that is minimised: a .cell file from where snakemake runs, formulas, or the name of "
        "a hand-designed cell of the space",
        min_items=1,
        max_items=1,
    )
    seeds: int = setting(
        10,
        "trainings of each smaller cell; the given one has as many as the first wave has slots",
        unit="trainings",
        low=FEWEST,
    )
    margin: float = setting(
        1.0,
        "what counts as worse, in standard deviations of the given cell's losses over its seeds",
        unit="standard deviations",
        above=0,
    )

    def __post_init__(self) -> None:
        check_settings(self, "minimise")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a cell of which nothing can go, and a plan that cannot train; see `Strategy.check`."""
        if not deletions(space, self._given(space)):
            raise SettingError(
                "minimise.cells: no sub-formula of the cell can go; give a larger one, or widen the space"
            )
        first, *others = search.widths
        if search.lag != 1 or first < FEWEST or not others or min(others) < self.seeds:
            raise SettingError(
                f"minimise: expected a first wave of at least {FEWEST} slots, trainings of the given cell, "
                f"then waves of at least {self.seeds}, those of a smaller one, and lag 1; got "
                f"{plan_words(search.widths)}, lag {search.lag}"
            )
        if search.genes:
            raise SettingError(
                "minimise: cells are held against each other by one recipe; leave out search.genes"
            )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the given cell, or the smaller ones that are to be tried next; see `Strategy.propose`."""
        if wave == 0:
            given, name = self._given(space), self.cells[0]
            operator = baseline_operator(name) if name in space.baselines else GIVEN
            return [Proposal(given, operator, repeat=slot) for slot in range(slots)]
        step = self.steps(history, space)[-1]
        parent = _first_of(step.genome, history)
        return [
            Proposal(of.genome, DELETE, (parent,), note=_note(of), repeat=repeat)
            for of in step.untried[: slots // self.seeds]
            for repeat in range(self.seeds)
        ]

    def finalists(self, history: Sequence[Outcome], space: Vocabulary) -> list[str]:
        """Return a candidate of the smallest cell that is not worse, and one of the given."""
        cells = (self.steps(history, space)[-1].genome, self._given(space))
        return [_first_of(genome, history) for genome in cells]

    def steps(self, history: Sequence[Outcome], space: Vocabulary) -> list[Step]:
        """Return what the history says of each current cell, from the given one to the last."""
        losses: dict[str, tuple[float, ...]] = {}
        for outcome in history:
            before = losses.get(outcome.architecture_id, ())
            losses[outcome.architecture_id] = (*before, outcome.fitness)
        current: Genome | None = self._given(space)
        given = tuple(outcome.fitness for outcome in history if outcome.wave == 0)
        failed = any(outcome.failed for outcome in history if outcome.wave == 0)
        margin = 0.0 if failed else self.margin * statistics.stdev(given)
        steps = []
        while current is not None:
            found = [] if failed else deletions(space, current)
            known = [(of, losses.get(of.genome.architecture_id, ())) for of in found]
            verdicts = tuple(
                Verdict(of, of_it, min(1.0, len(found) * p_of_worse(of_it, given, margin)))
                for of, of_it in known
                if of_it
            )
            untried = tuple(of for of, of_it in known if not of_it)
            steps.append(Step(current, verdicts, untried))
            current = steps[-1].kept
        return steps

    def _given(self, space: Vocabulary) -> Genome:
        return read_cell(self.cells[0], space, "minimise.cells: it")[0]


def _first_of(genome: Genome, history: Sequence[Outcome]) -> str:
    """Return the first candidate of an architecture."""
    return next(of.candidate for of in history if of.architecture_id == genome.architecture_id)


def _note(deletion: Deletion) -> dict[str, str]:
    return {"deleted": deletion.deleted, "of": deletion.of}
