"""Culling: who goes on, who gives way, and what a child begins with."""

from __future__ import annotations

import pytest
from support.played import played

from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies.culling import Culling

SPACE = Recurrent()


@pytest.mark.parametrize("lag", [1, 2])
@pytest.mark.parametrize("inherit", [True, False])
def test_the_worst_give_way_to_children_of_the_others(lag: int, inherit: bool) -> None:
    history = played(Culling(inherit=inherit), SPACE, [8] * 3 * lag, lag)
    for wave in range(lag, 3 * lag):
        before = [o for o in history if o.wave == wave - lag]
        ranked = sorted(before, key=lambda o: (o.fitness, o.candidate))
        now = [o for o in history if o.wave == wave]
        assert [o.start for o in now[:6]] == [o.candidate for o in ranked[:6]]
        assert all(o.operator == "go_on" for o in now[:6])
        for child in now[6:]:
            [parent] = [o for o in ranked[:6] if o.candidate in child.parents]
            assert child.architecture_id != parent.architecture_id
            assert child.start == (parent.candidate if inherit else None)
            assert child.epochs == (parent.epochs or 0) + 1


def test_who_failed_is_dropped() -> None:
    history = played(Culling(dropped=0.25), SPACE, [4, 4], failing={"w000-00", "w000-01"})
    assert {o.start for o in history if o.operator == "go_on"} == {"w000-02", "w000-03"}
