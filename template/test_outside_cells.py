"""The plug-ins of this package, held to what their families have to do."""

import pytest
from outside_cells import OneEpoch, SameAgain, SizeOfWeights, Smooth, WavesOfNumbers

from gp_cells.spaces.recurrent import Recurrent
from gp_cells.testing import (
    STRATEGY_CHECKS,
    check_measure,
    check_network,
    check_network_chance,
    check_settings_return,
    check_source,
    check_stopping_rule,
    check_task,
)
from gp_cells.testing.networks import drawn_network

TASK = WavesOfNumbers()
DATA = TASK.read()


@pytest.mark.parametrize("plug_in", [TASK, Smooth(), SameAgain(), OneEpoch(), SizeOfWeights()])
def test_its_settings_return_and_nothing_is_pickled(plug_in):
    check_settings_return(plug_in)
    check_source(plug_in)


@pytest.mark.parametrize("space", [Recurrent(), Smooth()])
@pytest.mark.parametrize("check", STRATEGY_CHECKS)
def test_the_strategy(check, space):
    check(SameAgain(fresh=2), space)


def test_the_task():
    check_task(TASK, DATA)


def test_the_space():
    check_network(Smooth(), TASK, DATA)
    check_network_chance(Smooth(), TASK, DATA)


def test_the_measure():
    check_measure(SizeOfWeights(), drawn_network(Smooth(), TASK, DATA)[1], TASK, DATA)


def test_the_stopping_rule():
    check_stopping_rule(OneEpoch())
