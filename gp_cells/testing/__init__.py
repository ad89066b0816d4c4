"""A test kit for plug-ins: what each family has to do, as functions that raise `AssertionError`.

`gp-cells vet FAMILY NAME` runs all of them on a plug-in that a config could name. In a test of one's own:

    from gp_cells.testing import STRATEGY_CHECKS, check_source

    @pytest.mark.parametrize("check", STRATEGY_CHECKS)
    def test_my_strategy(check):
        check(MyStrategy(population=8), Recurrent())
"""

from gp_cells.testing.chance import untouched_chance
from gp_cells.testing.networks import (
    check_measure,
    check_network,
    check_network_chance,
    check_stopping_rule,
    check_task,
)
from gp_cells.testing.plug_ins import check_settings_return, check_source
from gp_cells.testing.strategies import STRATEGY_CHECKS

__all__ = [
    "STRATEGY_CHECKS",
    "check_measure",
    "check_network",
    "check_network_chance",
    "check_settings_return",
    "check_source",
    "check_stopping_rule",
    "check_task",
    "untouched_chance",
]
