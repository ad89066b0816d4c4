"""What a strategy is: the types that every strategy file is written against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a strategy sees of one finished trial; nothing in it varies from run to run.

    `genome` is text, of which `parse(outcome.genome, space.language)` makes a genome again. `fitness` is
    the best validation loss (the task's unit, minimised), infinite where the trial failed; `objectives`
    are what else it may be judged by, minimised too, None where not measured: `COUNTED` and `MEASURED`
    of `gp_cells.config.objectives`, and of its `TIMED` those that the strategy's setting `objectives`
    names. Other measures are in the tables alone.
    """

    candidate: str  # e.g. "w003-07"
    wave: int
    genome: str
    architecture_id: str
    status: str
    fitness: float
    objectives: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether the trial ended without a usable fitness."""
        return math.isinf(self.fitness)


@dataclass(frozen=True)
class Proposal:
    """A genome to train next, the operator that made it, and the candidates it was made from.

    The genome is canonical, and of a search one that the space admits, as are those that `sample`,
    `mutate` and `cross` of `gp_cells.genomes.variation` return. An operator is a word of the strategy's
    own, or several joined by "+"; a parent is an `Outcome.candidate`.
    """

    genome: Genome
    operator: str
    parents: tuple[str, ...] = ()


BASELINE = "baseline:"  # what a design's operator begins with in lineage.json


def baseline_operator(name: str) -> str:
    """Return the operator of a hand-designed architecture, which says its name."""
    return f"{BASELINE}{name}"


def baseline_name(operator: str) -> str | None:
    """Return the name of the hand-designed architecture that an operator is of, None of any other."""
    return operator.removeprefix(BASELINE) if operator.startswith(BASELINE) else None


class Strategy(Protocol):
    """A rule that proposes genomes from what has been measured; its fields are its settings.

    One that lists designs instead of searching has a class variable `searches = False`, and is compared
    with the searches, not among them. Without the variable it searches; see `searches`.
    """

    def check(self, widths: Sequence[int], space: Vocabulary) -> None:
        """Refuse a plan that this strategy cannot fill, before anything is trained.

        `widths` are the slots of each wave.

        Raises:
            SettingError: what does not fit, and what would.
        """
        ...

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes for a wave; waves are counted from 0.

        A pure function: the same history and seed give the same genomes, whatever process calls it
        and in whatever order waves finished; chance comes from `gp_cells.config.seeds.generator`, given
        the seed, the wave and the slot. The history is in order of wave and slot; with a lag, the
        newest waves are not in it yet.
        """
        ...


def searches(strategy: Strategy) -> bool:
    """Return whether a strategy searches; false if it lists designs."""
    return bool(getattr(strategy, "searches", True))


def plan_words(widths: Sequence[int]) -> str:
    """Return a plan in words: "3 waves of 4 slots"."""
    slots = f"{widths[0]}" if len(set(widths)) == 1 else ", ".join(map(str, widths))
    return f"{len(widths)} waves of {slots} slots"


def check_founders(place: str, population: int, widths: Sequence[int], space: Vocabulary) -> None:
    """Refuse a population that a plan cannot fill, or a space from which nothing can be drawn.

    Raises:
        SettingError: either of the two.
    """
    if sum(widths) <= population:
        raise SettingError(
            f"{place}: {population} random genomes come before the first child, "
            f"and {plan_words(widths)} have no more; lower it or search longer"
        )
    variation.sample(space, seeds.generator(purpose="check"))


def mutated(
    child: Proposal,
    space: Vocabulary,
    rng: np.random.Generator,
    mutations: Sequence[str] = variation.MUTATIONS,
) -> Proposal:
    """Return a child mutated once more, each operator that made it named once."""
    genome, operator = variation.mutate(space, child.genome, rng, mutations)
    if operator == "sample":
        return Proposal(genome, operator)
    operators = child.operator.split("+")
    if operator not in operators:
        operators.append(operator)
    return Proposal(genome, "+".join(operators), child.parents)
