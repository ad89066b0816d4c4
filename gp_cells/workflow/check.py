"""Whether a benchmark can run to its end on this machine, asked before its first job."""

from __future__ import annotations

from pathlib import Path

from gp_cells.config.choose import SettingError
from gp_cells.config.commit import OUTSIDE, code_state
from gp_cells.config.plan import Plan
from gp_cells.networks.compiler import find_compiler
from gp_cells.plugins import fill_in


def code_note() -> str:
    """Return what should be known of the code that no record will say, with what to do; "" if nothing."""
    state = code_state(Path(__file__))
    if not state.unknown or state.unknown == OUTSIDE:
        return ""
    why = "; ".join(filter(None, (state.unknown, state.remedy)))
    return f"the records will not say the commit of the code: {why}"


def check(plan: Plan) -> None:
    """Refuse a config whose plug-ins refuse their settings or their share of the plan.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or is refused; the line begins with
            the config's place.
        CompilerError: the config's engine needs a compiler that this machine lacks.
    """
    for run in plan.runs.values():
        try:
            fill_in(run.config)
        except SettingError as error:
            raise SettingError(f"{plan.place}: {error}") from error
        training = run.config.training
        if training.engine == "compiled" and training.device == "cpu":
            find_compiler()
