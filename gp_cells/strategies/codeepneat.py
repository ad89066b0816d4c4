"""CoDeepNEAT: modules and blueprints evolve side by side, and are judged by what is assembled of them.

After Miikkulainen et al. 2017, Evolving deep neural networks, https://arxiv.org/abs/1703.00548. Taken from
the paper: two populations with species; a blueprint names species, not modules, and where it names one
twice, both are the same module, drawn of that species; a part's fitness is the mean of that of all networks
that hold it; hyper-parameters evolve along (here as the search's genes). What differs:

- Parts are formulas, and are varied as formulas: an element replaced, put in or taken out, or, with two
  parents, a subtree of one put where the other has one. NEAT's innovation numbers have no place there.
- A part is of the species whose founder is nearest by tree distance. Founders are drawn once from the seed,
  as far from each other as can be found, and do not move: what a species holds follows from a part's text.
- Species have equal shares of a generation; theirs grow with their mean fitness, and a loss has no zero.
- Of a part all networks so far count, not those of one generation: a network is never trained twice, so
  that a generation alone would judge a part that stays by whom it happened to meet last. One that failed to
  train does not count; a part of which all failed has no children.
- With several objectives, each a mean likewise, parts are ranked by NSGA-II (Deb et al. 2002) inside their
  species, as LEAF does for loss and size (Liang et al. 2019, https://arxiv.org/abs/1902.06827).
- A wave that sees nothing yet, at the start or with a lag, has random parts.

A note says what each candidate was assembled from: the table `assemblies`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.files import canonical_json
from gp_cells.config.objectives import FITNESS
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.canonical import ordered
from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome, parse, written
from gp_cells.genomes.language import Language
from gp_cells.genomes.modules import ModularFormulas
from gp_cells.genomes.parts import changed, crossed, unlike
from gp_cells.genomes.terms import Term, heads
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import selection
from gp_cells.strategies.strategy import (
    ASSEMBLED,
    NOTE_SIZE,
    Outcome,
    Proposal,
    assembled_from,
    check_known,
)

DRAWN = 20  # fresh parts, of which founders are those farthest from each other; and for a newcomer
TRIES_EACH = 10  # drawings of modules for one blueprint before another has its turn


@dataclass(frozen=True)
class CoDeepNEAT:
    """Evolves modules and blueprints in two populations, judged by the networks assembled of both."""

    blueprints: int = setting(
        6, "of a generation, as far as a wave has slots", unit="blueprints", low=1
    )
    modules: int = setting(
        12, "of a generation, two of each species at least", unit="modules", low=2
    )
    species: int = setting(3, "of modules, which a blueprint names", unit="species", low=1, high=8)
    blueprint_species: int = setting(2, "of blueprints", unit="species", low=1)
    elite: float = setting(
        0.5, "share of a generation that the best parts of all before it have", low=0, high=1
    )
    survivors: float = setting(0.5, "best share of a species that may have children", low=0, high=1)
    crossover: float = setting(0.3, "share of children with two parents", low=0, high=1)
    objectives: tuple[str, ...] = setting(
        (FITNESS,), "what is minimised, each named once, e.g. fitness, parameters", min_items=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "codeepneat")
        if len(set(self.objectives)) < len(self.objectives):
            raise SettingError("codeepneat.objectives: name each objective once")
        if self.modules < 2 * self.species:
            raise SettingError(
                f"codeepneat.modules: {self.species} species need {2 * self.species} at least, got "
                f"{self.modules}"
            )

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space without modules, too many species, unknown objectives; see `Strategy.check`."""
        check_known("codeepneat.objectives", self.objectives)
        if not isinstance(space.language.kind, ModularFormulas):
            raise SettingError(
                f"the space {space.language.name} has no modules for codeepneat; choose modular, or "
                "another strategy"
            )
        most = len(_modules_of(space))
        if self.species > most:
            raise SettingError(
                f"codeepneat.species: genomes of the space have {most} modules, got {self.species} species"
            )
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` networks, each of a blueprint and of modules of this wave's generation."""
        breeding = _Breeding(self, space, seed, wave, history)
        modules = breeding.modules()
        blueprints = breeding.blueprints(min(self.blueprints, slots))
        known = {outcome.architecture_id for outcome in history}
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            turns = [*blueprints[slot % len(blueprints) :], *blueprints[: slot % len(blueprints)]]
            proposal = _assembled(space, turns, modules, known, rng)
            known.add(proposal.genome.architecture_id)
            proposals.append(proposal)
        return proposals


# --- what parts are worth -------------------------------------------------------------------------


@dataclass(frozen=True)
class Credit:
    """What a part is worth: the mean of each objective over all networks that hold it and trained.

    `best` is the candidate of least fitness among them.
    """

    term: Term
    means: selection.Point
    best: str


def credits_of(
    history: Sequence[Outcome], objectives: Sequence[str], language: Language
) -> tuple[list[Credit], list[Credit]]:
    """Return the credits of blueprints and of modules, in order of first appearance."""
    held: tuple[dict[Term, list[Outcome]], ...] = ({}, {})
    for outcome in history:
        if math.isfinite(sum(_point(outcome, objectives))):
            for name, term in _parts(outcome, language).items():
                held[name not in language.kind.outputs].setdefault(term, []).append(outcome)
    blueprints, modules = (
        [_credit(term, outcomes, objectives) for term, outcomes in of.items()] for of in held
    )
    return blueprints, modules


def _credit(term: Term, outcomes: Sequence[Outcome], objectives: Sequence[str]) -> Credit:
    points = zip(*(_point(outcome, objectives) for outcome in outcomes), strict=True)
    means = tuple(math.fsum(values) / len(values) for values in points)
    best = min(outcomes, key=lambda outcome: (outcome.fitness, outcome.candidate))
    return Credit(term, means, best.candidate)


def _point(outcome: Outcome, objectives: Sequence[str]) -> selection.Point:
    """Return an outcome's objectives, infinite where it failed or one was not measured."""
    values = {**outcome.objectives, FITNESS: outcome.fitness}
    known = [math.inf if outcome.failed else values.get(name) for name in objectives]
    return tuple(math.inf if value is None else float(value) for value in known)


def _parts(outcome: Outcome, language: Language) -> Mapping[str, Term]:
    """Return the formulas that a candidate was assembled from, by name; none if it was not."""
    parts = assembled_from(outcome.note)
    text = "\n".join(f"{name} = {part}" for name, part in parts.items())
    return dict(parse(text, language).formulas) if text else {}


# --- a generation ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A part of a generation, the operator that made it, none if it stays, and candidates it is of."""

    term: Term
    operator: str = ""
    parents: tuple[str, ...] = ()


class _Breeding:
    """The two populations as a wave sees them, and the generation that follows."""

    def __init__(
        self,
        strategy: CoDeepNEAT,
        space: Vocabulary,
        seed: int,
        wave: int,
        history: Sequence[Outcome],
    ) -> None:
        self.strategy, self.space, self.seed, self.wave = strategy, space, seed, wave
        self.language = space.language
        self.output = self.language.kind.outputs[0]
        self.credits = credits_of(history, strategy.objectives, self.language)

    def modules(self) -> dict[str, list[Part]]:
        """Return the modules of this generation, by the name that blueprints have for their species."""
        found: dict[str, list[Part]] = {name: [] for name in self.names}
        for part in self._generation("module", self.strategy.modules, least=1):
            found[self.names[self._species(part.term, self.module_founders)]].append(part)
        return found

    def blueprints(self, count: int) -> list[Part]:
        """Return the blueprints of this generation."""
        return self._generation("blueprint", count, least=0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the species of modules."""
        return _modules_of(self.space)[: len(self.module_founders)]

    @cached_property
    def module_founders(self) -> list[Term]:
        """The first of each species of modules."""
        return self._founders("module", self.strategy.species)

    @cached_property
    def blueprint_founders(self) -> list[Term]:
        """The first of each species of blueprints."""
        return self._founders("blueprint", self.strategy.blueprint_species)

    def _founders(self, role: str, count: int) -> list[Term]:
        """Return so many fresh parts that are far from each other; fewer if no more are unlike."""
        drawn = [
            self._fresh(
                role, seeds.generator(seed=self.seed, purpose="founders", role=role, number=i)
            )
            for i in range(DRAWN)
        ]
        founders = drawn[:1]
        while len(founders) < count:
            gaps = [min(unlike(term, of, self.language) for of in founders) for term in drawn]
            if max(gaps) == 0:
                break
            founders.append(drawn[gaps.index(max(gaps))])
        return founders

    def _species(self, term: Term, founders: Sequence[Term]) -> int:
        """Return the species of a part: that of the nearest founder, of several the first."""
        gaps = [unlike(term, founder, self.language) for founder in founders]
        return gaps.index(min(gaps))

    def _fresh(self, role: str, rng: np.random.Generator) -> Term:
        """Return a module of a random genome, or its blueprint with species in place of its modules."""
        while True:
            formulas = dict(variation.sample(self.space, rng).formulas)
            blueprint, modules = formulas.pop(self.output), list(formulas.values())
            if role == "module":
                return ordered(modules[int(rng.integers(len(modules)))], self.language)
            given = {name: self.names[int(rng.integers(len(self.names)))] for name in formulas}
            term = ordered(_renamed(blueprint, given), self.language)
            if self._is_legal(role, term):
                return term

    def _generation(self, role: str, count: int, least: int) -> list[Part]:
        """Return so many parts, species after species: the best of each, `least` at least, and children."""
        of_modules = role == "module"
        founders = self.module_founders if of_modules else self.blueprint_founders
        credits = self.credits[of_modules]
        parts: list[Part] = []
        known = {credit.term for credit in credits}
        for species, founder in enumerate(founders):
            share = count // len(founders) + (species < count % len(founders))
            own = [c for c in credits if self._species(c.term, founders) == species]
            living = self._ranked(own)[:share]
            kept = living[: max(least, int(self.strategy.elite * share))]
            parts += [Part(credit.term, "", (credit.best,)) for credit in kept]
            for number in range(len(kept), share):
                rng = seeds.generator(
                    seed=self.seed, purpose=role, wave=self.wave, species=species, number=number
                )
                part = self._child(role, living, known, rng) if living else None
                parts.append(part or self._newcomer(role, founder, founders, known, rng))
                known.add(parts[-1].term)
        return parts

    def _ranked(self, credits: Sequence[Credit]) -> list[Credit]:
        """Return parts from the best to the worst."""
        if len(self.strategy.objectives) == 1:
            return sorted(credits, key=lambda credit: (credit.means, credit.best))
        kept = selection.survivors([credit.means for credit in credits], len(credits))
        return [credits[judged.place] for judged in kept]

    def _child(
        self, role: str, living: Sequence[Credit], known: set[Term], rng: np.random.Generator
    ) -> Part | None:
        able = living[: max(1, math.ceil(self.strategy.survivors * len(living)))]
        first, second = (able[int(rng.integers(len(able)))] for _ in range(2))

        def wanted(term: Term) -> bool:
            return term not in known and self._is_legal(role, term)

        if first is not second and rng.random() < self.strategy.crossover:
            term = crossed(self.space, first.term, second.term, wanted, rng)
            if term is not None:
                return Part(term, "cross", (first.best, second.best))
        name = self.output if role == "blueprint" else self.names[0]
        formulas = (*self.names, self.output)
        found = changed(self.space, name, first.term, formulas, wanted, rng, variation.TRIES)
        return None if found is None else Part(found[0], found[1], (first.best,))

    def _newcomer(
        self,
        role: str,
        founder: Term,
        founders: Sequence[Term],
        known: set[Term],
        rng: np.random.Generator,
    ) -> Part:
        """Return the founder of a species, or, if that is known, a fresh part of the species."""
        for _ in range(DRAWN if founder in known else 0):
            term = self._fresh(role, rng)
            if term not in known and founders[self._species(term, founders)] == founder:
                return Part(term, "sample")
        return Part(founder, "sample")

    def _is_legal(self, role: str, term: Term) -> bool:
        """Return whether a part can be in a genome: a module called once, a blueprint of the founders."""
        if role == "module":
            name = self.names[0]
            formulas: list[tuple[str, Term]] = [(name, term), (self.output, (name, ("x",)))]
        else:
            called = set(heads(term))
            given = zip(self.names, self.module_founders, strict=True)
            formulas = [*((name, of) for name, of in given if name in called), (self.output, term)]
        return legal(self.space, formulas) is not None


def _assembled(
    space: Vocabulary,
    blueprints: Sequence[Part],
    modules: Mapping[str, Sequence[Part]],
    known: set[str],
    rng: np.random.Generator,
) -> Proposal:
    """Return a new network of the first blueprint, or of one after it, and modules drawn of its species."""
    output = space.language.kind.outputs[0]
    for attempt in range(TRIES_EACH * len(blueprints)):
        blueprint = blueprints[attempt // TRIES_EACH]
        called = set(heads(blueprint.term))
        parts = {
            name: of[int(rng.integers(len(of)))] for name, of in modules.items() if name in called
        }
        parts[output] = blueprint
        genome = legal(space, [(name, part.term) for name, part in parts.items()])
        note = {
            ASSEMBLED: {name: written(part.term, space.language) for name, part in parts.items()}
        }
        if (
            genome is not None
            and genome.architecture_id not in known
            and len(canonical_json(note)) <= NOTE_SIZE
        ):
            return _proposal(genome, [blueprint, *parts.values()], note)
    return Proposal(variation.sample_new(space, rng, known), "sample")


def _proposal(
    genome: Genome, parts: Sequence[Part], note: Mapping[str, Mapping[str, str]]
) -> Proposal:
    operators = dict.fromkeys(part.operator for part in parts if part.operator)
    parents = dict.fromkeys(parent for part in parts for parent in part.parents)
    return Proposal(genome, "+".join(["assemble", *operators]), tuple(parents), note=note)


def _modules_of(space: Vocabulary) -> tuple[str, ...]:
    """Return the names of the modules that a search may write."""
    return tuple(name for name in space.functions if name in space.language.kind.named)


def _renamed(term: Term, names: Mapping[str, str]) -> Term:
    return (names.get(term[0], term[0]), *(_renamed(part, names) for part in term[1:]))
