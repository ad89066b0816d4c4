"""The hand-designed cells, trained under the same protocol as evolved ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gp_cells.config.choose import REQUIRED, SettingError, check_settings, setting
from gp_cells.config.files import read_text
from gp_cells.config.records import Search
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import (
    Outcome,
    Proposal,
    baseline_operator,
    plan_words,
)


@dataclass(frozen=True)
class Baselines:
    """Proposes the named cells in order, as many a wave as it has slots."""

    searches: ClassVar[bool] = False

    cells: tuple[str, ...] = setting(
        REQUIRED, "hand-designed cells of the space, by name: waves × slots of them", min_items=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "baselines")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse unknown cells, or more or fewer than the plan has slots; see `Strategy.check`."""
        unknown = [name for name in self.cells if name not in space.baselines]
        if unknown:
            if "=" in unknown[0]:
                raise SettingError(
                    "baselines.cells: these are the space's own cells by name; a cell of your own, by "
                    "its file or its formulas, goes into the cells of the strategy transfer"
                )
            allowed = ", ".join(space.baselines)
            raise SettingError(
                f"baselines.cells: there is no {unknown[0]!r:.80}; choose from {allowed}"
            )
        widths = search.widths
        if len(set(widths)) > 1 or len(self.cells) != sum(widths):
            raise SettingError(
                f"baselines.cells: {len(self.cells)} cells for {plan_words(widths)}; "
                "waves × slots must equal the number of cells"
            )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the cells of one wave; see `Strategy.propose`."""
        names = self.cells[wave * slots : (wave + 1) * slots]
        return [self._proposal(name, space) for name in names]

    def _proposal(self, name: str, space: Vocabulary) -> Proposal:
        genome = parse(read_text(space.baselines[name]), space.language)
        return Proposal(genome.canonical(), baseline_operator(name))
