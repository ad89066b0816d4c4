"""What a search will train, told before it runs: its waves proposed with made-up losses.

How long a trial is, and on what part of the data, is decided by the plan in strategies that change a recipe
(rungs, populations, trainers), and hardly by the losses; these are drawn by a seed, and nobody fails. A
stopping rule that ends all trials at the same epoch is heeded, others as if they ended none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gp_cells.config import seeds
from gp_cells.config.genes import GENES
from gp_cells.config.objectives import CARRIED, COUNTED, MEASURED, TIMED
from gp_cells.config.plan import searched_candidate
from gp_cells.config.recipe import SHARD, Recipe, recipe_and_shard
from gp_cells.config.records import RunSettings
from gp_cells.plugins import recipe_of, stopper_of
from gp_cells.stopping.stopper import ends_after
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.strategy import told
from gp_cells.workflow.starts import changes_in
from gp_cells.workflow.steps import propose
from gp_cells.workflow.stopping import controls

# A trial's recipe, its epochs of that, and the share that it trains on of the training split.
Work = tuple[Recipe, int, float]


def work_of_waves(settings: RunSettings, first: Sequence[Proposal]) -> list[Counter[Work]]:
    """Return how often each kind of trial occurs in each wave of a run's search, nobody failing.

    `first` are the proposals of the first wave; where they leave the recipe as it is but for genes, which
    make no trial longer, all others do.
    """
    recipe, widths = recipe_of(settings), settings.search.widths
    if not any({*(proposal.recipe or {})} - {*GENES} for proposal in first):
        return [
            Counter(_work(settings, recipe, is_control) for is_control in controls(settings, wave))
            for wave in range(len(widths))
        ]
    history: list[Outcome] = []
    waves: list[Counter[Work]] = []
    for wave in range(len(widths)):
        seen = [outcome for outcome in history if outcome.wave <= wave - settings.search.lag]
        before = {outcome.candidate: outcome.epochs or 0 for outcome in seen}
        work: Counter[Work] = Counter()
        control = controls(settings, wave)
        for slot, proposal in enumerate(propose(settings, seen, wave) if wave else first):
            name = searched_candidate(wave, slot)
            trained, shard = recipe_and_shard(recipe, changes_in(proposal, recipe)[1], name)
            earlier = before[proposal.start] if proposal.start else 0
            share = 1.0 if shard is None else shard.share
            trial = _work(settings, trained, control[slot], earlier, share)
            work[trial] += 1
            history.append(_outcome(settings, proposal, name, wave, earlier + trial[1]))
        waves.append(work)
    return waves


def _work(
    settings: RunSettings, recipe: Recipe, is_control: bool, earlier: int = 0, share: float = 1.0
) -> Work:
    """Return the work of a trial whose weights have seen some epochs earlier."""
    if is_control:
        return recipe, recipe.epochs, share
    ends = ends_after(stopper_of(settings), earlier + recipe.epochs) - earlier
    return recipe, max(1, ends), share


def _outcome(
    settings: RunSettings, proposal: Proposal, name: str, wave: int, epochs: int
) -> Outcome:
    """Return the made-up outcome of a proposal."""
    rng = seeds.generator(seed=settings.seed, purpose="rehearsal", candidate=name)
    loss = float(rng.random())
    judged = (proposal.recipe or {}).get(SHARD, {}).get("judged", ())
    outcome = Outcome(
        candidate=name,
        wave=wave,
        genome=str(proposal.genome),
        architecture_id=proposal.genome.architecture_id,
        status="ok",
        fitness=loss,
        objectives={of: float(rng.random()) for of in (*COUNTED, *CARRIED, *MEASURED, *TIMED)},
    )
    return told(outcome, proposal, name, epochs, loss, tuple(rng.random(len(judged)).tolist()))
