"""A searcher of another library as an arm: Optuna's samplers, Syne Tune's searchers, or your own.

It is for spaces of fixed choices (`gp_cells.genomes.choices`). A searcher is made anew for each wave
and told the history in order (`gp_cells.strategies.searchers`), so that what it proposes does not
depend on workers, hash seeds or who finished first. What differs from running the library itself:

- What a searcher asks for and is known already is answered at once with its known outcome, and what the
  space does not admit as a failure; then it is asked again, up to 20 times, before random choices take
  the slot.
- The slots of a wave are asked for one after the other, without an outcome between. Optuna's samplers
  see them under way (`constant_liar`). With a lag, none sees the waves that are under way.
- Only what this strategy proposed is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gp_cells.config.choose import REQUIRED, check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes.choices import Options
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.asking import ask_wave, try_searcher
from gp_cells.strategies.searchers import Searcher, searcher_of
from gp_cells.strategies.strategy import Outcome, Proposal


@dataclass(frozen=True)
class AskTell:
    """Asks a searcher of Optuna or Syne Tune, or your own, for the options of each choice."""

    searcher: str = setting(
        REQUIRED,
        "its class with arguments, as TPESampler(multivariate=True); your own as module:class",
    )
    library: Literal["optuna", "syne_tune", "own"] = setting("optuna", "where the searcher is from")

    def __post_init__(self) -> None:
        check_settings(self, "ask_tell")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space without fixed choices, and a searcher that there is not; see `Strategy.check`."""
        try_searcher(self._made, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return what the searcher asks for; see `Strategy.propose`."""
        return ask_wave(self._made, history, wave, slots, space, seed)

    def _made(self, options: Options, seed: int) -> Searcher:
        return searcher_of(self.library, self.searcher, "ask_tell.searcher", options, seed)
