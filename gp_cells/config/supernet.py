"""How a supernet is trained, and what its trial tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gp_cells.config.choose import check_settings, setting

SUPERNET = "supernet"  # among the changes to a recipe that a proposal asks for

Method = Literal["binary", "mixture", "gumbel"]
Cost = Literal["none", "parameters", "multiply_adds"]


@dataclass(frozen=True)
class Supernet:
    """How the probabilities of a supernet's choices are learned beside its weights."""

    method: Method = setting(
        "binary",
        "binary: one path trained, two compared (ProxylessNAS); mixture: all, weighted (DARTS); gumbel: "
        "one, drawn (GDAS)",
    )
    learning_rate: float = setting(0.05, "Adam's step size of the probabilities' logits", low=1e-9)
    every: int = setting(
        1, "steps of the weights for each of the probabilities", unit="steps", low=1
    )
    warm_up: int = setting(
        0, "first epochs, in which the weights alone are trained", unit="epochs", low=0
    )
    temperatures: tuple[float, ...] = setting(
        (10.0, 0.1),
        "gumbel only: the first and the last, linear between",
        above=0,
        min_items=2,
        max_items=2,
    )
    cost: Cost = setting("none", "what of the expected network is paid for beside the loss")
    price: float = setting(
        0.0,
        "loss that is added for an expected cost as large as that of the uniform supernet",
        unit="nats",
        low=0,
    )
    judged: int = setting(
        30,
        "genomes drawn from the supernet that are judged by its weights",
        unit="genomes",
        low=0,
    )

    def __post_init__(self) -> None:
        check_settings(self, SUPERNET)


@dataclass(frozen=True, kw_only=True)
class SupernetOutcome:
    """What a supernet's trial tells: how probable each alternative is, and losses by its weights.

    Choices and alternatives are in the order of the canonical form. `picks` are those of the genomes that
    were judged; `losses` their validation losses by the trained weights, `untrained` by those as drawn.
    """

    probabilities: tuple[tuple[float, ...], ...]
    picks: tuple[tuple[int, ...], ...] = ()
    losses: tuple[float, ...] = ()
    untrained: tuple[float, ...] = ()
