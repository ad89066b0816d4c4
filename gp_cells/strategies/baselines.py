"""The hand-designed cells, trained under the protocol that evolved ones go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gp_cells.choose import SettingError
from gp_cells.genome import parse
from gp_cells.spaces import Space
from gp_cells.strategies.strategy import Outcome, Proposal


@dataclass(frozen=True)
class Baselines:
    """Proposes the named cells in order, as many a wave as it has slots."""

    cells: tuple[str, ...]

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Space, seed: int
    ) -> list[Proposal]:
        """Return the cells of one wave; see `Strategy.propose`.

        Raises:
            SettingError: an unknown cell, or fewer cells than slots.
        """
        names = self.cells[wave * slots : (wave + 1) * slots]
        if len(names) < slots:
            raise SettingError(
                f"baselines: waves × slots must equal the number of cells; wave {wave} has {slots} "
                f"slots for {len(names)} cells"
            )
        return [self._proposal(name, space) for name in names]

    def _proposal(self, name: str, space: Space) -> Proposal:
        if name not in space.baselines:
            allowed = ", ".join(space.baselines)
            raise SettingError(f"baselines.cells: there is no {name!r}; choose from {allowed}")
        genome = parse(space.baselines[name].read_text(), space.language)
        return Proposal(genome.canonical(), f"baseline:{name}")
