"""Waves asked of a searcher of another library, on spaces of fixed choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.files import canonical_json
from gp_cells.genomes.choices import FixedChoices, Options, choices_of, drawn_choices
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.variation import TRIES
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.searchers import Searcher, chance_seeded
from gp_cells.strategies.strategy import NOTE_SIZE, Outcome, Proposal

ASKED_AGAIN = 20  # times a slot is asked for again before it has fresh choices

Make = Callable[[Options, int], Searcher]  # of a space's choices and a seed


def try_searcher(make: Make, space: Vocabulary) -> None:
    """Refuse a space without fixed choices, and a searcher that cannot be made, told and asked.

    Raises:
        SettingError: what is wrong.
    """
    options = choices_of(space).choices
    with chance_seeded(0):
        searcher = make(options, 0)
        for loss in (1.0, math.inf):
            try:
                chosen, memory = searcher.ask()
                searcher.tell(chosen, loss, memory)
            except (TypeError, ValueError, ImportError) as error:
                said = str(error).partition("\n")[0]
                raise SettingError(
                    f"the searcher cannot search these choices: {said:.200}"
                ) from error
        if len(canonical_json({"chosen": dict(chosen), "memory": memory})) > NOTE_SIZE:
            raise SettingError(
                f"the searcher keeps more with a trial than the {NOTE_SIZE} characters of a note"
            )


def ask_wave(
    make: Make,
    history: Sequence[Outcome],
    wave: int,
    slots: int,
    space: Vocabulary,
    seed: int,
) -> list[Proposal]:
    """Return what a searcher asks for once it has been told the history in order.

    Each proposal's note has the options chosen, and what the searcher keeps with them.
    """
    fixed = choices_of(space)
    drawn = seeds.derive(seed=seed, purpose="searcher", wave=wave)
    known: dict[str, float | None] = {of.architecture_id: of.fitness for of in history}
    proposals = []
    with chance_seeded(drawn):
        searcher = make(fixed.choices, drawn)
        for outcome in history:
            if outcome.note:
                searcher.tell(outcome.note["chosen"], outcome.fitness, outcome.note["memory"])
        for slot in range(slots):
            proposal = _asked(searcher, fixed, known)
            if proposal is None:
                rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
                proposal = _fresh(fixed, space, known, rng)
            known.setdefault(proposal.genome.architecture_id, None)
            proposals.append(proposal)
    return proposals


def _asked(
    searcher: Searcher, fixed: FixedChoices, known: dict[str, float | None]
) -> Proposal | None:
    """Return the first new genome that a searcher asks for, None if there was none."""
    for _ in range(ASKED_AGAIN + 1):
        chosen, memory = searcher.ask()
        genome = fixed.chosen_genome(chosen)
        if genome is None:
            searcher.answer(math.inf)
        elif genome.architecture_id not in known:
            return _proposal(genome, "ask", chosen, memory)
        elif (loss := known[genome.architecture_id]) is not None:
            searcher.answer(loss)
    return None


def _fresh(
    fixed: FixedChoices,
    space: Vocabulary,
    known: dict[str, float | None],
    rng: np.random.Generator,
) -> Proposal:
    """Return options drawn at random, new ones if any of `TRIES` draws is."""
    found: Proposal | None = None
    for _ in range(TRIES):
        chosen = drawn_choices(fixed.choices, rng)
        genome = fixed.chosen_genome(chosen)
        if genome is not None:
            found = _proposal(genome, "sample", chosen, None)
            if genome.architecture_id not in known:
                break
    if found is None:
        raise SettingError(f"no genome could be drawn from {space}; give it more functions or room")
    return found


def _proposal(genome: Genome, operator: str, chosen: Any, memory: Any) -> Proposal:
    return Proposal(genome, operator, note={"chosen": dict(chosen), "memory": memory})
