"""The tree-structured Parzen estimator as Optuna has it: `TPESampler`, on spaces of fixed choices.

Bergstra et al. 2011, https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization; Optuna:
Akiba et al. 2019, https://arxiv.org/abs/1907.10902. The sampler is Optuna's own, told the history in order
(`gp_cells.strategies.ask_tell` says what differs from a study of Optuna's, and takes its other samplers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes.choices import Options
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.asking import ask_wave, try_searcher
from gp_cells.strategies.searchers import Searcher, searcher_of
from gp_cells.strategies.strategy import Outcome, Proposal


@dataclass(frozen=True)
class TPE:
    """Chooses the options that are likelier among the best than among the others."""

    founders: int = setting(
        10, "random choices before the first estimate; Optuna's", unit="candidates", low=1
    )
    drawn: int = setting(
        24,
        "drawn of the best's estimate, the likeliest is taken; Optuna's",
        unit="options",
        low=1,
    )
    multivariate: bool = setting(True, "estimate all choices together; Optuna's")
    constant_liar: bool = setting(
        True, "count the other slots of a wave among the bad, so that they differ"
    )

    def __post_init__(self) -> None:
        check_settings(self, "tpe")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space without fixed choices, or a machine without Optuna; see `Strategy.check`."""
        try_searcher(self._made, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return what Optuna's sampler asks for; see `Strategy.propose`."""
        return ask_wave(self._made, history, wave, slots, space, seed)

    def _made(self, options: Options, seed: int) -> Searcher:
        text = (
            f"TPESampler(n_startup_trials={self.founders}, n_ei_candidates={self.drawn}, "
            f"multivariate={self.multivariate}, constant_liar={self.constant_liar})"
        )
        return searcher_of("optuna", text, "tpe", options, seed)
