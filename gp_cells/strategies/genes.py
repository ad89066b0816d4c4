"""Genes for training, given to what any strategy proposes.

A fresh genome draws its genes; a child has those of its parents, each gene from one of them, and each is
mutated with the chance `MUTATION`. A child that is its parent over again has at least one mutated, so that
where the architecture is fixed the genes alone are searched. A trial that resumes keeps the genes of the
trial that it goes on from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.genes import Gene
from gp_cells.strategies.strategy import Outcome, Proposal

MUTATION = 0.3  # chance that a child's gene is not its parent's


def with_genes(
    proposals: Sequence[Proposal],
    genes: Mapping[str, Gene],
    history: Sequence[Outcome],
    wave: int,
    seed: int,
) -> list[Proposal]:
    """Return a wave's proposals with their genes among the changes to the recipe.

    Chance comes from the search's seed, the wave and the slot alone.
    """
    seen = {outcome.candidate: outcome for outcome in history}
    given = []
    for slot, proposal in enumerate(proposals):
        rng = seeds.generator(seed=seed, purpose="genes", wave=wave, slot=slot)
        own = _genes_of(proposal, genes, seen, rng)
        given.append(dataclasses.replace(proposal, recipe={**(proposal.recipe or {}), **own}))
    return given


def _genes_of(
    proposal: Proposal,
    genes: Mapping[str, Gene],
    seen: Mapping[str, Outcome],
    rng: np.random.Generator,
) -> dict[str, Any]:
    parents = [seen[name] for name in proposal.parents if name in seen]
    if not parents:
        return {name: gene.drawn(rng) for name, gene in genes.items()}
    same = [of for of in parents if of.architecture_id == proposal.genome.architecture_id]
    start = next((of for of in same if of.candidate == proposal.start), None)
    donors = [of.recipe or {} for of in ([start] if start else parents)]
    child = {name: donors[int(rng.integers(len(donors)))][name] for name in genes}
    if start is not None:
        return child
    names = [name for name in genes if rng.random() < MUTATION]
    if not names and same:
        names = [list(genes)[int(rng.integers(len(genes)))]]
    return child | {name: genes[name].mutated(child[name], rng) for name in names}


def refuse_own_genes(
    proposals: Sequence[Proposal], genes: Mapping[str, Gene], strategy: str, place: str
) -> None:
    """Refuse genes that a strategy sets itself, as its first proposals tell.

    Raises:
        SettingError: it sets one.
    """
    own = sorted({name for of in proposals for name in of.recipe or {}} & {*genes})
    if own:
        raise SettingError(
            f"{place}.{own[0]}: the strategy {strategy} sets {own[0]} itself; leave it out of the genes"
        )
