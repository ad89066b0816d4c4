"""Searchers of other libraries behind one interface: told what is known, asked for more.

A searcher is made anew for each wave, told the run's outcomes in their order, and asked as often as the
wave has slots, so that what it proposes is a function of the history and a seed. What a library keeps
with a trial and reads again later, as Optuna's samplers do, comes back to it as the trial's `memory`.
Chance that a library takes from the global states of Python and numpy is seeded for it, and they are
put back.
"""

from __future__ import annotations

import importlib
import inspect
import math
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from gp_cells.config.calls import Call, read_call
from gp_cells.config.choose import SettingError
from gp_cells.genomes.choices import Chosen, Options

SEEDS = 2**32  # that numpy's old generators, which the libraries use, take


class Searcher(Protocol):
    """What proposes options, with the interface that Optuna made common."""

    def tell(self, chosen: Chosen, loss: float, memory: Any) -> None:
        """Take in an outcome, infinite if it failed, with the memory that `ask` gave with it."""
        ...

    def ask(self) -> tuple[Chosen, Any]:
        """Return the options to try next, and what to remember with them, any JSON value."""
        ...

    def answer(self, loss: float) -> None:
        """Take in the outcome of what was asked last, where it is known at once."""
        ...


def searcher_of(library: str, text: str, place: str, options: Options, seed: int) -> Searcher:
    """Return the searcher of a library that a setting names, drawing from a seed.

    Raises:
        SettingError: the library is not installed, or has no such searcher or argument.
    """
    call, small = read_call(text, place), seed % SEEDS
    if library == "optuna":
        return Optuna(_made(call, _module("optuna", place).samplers, place, seed=small), options)
    if library == "syne_tune":
        return SyneTune(call, place, options, small)
    module, _, name = call.name.partition(":")
    if not name:
        raise SettingError(f"{place}: expected module:class of your own searcher, got {call.name}")
    made: Searcher = _made(
        Call(name, call.arguments), _module(module, place), place, options=options, seed=small
    )
    return made


def _module(name: str, place: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = "; pip install 'gp-cells[searchers]'" if name == "optuna" else ""
        raise SettingError(f"{place}: {name} cannot be imported ({error}){extra}") from error


def _made(call: Call, module: Any, place: str, **given: Any) -> Any:
    """Return an object of the class that a call names, with its arguments and those given."""
    kind = getattr(module, call.name, None)
    if not inspect.isclass(kind):
        known = ", ".join(n for n in sorted(vars(module)) if inspect.isclass(getattr(module, n)))
        raise SettingError(f"{place}: there is no {call.name!r}; choose one of {known}")
    try:
        inspect.signature(kind).bind(**call.arguments, **given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a sampler is experimental
            return kind(**call.arguments, **given)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{place}: {call.name}: {error}") from error


@contextmanager
def chance_seeded(seed: int) -> Iterator[None]:
    """Let a library draw from the global states of Python and numpy, leaving them as they were."""
    before, numpys = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % SEEDS)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpys)


class Optuna:
    """A sampler of Optuna's (Akiba et al. 2019, https://arxiv.org/abs/1907.10902) on a study in memory."""

    def __init__(self, sampler: Any, options: Options) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.optuna = optuna
        self.study = optuna.create_study(sampler=sampler)
        kind = optuna.distributions.CategoricalDistribution
        self.distributions: dict[str, Any] = {name: kind(of) for name, of in options.items()}
        self.asked: Any = None

    def tell(self, chosen: Chosen, loss: float, memory: Any) -> None:
        """Add a finished trial, with the system attributes that its sampler gave it."""
        states = self.optuna.trial.TrialState
        trial = self.optuna.trial.create_trial(
            state=states.FAIL if math.isinf(loss) else states.COMPLETE,
            value=None if math.isinf(loss) else loss,
            params=dict(chosen),
            distributions=self.distributions,
            system_attrs=dict(memory or {}),
        )
        self.study.add_trial(trial)

    def ask(self) -> tuple[Chosen, Any]:
        """Return the options of a new trial, which stays under way, and its system attributes."""
        self.asked = self.study.ask(self.distributions)
        stored = self.study.get_trials(deepcopy=False)[self.asked.number]
        return dict(stored.params), dict(stored.system_attrs)

    def answer(self, loss: float) -> None:
        """Finish the trial asked last."""
        if math.isinf(loss):
            self.study.tell(self.asked, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(self.asked, loss)


class SyneTune:
    """A single-objective searcher of Syne Tune's (Salinas et al. 2022), by its class's name."""

    def __init__(self, call: Call, place: str, options: Options, seed: int) -> None:
        space = _module("syne_tune.config_space", place)
        searchers = _module("syne_tune.optimizer.schedulers.searchers", place)
        given = {name: space.choice(list(of)) for name, of in options.items()}
        self.searcher = _made(call, searchers, place, config_space=given, random_seed=seed)
        self.trial, self.asked = 0, dict[str, str]()

    def tell(self, chosen: Chosen, loss: float, memory: Any) -> None:
        """Tell a finished trial; a failed one is left out, as Syne Tune does."""
        if math.isfinite(loss):
            self.searcher.on_trial_complete(self.trial, dict(chosen), loss)
        self.trial += 1

    def ask(self) -> tuple[Chosen, Any]:
        """Return the configuration that is suggested."""
        self.asked = self.searcher.suggest()
        return dict(self.asked), None

    def answer(self, loss: float) -> None:
        """Tell the outcome of the configuration suggested last."""
        self.tell(self.asked, loss, None)
