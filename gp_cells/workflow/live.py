"""What the Snakefile tells the logger plugin, where that is in use: the plan, the start, and the end."""

from __future__ import annotations

import sys
from typing import Any, NoReturn, Protocol

from gp_cells.config.plan import Plan

# What becomes of a cluster's jobs when Snakemake is interrupted, by the executor.
INTERRUPTED = {
    "local": "the trials under way are ended and keep a checkpoint",
    "slurm": "its jobs on the cluster are cancelled and those that trained keep a checkpoint",
    "lsf": "its jobs on the cluster are cancelled and those that trained keep a checkpoint",
    "flux": "its jobs on the cluster go on (flux cancel --all ends them)",
}


class Told(Protocol):
    """The plugin, as far as the Snakefile speaks to it."""

    def expect(self, plan: Plan) -> None:
        """Hear what is about to run, before Snakemake says whether anything has to."""

    def refuse(self) -> None:
        """Hear that nothing is to run, and that why has been said."""

    def begin(self, workers: int, is_elsewhere: bool, stop: str, log: str) -> None:
        """Begin to tell a run; `stop` says what an interruption does, `log` has Snakemake's lines."""

    def end(self, is_done: bool) -> None:
        """Hear how the run ended."""


def plugin_of(workflow: Any) -> Told | None:
    """Return the plugin if a workflow's logger has it."""
    handlers = getattr(workflow.logger_manager, "plugin_handlers", ())
    return next((handler for handler in handlers if hasattr(handler, "expect")), None)


def refuse(workflow: Any) -> NoReturn:
    """End a start that was refused, with no line beside the one that says why."""
    if told := plugin_of(workflow):
        told.refuse()
    sys.exit(2)


def begin(workflow: Any, plan: Plan) -> bool:
    """Let the plugin tell a run that is about to start; return whether there is one."""
    told, log = plugin_of(workflow), workflow.logger_manager.get_logfile()
    if told is None or not log:
        return False
    cores = workflow.resource_settings.cores
    here = max(1, (cores if isinstance(cores, int) else 1) // plan.threads)
    name = workflow.executor_plugin.name
    stop = INTERRUPTED.get(name, f"ask {name} whether its jobs go on")
    told.begin(1 if not workflow.local_exec else here, not workflow.local_exec, stop, log[0])
    return True
