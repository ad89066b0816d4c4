"""What a trial leaves behind that another can go on from: its final state, and how one is taken up.

The same genome resumes: weights, optimiser, best weights and curve go on, so that two trials together are
the very bits of one that was never interrupted. Another genome inherits what both share, as
`training.inherit` says. Either way epochs are counted on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks.network import Network
from gp_cells.training.inherit import inherit
from gp_cells.training.optimiser import Optimiser


@dataclass(frozen=True, kw_only=True)
class State:
    """A network as a trial left it; `genome` is its canonical text.

    `epochs` are all that its weights have seen; `losses` the validation losses of the last of them, those
    that trained this very genome. `weights` are the last, `best` those of the least loss; `moments` are
    those of the optimiser.
    """

    genome: str
    epochs: int
    losses: tuple[float, ...]
    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    moments: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Before:
    """What came before a trial's first epoch: epochs of its weights, losses of its genome.

    `inherited` is the share of its weights that another genome's trial trained, None where none did.
    """

    epochs: int = 0
    losses: tuple[float, ...] = ()
    best: Mapping[str, Tensor] = field(default_factory=dict)
    inherited: float | None = None


def take_up(
    start: State,
    genome: Genome,
    network: Network,
    optimiser: Optimiser,
    network_of: Callable[[Genome], Network],
) -> Before:
    """Let a network, its first weights drawn, go on from a state, and return what came before.

    `network_of` makes the network of another genome, for an inheritance.
    """
    if start.genome == str(genome):
        network.load_state_dict(start.weights)
        optimiser.load(dict(start.moments))
        return Before(epochs=start.epochs, losses=start.losses, best=start.best)
    giver = parse(start.genome, genome.language)
    giving = network_of(giver)
    giving.load_state_dict(start.weights)
    return Before(epochs=start.epochs, inherited=inherit(giver, giving, genome, network))
