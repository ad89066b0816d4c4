"""DEAP's evolutionary algorithms with the operators of its toolbox, or with your own.

Fortin et al. 2012, https://jmlr.org/papers/v13/fortin12a.html. The three algorithms are those of
`deap.algorithms`; `select`, `mate` and `mutate` are what a DEAP program registers under those names:

    toolbox.register("select", tools.selTournament, tournsize=3)    select: selTournament(tournsize=3)

A wave is a generation, its slots are the offspring. What differs from DEAP:

- All chance comes from the search's seed, and crossovers of typed trees do not depend on memory
  addresses (`gp_cells.strategies.toolbox`).
- A child that is not legal, that the history holds, or that no operator changed, is made again up to
  100 times, in eaSimple from the same parents; then a fresh genome stands in its place, whose operator
  is `sample`. DEAP keeps copies without evaluating them; here each slot is trained, and a copy would
  end in the same bits.
- Random genomes come first, until `population` have trained. Who failed, or lacks an objective, never
  joins.
- In eaSimple the population is the youngest `population` that trained, which are the last wave if that
  has as many slots. Both children of a pair are made apart, each the first that `mate` returns.
- With a lag a generation descends from an older one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.objectives import FITNESS, OBJECTIVES
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import toolbox
from gp_cells.strategies.strategy import Outcome, Proposal, check_founders
from gp_cells.strategies.toolbox import Individual

KINDS = {"select": "sel", "mate": "cx", "mutate": "mut"}  # how DEAP's operators begin


@dataclass(frozen=True)
class Deap:
    """An algorithm of DEAP's with operators by their names in its toolbox."""

    algorithm: Literal["eaSimple", "eaMuPlusLambda", "eaMuCommaLambda"] = setting(
        "eaMuPlusLambda", "of deap.algorithms; a wave's slots are λ"
    )
    select: str = setting(
        "selTournament(tournsize=3)", "selection: DEAP's sel…, or your own as module:function"
    )
    mate: str = setting("cxOnePoint", "crossover of two trees: DEAP's cx…, or your own")
    mutate: str = setting(
        "mutUniform(expr=genGrow(min_=0, max_=2))", "mutation of a tree: DEAP's mut…, or your own"
    )
    population: int = setting(
        20, "individuals that parents are taken of; μ", unit="candidates", low=2
    )
    cxpb: float = setting(0.5, "chance of a crossover", low=0, high=1)
    mutpb: float = setting(0.5, "chance of a mutation", low=0, high=1)
    objectives: tuple[str, ...] = setting(
        (FITNESS,), "the values of an individual's fitness, all minimised", min_items=1
    )
    reference_point: tuple[float, ...] = setting(
        (),
        "the worst value that counts of each objective; with it fronts and hypervolumes are compared",
    )

    def __post_init__(self) -> None:
        check_settings(self, "deap")
        assert len(self._toolbox) == len(KINDS)  # or a name among them is refused
        if self.cxpb + self.mutpb == 0:
            raise SettingError(
                "deap: cxpb and mutpb are both 0, so no child would differ; raise one"
            )
        if self.algorithm != "eaSimple" and self.cxpb + self.mutpb > 1:
            raise SettingError(
                f"deap.cxpb: {self.algorithm} takes one of both, so cxpb + mutpb is at most 1, "
                f"got {self.cxpb + self.mutpb:g}"
            )
        if self.reference_point and len(self.reference_point) != len(self.objectives):
            raise SettingError(
                f"deap.reference_point: got {len(self.reference_point)} number(s) for "
                f"{len(self.objectives)} objective(s)"
            )

    @cached_property
    def _toolbox(self) -> dict[str, toolbox.Operator]:
        """The operators, by the names under which DEAP registers them."""
        return {
            name: toolbox.operator_of(getattr(self, name), f"deap.{name}", kind)
            for name, kind in KINDS.items()
        }

    @cached_property
    def _names(self) -> dict[str, str]:
        """What the operators are called in a lineage."""
        return {name: toolbox.short_name(getattr(self, name), f"deap.{name}") for name in KINDS}

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse unknown objectives, plans without a child, and operators that fail when tried."""
        unknown = [name for name in self.objectives if name not in OBJECTIVES]
        if unknown:
            raise SettingError(
                f"deap.objectives: there is no {unknown[0]!r}; choose from {', '.join(OBJECTIVES)}"
            )
        check_founders("deap.population", self.population, search, space)
        if self.algorithm == "eaMuCommaLambda" and min(search.widths) < self.population:
            raise SettingError(
                f"deap.population: eaMuCommaLambda takes all {self.population} of a wave, and one has "
                f"{min(search.widths)} slots; lower it or give more slots"
            )
        self._try_operators(space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` children, or random genomes until `population` have trained."""
        population = self.living(history, space, seed)
        known = {outcome.architecture_id for outcome in history}
        grown = len(population) >= self.population
        pool = self._pool(population, slots, wave, seed) if grown else []
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            child = self._child(population, pool, slot, known, space, rng) if grown else None
            if child is None:
                child = Proposal(variation.sample_new(space, rng, known), "sample")
            known.add(child.genome.architecture_id)
            proposals.append(child)
        return proposals

    def living(self, history: Sequence[Outcome], space: Vocabulary, seed: int) -> list[Individual]:
        """Return the population: what the algorithm kept after each wave of the history in turn."""
        living: list[Individual] = []
        for wave, outcomes in groupby(history, key=lambda outcome: outcome.wave):
            judged = [(outcome, self.values(outcome)) for outcome in outcomes]
            born = [
                toolbox.individual(of.genome, space.language, values, of.candidate)
                for of, values in judged
                if all(map(math.isfinite, values))
            ]
            if len(living) < self.population:
                living += born
            elif self.algorithm == "eaSimple":
                living = [*living, *born][-self.population :]
            else:
                among = born if self.algorithm == "eaMuCommaLambda" else [*living, *born]
                rng = seeds.generator(seed=seed, purpose="select", wave=wave)
                living = (
                    toolbox.select(self._toolbox["select"], among, self.population, rng)
                    if among
                    else living
                )
        return living

    def values(self, outcome: Outcome) -> list[float]:
        """Return an outcome's objectives, infinite where it failed or one was not measured."""
        given = {FITNESS: outcome.fitness, **({} if outcome.failed else outcome.objectives)}
        found = [given.get(name) for name in self.objectives]
        return [math.inf if value is None else value for value in found]

    def _pool(
        self, population: Sequence[Individual], slots: int, wave: int, seed: int
    ) -> list[Individual]:
        """Return the parents that eaSimple selects for a wave; the others draw theirs uniformly."""
        if self.algorithm != "eaSimple":
            return []
        rng = seeds.generator(seed=seed, purpose="parents", wave=wave)
        return toolbox.select(self._toolbox["select"], population, slots, rng)

    def _child(
        self,
        population: Sequence[Individual],
        pool: Sequence[Individual],
        slot: int,
        known: set[str],
        space: Vocabulary,
        rng: np.random.Generator,
    ) -> Proposal | None:
        """Return a legal, new child; None if none of `variation.TRIES` was."""
        for _ in range(variation.TRIES):
            child = self._and(pool, slot, space, rng) if pool else self._or(population, space, rng)
            if child is not None and child.genome.architecture_id not in known:
                return child
        return None

    def _or(
        self, population: Sequence[Individual], space: Vocabulary, rng: np.random.Generator
    ) -> Proposal | None:
        """Return a child by crossover or by mutation, as `varOr` has it but for copies."""
        first, second = (population[i] for i in rng.permutation(len(population))[:2])
        if rng.random() * (self.cxpb + self.mutpb) < self.cxpb:
            return self._mated(first, second, space, rng)
        return self._mutated(Proposal(first.genome, "", (first.candidate,)), space, rng)

    def _and(
        self, pool: Sequence[Individual], slot: int, space: Vocabulary, rng: np.random.Generator
    ) -> Proposal | None:
        """Return a child by crossover and by mutation, each by its chance, as `varAnd` has it."""
        first, pair = pool[slot], slot ^ 1
        child: Proposal | None = Proposal(first.genome, "", (first.candidate,))
        if pair < len(pool) and rng.random() < self.cxpb:
            child = self._mated(first, pool[pair], space, rng)
        if child is not None and rng.random() < self.mutpb:
            child = self._mutated(child, space, rng)
        return child

    def _mated(
        self, first: Individual, second: Individual, space: Vocabulary, rng: np.random.Generator
    ) -> Proposal | None:
        genome = toolbox.mate(self._toolbox["mate"], space, first.genome, second.genome, rng)
        if genome is None:
            return None
        return Proposal(genome, self._names["mate"], (first.candidate, second.candidate))

    def _mutated(
        self, child: Proposal, space: Vocabulary, rng: np.random.Generator
    ) -> Proposal | None:
        genome = toolbox.mutate(self._toolbox["mutate"], space, child.genome, rng)
        if genome is None:
            return None
        return Proposal(
            genome, "+".join(filter(None, (child.operator, self._names["mutate"]))), child.parents
        )

    def _try_operators(self, space: Vocabulary) -> None:
        """Refuse operators that fail on random genomes, or select others than they were given."""
        rng = seeds.generator(purpose="check")
        genomes = [variation.sample(space, rng) for _ in range(4)]
        tried = [
            toolbox.individual(
                str(genome), space.language, [1.0 + i] * len(self.objectives), str(i)
            )
            for i, genome in enumerate(genomes)
        ]
        uses = {
            "select": lambda: self._pool_tried(tried, rng),
            "mate": lambda: self._mated(tried[0], tried[1], space, rng),
            "mutate": lambda: self._mutated(Proposal(genomes[0], ""), space, rng),
        }
        for name, use in uses.items():
            try:
                use()
            except Exception as error:  # whatever a user's own operator raises
                said = f"{type(error).__name__}: {error}"
                raise SettingError(
                    f"deap.{name}: {getattr(self, name)} fails on random genomes ({said:.200})"
                ) from error

    def _pool_tried(self, tried: Sequence[Individual], rng: np.random.Generator) -> None:
        chosen = toolbox.select(self._toolbox["select"], tried, 2, rng)
        if len(chosen) != 2 or any(one not in tried for one in chosen):
            raise ValueError(f"asked for 2 of {len(tried)} individuals, it gave {len(chosen)}")
