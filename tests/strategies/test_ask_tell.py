"""Searchers of other libraries behind ours: Optuna's where it is installed, Syne Tune's likewise."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.config.seeds import derive, generator
from gp_cells.genomes.choices import choices_of, drawn_choices
from gp_cells.spaces import SPACES
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Strategy
from gp_cells.strategies.ask_tell import AskTell
from gp_cells.strategies.tpe import TPE
from gp_cells.tabular.truth import nas_bench_201, nas_bench_graph, play
from gp_cells.testing.strategies import STRATEGY_CHECKS, check_processes

CELLS = nas_bench_201.NASBench201()
OF_CHOICES: list[Any] = [CELLS, nas_bench_graph.NASBenchGraph(), SPACES["convolutional"]()]

OWN = '''
import random

class Rising:
    """Asks for the option after the best's, of the first choice; keeps count in its memory."""

    def __init__(self, options, seed, step=1):
        self.options, self.step, self.told = options, step, []

    def tell(self, chosen, loss, memory):
        self.told.append((dict(chosen), loss, memory))

    def ask(self):
        chosen = {name: random.choice(of) for name, of in self.options.items()}
        return chosen, {"told": len(self.told)}

    def answer(self, loss):
        pass
'''


@pytest.fixture
def own_searcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AskTell:
    (tmp_path / "my_searcher.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_searcher", raising=False)
    return AskTell("my_searcher:Rising(step=2)", library="own")


@pytest.mark.parametrize("space", OF_CHOICES, ids=lambda space: type(space).__name__)
def test_choices_make_genomes_that_the_space_admits(space: Any) -> None:
    fixed = choices_of(space)
    made = [
        fixed.chosen_genome(drawn_choices(fixed.choices, generator(seed=seed)))
        for seed in range(20)
    ]
    genomes = [genome for genome in made if genome is not None]
    assert len({genome.architecture_id for genome in genomes}) > 15
    assert all(genome == genome.canonical() and space.admits(genome) for genome in genomes)


def test_a_space_without_fixed_choices_is_refused_in_a_line() -> None:
    with pytest.raises(SettingError, match="the space Recurrent has no fixed choices") as refused:
        TPE().check(planned(4, 4), Recurrent())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
def test_a_searcher_of_ones_own_is_what_a_strategy_has_to_be(
    own_searcher: AskTell, check: Any
) -> None:
    check(own_searcher, CELLS)


def test_a_searcher_is_told_the_history_in_order_with_its_own_memory(own_searcher: AskTell) -> None:
    history = play(own_searcher, CELLS, nas_bench_201.table, [3, 2, 4], 1, 1)
    assert [outcome.note["memory"]["told"] for outcome in history] == [0] * 3 + [3] * 2 + [5] * 4
    for outcome in history:
        genome = CELLS.chosen_genome(outcome.note["chosen"])
        assert genome.architecture_id == outcome.architecture_id


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"library": "own", "searcher": "Rising"}, "expected module:class of your own searcher"),
        (
            {"library": "own", "searcher": "my_searcher:No"},
            "there is no 'No'; choose one of Rising",
        ),
        (
            {"library": "own", "searcher": "my_searcher:Rising(x=1)"},
            "unexpected keyword argument 'x'",
        ),
        ({"library": "own", "searcher": "no_module:No"}, "no_module cannot be imported"),
        ({"searcher": "Sampler(3)"}, "expected a name, its arguments named"),
    ],
)
@pytest.mark.usefixtures("own_searcher")
def test_a_searcher_that_there_is_not_is_refused_in_a_line(settings: Any, said: str) -> None:
    with pytest.raises(SettingError, match="^ask_tell.searcher: .*" + re.escape(said)) as refused:
        AskTell(**settings).check(planned(4, 4), CELLS)
    assert "\n" not in str(refused.value)


def test_without_optuna_a_config_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SettingError, match=re.escape("pip install 'gp-cells[searchers]'")):
        TPE().check(planned(4, 4), CELLS)


# --- Optuna ---------------------------------------------------------------------------------------


@pytest.fixture
def optuna() -> Any:
    return pytest.importorskip("optuna")


@pytest.mark.usefixtures("optuna")
@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "strategy",
    [TPE(founders=3), AskTell("NSGAIISampler(population_size=4)")],
    ids=lambda strategy: type(strategy).__name__,
)
def test_a_sampler_of_optuna_is_what_a_strategy_has_to_be(strategy: Strategy, check: Any) -> None:
    if check is check_processes and not isinstance(strategy, TPE):
        pytest.skip("one sampler will do for processes, which take seconds")
    check(strategy, CELLS)


def test_tpe_asks_for_what_optunas_own_study_does(optuna: Any) -> None:
    history = play(TPE(), CELLS, nas_bench_201.table, [12], 1, 1)
    [proposal] = TPE().propose(history, 1, 1, CELLS, 1)

    seed = derive(seed=1, purpose="searcher", wave=1) % 2**32
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True))
    kinds = {
        name: optuna.distributions.CategoricalDistribution(of) for name, of in CELLS.choices.items()
    }
    for outcome in history:
        known = optuna.trial.create_trial(
            params=outcome.note["chosen"], distributions=kinds, value=outcome.fitness
        )
        study.add_trial(known)
    trial, fitnesses = study.ask(kinds), {o.architecture_id: o.fitness for o in history}
    while (known := CELLS.chosen_genome(trial.params).architecture_id) in fitnesses:
        study.tell(trial, fitnesses[known])  # as the strategy does, since its outcome is known
        trial = study.ask(kinds)
    assert trial.params == proposal.note["chosen"]


@pytest.mark.usefixtures("optuna")
def test_what_a_sampler_keeps_with_a_trial_comes_back_to_it() -> None:
    strategy = AskTell("NSGAIISampler(population_size=4)")
    history = play(strategy, CELLS, nas_bench_201.table, [4] * 4, 1, 1)
    generations = [o.note["memory"].get("NSGAIISampler:generation") for o in history]
    assert generations[:4] == [0] * 4 and generations[-1] >= 3


def test_a_searcher_of_syne_tune_is_pure_where_it_is_installed() -> None:
    pytest.importorskip("syne_tune")
    strategy = AskTell("RegularizedEvolution(population_size=4, sample_size=2)", "syne_tune")
    for check in STRATEGY_CHECKS[:3]:
        check(strategy, CELLS)
