"""A search on an invented loss, for strategies that propose starts: what a history would tell them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence

from gp_cells.config.recipe import SHARD
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import Outcome, Strategy

EPOCHS = 4  # of a trial whose proposal does not say how many


def played(
    strategy: Strategy,
    space: Vocabulary,
    widths: Sequence[int],
    lag: int = 1,
    seed: int = 3,
    failing: Collection[str] = (),
) -> list[Outcome]:
    """Return the outcomes of a search whose losses come from the genome and fall with its epochs."""
    history: list[Outcome] = []
    for wave, slots in enumerate(widths):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        states = {outcome.candidate: outcome for outcome in seen}
        for slot, proposal in enumerate(strategy.propose(seen, wave, slots, space, seed)):
            name, key = f"w{wave:03d}-{slot:02d}", proposal.genome.architecture_id
            assert proposal.start is None or proposal.start in proposal.parents
            before = 0 if proposal.start is None else states[proposal.start].epochs or 0
            epochs = before + (proposal.recipe or {}).get("epochs", EPOCHS)
            loss = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 + 1 / epochs
            failed = name in failing
            judged = (proposal.recipe or {}).get(SHARD, {}).get("judged", ())
            history.append(
                Outcome(
                    candidate=name,
                    wave=wave,
                    genome=str(proposal.genome),
                    architecture_id=key,
                    status="diverged" if failed else "ok",
                    fitness=math.inf if failed else loss,
                    operator=proposal.operator,
                    parents=proposal.parents,
                    start=proposal.start,
                    recipe=proposal.recipe,
                    note=proposal.note,
                    state=None if failed else f"{key}{epochs}",
                    epochs=None if failed else epochs,
                    last_loss=None if failed else loss,
                    judged=() if failed else tuple(loss + n / 1000 for n in judged),
                )
            )
    return history
