"""Genes for training: settings of the recipe that a candidate carries, and from what range each comes.

They are given in a search's `genes`: a range, {low: 0.0001, high: 0.01, scale: log}, or a list of values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from gp_cells.config.choose import SettingError, configure
from gp_cells.config.recipe import Recipe

# Of a recipe: what makes a training no longer and no network another one.
GENES = (
    *("learning_rate", "optimiser", "clip_norm", "warm_up", "weight_decay", "dropout"),
    *("initial_scale", "label_smoothing", "shift", "flip"),
)

STEP = 0.2  # standard deviation of a mutation, as a share of the range on its scale
DIGITS = 4  # significant ones, so that a recipe can be read


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both in it, uniform on a linear or a logarithmic scale."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False

    @property
    def most(self) -> float:
        """The highest value."""
        return self._at(1.0)

    def drawn(self, rng: np.random.Generator) -> float:
        """Return a number of the range."""
        return self._at(rng.random())

    def mutated(self, value: float, rng: np.random.Generator) -> float:
        """Return a number near a value: a normal step on the scale, log-normal on a logarithmic one.

        A step beyond an end comes back from there; one that is too small for a whole number is one.
        """
        low, high = self._scaled(self.low), self._scaled(self.high)
        place = abs((self._scaled(value) - low) / (high - low) + rng.normal(0.0, STEP))
        changed = self._at(max(0.0, 2 - place if place > 1 else place))
        if self.whole and changed == value:
            beside = [of for of in (int(value) - 1, int(value) + 1) if self.low <= of <= self.high]
            changed = beside[int(rng.integers(len(beside)))]
        return changed

    def _at(self, share: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        place = low + share * (high - low)
        number = math.exp(place) if self.scale == "log" else place
        if self.whole:
            return int(min(self.high, max(self.low, round(number))))
        return min(self.high, max(self.low, float(f"{number:.{DIGITS}g}")))

    def _scaled(self, number: float) -> float:
        return math.log(number) if self.scale == "log" else number


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely."""

    values: tuple[Any, ...]

    @property
    def most(self) -> Any:
        """The highest value."""
        return max(self.values)

    def drawn(self, rng: np.random.Generator) -> Any:
        """Return one of the values."""
        return self.values[int(rng.integers(len(self.values)))]

    def mutated(self, value: Any, rng: np.random.Generator) -> Any:
        """Return another one, if there is one."""
        others = [other for other in self.values if other != value]
        return others[int(rng.integers(len(others)))] if others else value


Gene: TypeAlias = "Range | Choice"


def genes_from(given: Mapping[str, Any], place: str) -> dict[str, Gene]:
    """Return the genes that a config describes, in the order of their names.

    Raises:
        SettingError: one is no gene, or a value is none that a recipe can have.
    """
    return {name: _gene(name, given[name], f"{place}.{name}") for name in sorted(given)}


def _gene(name: str, given: Any, place: str) -> Gene:
    if name not in GENES:
        raise SettingError(f"{place}: there is no gene {name!r}; choose from {', '.join(GENES)}")
    if isinstance(given, Mapping):
        return _range(name, given, place)
    values = tuple(_valid(name, value, place) for value in given)
    if len(set(values)) < len(values) or not values:
        raise SettingError(f"{place}: expected some values, each named once, got {given}")
    return Choice(values)


def _range(name: str, given: Mapping[str, Any], place: str) -> Range:
    default = next(of.default for of in dataclasses.fields(Recipe) if of.name == name)
    if isinstance(default, (bool, str)):
        raise SettingError(f"{place}: expected a list of values, got a range; {name} is no number")
    whole = isinstance(default, int)
    ends = {
        end: _valid(name, given[end], f"{place}.{end}") for end in ("low", "high") if end in given
    }
    made = configure(Range, {**given, **ends, "whole": whole}, place)
    if made.low >= made.high:
        raise SettingError(f"{place}: expected low below high, got {made.low:g} and {made.high:g}")
    if made.scale == "log" and made.low <= 0:
        raise SettingError(f"{place}: expected low above 0 on a log scale, got {made.low:g}")
    return made


def _valid(name: str, value: Any, place: str) -> Any:
    """Return a value as a recipe has it."""
    try:
        return getattr(configure(Recipe, {name: value}, "recipe"), name)
    except SettingError as error:
        raise SettingError(f"{place}: {error}") from error
