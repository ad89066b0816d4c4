"""A search that begins with cells found elsewhere: the best of a proxy task, a release or another space.

First each cell is trained as it is, then the best so far are mutated, as NASNet's cells went from one data
set to another (Zoph, Vasudevan, Shlens and Le 2018, https://arxiv.org/abs/1707.07012), whose cells were not
searched further on the target. With as many slots as cells nothing is searched, which is how a table of
transfer is made (`gp-cells transfers`).

The cells are texts in the settings; where a config names `.cell` files, its plan has put their texts
(`gp_cells.config.cell_files`). A cell of another space will do where its text is one of this language and
this space admits it. Each keeps where it comes from and a hash of its text in its candidate's note; its
parents were candidates elsewhere, so here it has none. A wave that sees no trained candidate mutates the
cells themselves, and these children have no parent either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.cell_files import TRANSFER, found_on, source_of
from gp_cells.config.choose import REQUIRED, SettingError, check_settings, setting
from gp_cells.config.files import content_hash
from gp_cells.config.records import Search
from gp_cells.config.refusal import printable
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.cells import read_cell
from gp_cells.strategies.strategy import Outcome, Proposal, plan_words


@dataclass(frozen=True)
class Transfer:
    """Trains cells found elsewhere, then mutates the best so far."""

    cells: tuple[str, ...] = setting(
        REQUIRED,
        "where it begins, each a .cell file, a folder of them with / at its end, both from where snakemake "
        "runs, formulas, or the name of a hand-designed cell of the space",
        min_items=1,
    )
    parents: int = setting(
        5,
        "best architectures so far, of which each child's parent is drawn, each as likely",
        unit="architectures",
        low=1,
    )
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "one is drawn for each child",
        choices=variation.MUTATIONS,
        min_items=1,
    )

    def __post_init__(self) -> None:
        check_settings(self, "transfer")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse cells that the space has not, twins, and slots that do not fit; see `Strategy.check`."""
        first: dict[str, int] = {}
        for number, (genome, _) in enumerate(self._brought(space), start=1):
            twin = first.setdefault(genome.architecture_id, number)
            if twin < number:
                raise SettingError(
                    f"transfer.cells: {_told(self.cells, twin)} and {_told(self.cells, number)} are the "
                    "same architecture; leave one out"
                )
        self._check_slots(search)

    def _check_slots(self, search: Search) -> None:
        """Refuse fewer slots than cells, and slots by which a wave cannot tell which cells are its own."""
        cells, widths = len(self.cells), search.widths
        if sum(widths) < cells:
            raise SettingError(
                f"transfer.cells: {cells} cells, and {plan_words(widths)} cannot train them all; give more "
                "slots or fewer cells"
            )
        for wave, slots in enumerate(widths):
            seen = max(0, wave - search.lag + 1)
            taken = sum(widths[:seen]) + (wave - seen) * slots
            if min(taken, cells) != min(sum(widths[:wave]), cells):
                raise SettingError(
                    f"transfer.cells: {cells} cells take the slots in order, for which with a lag of "
                    f"{search.lag} waves need equal ones; got {plan_words(widths)}"
                )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the cells of a wave's slots, then children of the best so far; see `Strategy.propose`."""
        brought = self._brought(space)
        known = {of.architecture_id for of in history}
        known |= {genome.architecture_id for genome, _ in brought}
        seen = history[-1].wave + 1 if history else 0
        taken = len(history) + (wave - seen) * slots  # waves under way are as wide; see `check`
        proposals = [
            Proposal(genome, TRANSFER, note=note) for genome, note in brought[taken : taken + slots]
        ]
        parents = self._parents(history, space, brought)
        for slot in range(len(proposals), slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            child = self._child(parents, known, space, rng)
            known.add(child.genome.architecture_id)
            proposals.append(child)
        return proposals

    def _parents(
        self,
        history: Sequence[Outcome],
        space: Vocabulary,
        brought: Sequence[tuple[Genome, Any]],
    ) -> list[tuple[Genome, tuple[str, ...]]]:
        """Return the best architectures so far with their candidates; none trained yet: the cells."""
        best: dict[str, Outcome] = {}
        for outcome in sorted(history, key=lambda of: (of.fitness, of.candidate)):
            if not outcome.failed:
                best.setdefault(outcome.architecture_id, outcome)
        ranked = [*best.values()][: self.parents]
        found: list[tuple[Genome, tuple[str, ...]]] = [
            (parse(of.genome, space.language), (of.candidate,)) for of in ranked
        ]
        return found or [(genome, ()) for genome, _ in brought]

    def _child(
        self,
        parents: Sequence[tuple[Genome, tuple[str, ...]]],
        known: set[str],
        space: Vocabulary,
        rng: np.random.Generator,
    ) -> Proposal:
        """Return a mutated parent that is not known, or after `TRIES` any."""
        for _ in range(variation.TRIES):
            parent, candidates = parents[int(rng.integers(len(parents)))]
            genome, operator = variation.mutate(space, parent, rng, self.mutations)
            if genome.architecture_id not in known:
                break
        return Proposal(genome, operator, () if operator == "sample" else candidates)

    def _brought(self, space: Vocabulary) -> list[tuple[Genome, dict[str, str | None]]]:
        """Return each cell in canonical form, and what its note says of its source.

        Raises:
            SettingError: one is neither a name nor formulas of the space's language, or is not admitted.
        """
        return [self._read(number, space) for number in range(1, len(self.cells) + 1)]

    def _read(self, number: int, space: Vocabulary) -> tuple[Genome, dict[str, str | None]]:
        item, place = self.cells[number - 1], f"transfer.cells: {_told(self.cells, number)}"
        genome, text = read_cell(item, space, place)
        is_name = item in space.baselines
        source = item if is_name else source_of(text)
        note = {"found_on": found_on(text), "source": source, "text": content_hash(text)}
        return genome, note


def _told(cells: Sequence[str], number: int) -> str:
    """Return which cell one is, by its place and the beginning of what is known of its source."""
    said = source_of(cells[number - 1]) or cells[number - 1]
    return f"cell {number} ({printable(' '.join(said.split()))[:80]})"
