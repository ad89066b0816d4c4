"""Population-based training: who goes on, who takes whose state, and with what."""

from __future__ import annotations

import pytest
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies.pbt import PBT

SPACE = Recurrent()


@pytest.mark.parametrize("lag", [1, 3])
def test_the_worst_take_the_state_of_the_best_and_train_otherwise(lag: int) -> None:
    history = played(PBT(mutation=0.0), SPACE, [10] * 3 * lag, lag)
    for wave in range(lag, 3 * lag):
        before = [o for o in history if o.wave == wave - lag]
        ranked = sorted(before, key=lambda o: (o.last_loss or 0, o.candidate))
        best, worst = ({o.candidate for o in of} for of in (ranked[:2], ranked[-2:]))
        for member, now in zip(before, (o for o in history if o.wave == wave), strict=True):
            assert now.recipe is not None and member.recipe is not None
            if member.candidate not in worst:
                assert (now.start, now.recipe) == (member.candidate, member.recipe)
                continue
            [giver] = [o for o in before if o.candidate == now.start]
            assert giver.candidate in best and giver.recipe is not None
            assert now.architecture_id == giver.architecture_id
            for name in ("learning_rate", "dropout"):
                assert now.recipe[name] / giver.recipe[name] == pytest.approx(0.8) or now.recipe[
                    name
                ] / giver.recipe[name] == pytest.approx(1.2)


def test_with_a_mutation_the_taker_has_another_genome() -> None:
    history = played(PBT(mutation=1.0), SPACE, [10] * 3)
    known = {o.candidate: o.architecture_id for o in history}
    taken = [o for o in history if o.operator and o.operator.startswith("exploit")]
    assert taken
    assert all(o.architecture_id != known[o.start or ""] for o in taken)


def test_who_failed_takes_a_state_of_the_best() -> None:
    history = played(PBT(), SPACE, [5, 5], failing={"w000-02"})
    [after] = [o for o in history if o.candidate == "w001-02"]
    assert after.operator is not None and after.operator.startswith("exploit")


def test_waves_of_different_widths_are_refused() -> None:
    with pytest.raises(SettingError, match="pbt: expected waves of one number of slots"):
        PBT().check(planned(5, 4), SPACE)
