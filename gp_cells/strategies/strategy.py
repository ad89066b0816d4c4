"""What a strategy is: the types that every strategy file is written against."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.files import canonical_json
from gp_cells.config.genes import GENES
from gp_cells.config.objectives import OBJECTIVES
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import LineageEntry, Search
from gp_cells.config.supernet import SUPERNET, SupernetOutcome
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a strategy sees of one finished trial; nothing in it varies from run to run.

    `genome` is text, of which `parse(outcome.genome, space.language)` makes a genome again. `fitness` is
    the best validation loss (the task's unit, minimised), infinite where the trial failed; `objectives`
    are what else it may be judged by, minimised too, None where not measured: `COUNTED`, `CARRIED` where
    the space counts it, and `MEASURED` of `gp_cells.config.objectives`, and of its `TIMED` those that the
    strategy's setting `objectives` names. Other measures are in the tables alone.

    `recipe` has the candidate's genes, where the search has any, beside what the strategy changed itself.

    The rest is told to a strategy that proposes starts or leaves notes, and None to others: what it said
    itself of the proposal; the hash of the state that the trial left, None if it failed; `epochs` that its
    weights have seen in all, and the validation loss after the last of them; `judged`, the losses on what
    the shards hold out that its proposal names, in that order, none if it failed.

    The curve is told where the run's stopping rule learns from it: the losses of validation and training
    by epoch, and how many epochs there are in all when nothing ends the trial. To a strategy with a
    `horizon` it is told of what is within reach, and `predicted` is the best loss that the stopping rule
    expects at the horizon, None where it cannot tell. A supernet has no fitness; `supernet` says what it
    told. What it spent is told where the search has a budget, by the budget's keys.
    """

    candidate: str  # e.g. "w003-07"
    wave: int
    genome: str
    architecture_id: str
    status: str
    fitness: float
    objectives: Mapping[str, float | None] = field(default_factory=dict)
    operator: str | None = None
    parents: tuple[str, ...] = ()
    start: str | None = None
    recipe: Mapping[str, Any] | None = None
    note: Any = None
    state: str | None = None
    epochs: int | None = None
    last_loss: float | None = None
    judged: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    train_losses: tuple[float, ...] = ()
    planned: int | None = None
    spent: Mapping[str, float] | None = None
    predicted: float | None = None
    supernet: SupernetOutcome | None = None

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

    A `start` is the one parent whose final state the trial goes on from: if that had this genome, the trial
    resumes, else it inherits what both share. `recipe` changes some of the task's: `epochs`, which are
    this trial's own, and what can be a gene, as `learning_rate` and `dropout`; and under `shard` it names a
    part of the training split to train on, and such as to be judged on, by the settings of
    `gp_cells.config.recipe.Shard`. Under `supernet` it says how one is trained. Genes that the search has
    are added to it. A `note` is any JSON value of at most `NOTE_SIZE` characters; it comes back with the
    outcome. Under `ASSEMBLED` a note may say of which parts the genome was assembled, as a mapping of
    the names of formulas to their text: the table `assemblies`.
    All trials of a run have their first weights and batches from one seed; a `repeat` other than 0
    is a seed of its own, so that the same genome can be trained several times.
    """

    genome: Genome
    operator: str
    parents: tuple[str, ...] = ()
    start: str | None = None
    recipe: Mapping[str, Any] | None = None
    note: Any = None
    repeat: int = 0


CHANGEABLE = ("epochs", SHARD, SUPERNET, *GENES)  # of a recipe, by a proposal
NOTE_SIZE = 4000  # characters of canonical JSON
ASSEMBLED = "assembled"  # in a note: parts by the names of their formulas

BASELINE = "baseline:"  # what a design's operator begins with in lineage.json


def baseline_operator(name: str) -> str:
    """Return the operator of a hand-designed architecture, which says its name."""
    return f"{BASELINE}{name}"


def baseline_name(operator: str) -> str | None:
    """Return the name of the hand-designed architecture that an operator is of, None of any other."""
    return operator.removeprefix(BASELINE) if operator.startswith(BASELINE) else None


def assembled_from(note: Any) -> Mapping[str, str]:
    """Return the parts that a note says a candidate was assembled from, by name; none if it does not."""
    parts = note.get(ASSEMBLED) if isinstance(note, dict) else None
    return parts if isinstance(parts, dict) else {}


def told(
    outcome: Outcome,
    said: Proposal | LineageEntry,
    state: str | None,
    epochs: int | None,
    last_loss: float | None,
    judged: tuple[float, ...] = (),
) -> Outcome:
    """Return an outcome with what is told to a strategy that proposes starts or leaves notes."""
    return dataclasses.replace(
        outcome,
        operator=said.operator,
        parents=said.parents,
        start=said.start,
        recipe=said.recipe,
        note=json.loads(canonical_json(said.note)),
        state=state,
        epochs=epochs,
        last_loss=last_loss,
        judged=judged,
    )


class Strategy(Protocol):
    """A rule that proposes genomes from what has been measured; its fields are its settings.

    One that lists designs instead of searching has a class variable `searches = False`, and is compared
    with the searches, not among them. Without the variable it searches; see `searches`.

    One that proposes starts has a property `reach`: how many waves of those that a wave may see a start may
    be of, the newest first. Without it there are none, and no trial keeps its state; see `reach_of`.

    One that reads files of its own for each run has a method `in_run`, which returns it as it is in the run
    of that name; see `in_run`. Which files of one's own the workflow watches is in `config.own_files`.

    One that wants its trials foretold by the run's stopping rule has a property `horizon`: after how many
    epochs of their weights. Without it, or where that is 0, they are not; see `horizon_of`.

    One that may have nothing left to try has a class variable `ends = True`, and may return fewer genomes
    than slots, or none; the slots that are left are empty. See `ends`.

    One whose finalists are others than its best has a method `finalists`, which returns the candidates that
    come first, given the whole history and the space; see `first_finalists`.
    """

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a plan that this strategy cannot fill, before anything is trained.

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


def proposals_of(
    strategy: Strategy,
    history: Sequence[Outcome],
    wave: int,
    slots: int,
    space: Vocabulary,
    seed: int,
    name: str | None = None,
) -> list[Proposal]:
    """Return what a strategy proposes for a wave, held to what a proposal is; `name` is the strategy's.

    Raises:
        SettingError: they are more or fewer than the slots, or one is made of something else.
    """
    proposals = strategy.propose(history, wave, slots, space, seed)
    if len(proposals) != slots and not (ends(strategy) and len(proposals) < slots):
        raise SettingError(
            f"wave {wave}: expected {slots} genomes, one for each slot, got {len(proposals)} from the "
            f"strategy {name or type(strategy).__name__}; its `propose` has to return as many as `slots` "
            "says"
        )
    for slot, proposal in enumerate(proposals):
        if not _is_made_of(proposal):
            raise SettingError(
                f"wave {wave}, slot {slot}: expected Proposal(genome, operator, parents) of a Genome, a "
                f"text and a tuple of texts, got {proposal!r:.200} from the strategy "
                f"{name or type(strategy).__name__}; mutate returns a genome and its operator, cross and "
                "sample a genome"
            )
    return proposals


def _is_made_of(proposal: Any) -> bool:
    """Return whether a proposal has a genome, an operator and parents, whatever they say."""
    return (
        isinstance(proposal, Proposal)
        and isinstance(proposal.genome, Genome)
        and isinstance(proposal.operator, str)
        and isinstance(proposal.parents, tuple)
        and all(isinstance(parent, str) for parent in proposal.parents)
    )


def searches(strategy: Strategy) -> bool:
    """Return whether a strategy searches; false if it lists designs."""
    return bool(getattr(strategy, "searches", True))


def ends(strategy: Strategy) -> bool:
    """Return whether a strategy may have nothing left to try, and then leaves slots empty."""
    return bool(getattr(strategy, "ends", False))


def first_finalists(
    strategy: Strategy, history: Sequence[Outcome], space: Vocabulary
) -> Sequence[str]:
    """Return the candidates that are finalists before the best ones: none, unless a strategy says so."""
    named: Callable[[Sequence[Outcome], Vocabulary], Sequence[str]] | None
    named = getattr(strategy, "finalists", None)
    return () if named is None else named(history, space)


def in_run(strategy: Strategy, run: str) -> Strategy:
    """Return a strategy as it is in the run of a name: one that reads files of a run is told which."""
    told_of: Callable[[str], Strategy] | None = getattr(strategy, "in_run", None)
    return strategy if told_of is None else told_of(run)


ANY_WAVE = 1000  # a reach: as many waves as a plan can have


def with_start(child: Proposal, history: Sequence[Outcome]) -> Proposal:
    """Return a child that begins with what it shares with its first parent, if that left a state."""
    states = {outcome.candidate for outcome in history if outcome.state is not None}
    if not child.parents or child.parents[0] not in states:
        return child
    return dataclasses.replace(child, start=child.parents[0])


def newest_wave(history: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of the newest wave that is seen, in order of slots; none of an empty history."""
    return [outcome for outcome in history if outcome.wave == history[-1].wave]


def best_of_newest(history: Sequence[Outcome], foretold: bool = False) -> list[Outcome]:
    """Return those of the newest wave that left a state, the best first, or who should become the best."""
    able = [outcome for outcome in newest_wave(history) if outcome.state is not None]

    def rank(outcome: Outcome) -> tuple[float, str]:
        known = outcome.predicted if foretold else None
        return (outcome.fitness if known is None else known, outcome.candidate)

    return sorted(able, key=rank)


def going_on(
    outcome: Outcome, operator: str, recipe: Mapping[str, Any] | None, space: Vocabulary
) -> Proposal:
    """Return the same genome again, to resume from the state that it left."""
    genome, name = parse(outcome.genome, space.language), outcome.candidate
    return Proposal(genome, operator, (name,), start=name, recipe=recipe)


def reach_of(strategy: Strategy) -> int:
    """Return how many waves, of those that a wave may see, a start may be of; 0: it has none."""
    return int(getattr(strategy, "reach", 0))


def horizon_of(strategy: Strategy) -> int:
    """Return the epochs after which trials are to be foretold by the stopping rule; 0: they are not."""
    return int(getattr(strategy, "horizon", 0))


def plan_words(widths: Sequence[int]) -> str:
    """Return a plan in words: "3 waves of 4 slots"."""
    slots = f"{widths[0]}" if len(set(widths)) == 1 else ", ".join(map(str, widths))
    return f"{len(widths)} waves of {slots} slots"


def check_founders(place: str, population: int, search: Search, space: Vocabulary) -> None:
    """Refuse a population that a plan cannot fill, or a space from which nothing can be drawn.

    Raises:
        SettingError: either of the two.
    """
    if sum(search.widths) <= population:
        raise SettingError(
            f"{place}: {population} random genomes come before the first child, "
            f"and {plan_words(search.widths)} have no more; lower it or search longer"
        )
    variation.sample(space, seeds.generator(purpose="check"))


def fresh_wave(
    history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
) -> list[Proposal]:
    """Return random genomes, each drawn again while the history or the wave holds it."""
    known = {outcome.architecture_id for outcome in history}
    proposals = []
    for slot in range(slots):
        rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
        genome = variation.sample_new(space, rng, known)
        known.add(genome.architecture_id)
        proposals.append(Proposal(genome, "sample"))
    return proposals


def check_objectives(place: str, objectives: Sequence[str], reference: Sequence[float]) -> None:
    """Refuse objectives that are named twice, or a reference point of more or fewer numbers.

    Raises:
        SettingError: either of the two.
    """
    if len(set(objectives)) < len(objectives):
        raise SettingError(f"{place}.objectives: name each objective once")
    if len(reference) != len(objectives):
        raise SettingError(
            f"{place}.reference_point: got {len(reference)} number(s) for "
            f"{len(objectives)} objective(s) ({', '.join(objectives)})"
        )


def check_known(place: str, objectives: Sequence[str]) -> None:
    """Refuse objectives that no trial is judged by.

    Raises:
        SettingError: there is one; says which there are.
    """
    unknown = [name for name in objectives if name not in OBJECTIVES]
    if unknown:
        allowed = ", ".join(OBJECTIVES)
        raise SettingError(f"{place}: there is no {unknown[0]!r}; choose from {allowed}")


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
