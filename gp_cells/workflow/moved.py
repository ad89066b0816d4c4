"""Refuse to train again what moved or copied results already hold; the Snakefile asks before any job.

Where a file's times and Snakemake's own notes on it (`.snakemake`) are both lost, Snakemake would make it
again without a word. So a trial without notes is judged by its content: it stands if its record has the
genome, the protocol and the data that the config asks for. `snakemake --touch` takes every file as it is,
so there all of them have to be what the config asks for.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.plan import Plan


def refuse_moved(workflow: Any, plan: Plan) -> None:
    """Refuse to train again trials that stand, and to touch what does not stand.

    Raises:
        SettingError: there is such a file; the line says how many, names one, and what to do.
    """
    again = list(_trained_again(workflow.dag))
    if workflow.touch:
        _refuse_misfits(plan, [trial for trial, _ in again])
    else:
        unknown = [trial for trial, job in again if not workflow.persistence.has_metadata(job)]
        _refuse_training(plan, unknown)


def _trained_again(dag: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the trials that are there, whole, and are to be made again unasked, with their jobs."""
    for job in dag.needrun_jobs():
        reason = dag.reason(job)
        is_asked = reason.forced or reason.incomplete_output
        if job.rule.name == "train" and not is_asked and all(map(_exists, job.output)):
            yield Path(job.output[0]).parent, job


def _exists(file: str) -> bool:
    return Path(file).exists()


def _refuse_training(plan: Plan, trials: list[Path]) -> None:
    standing = next((trial for trial, misfit in _judged(plan, trials) if not misfit), None)
    if standing is not None:
        raise SettingError(
            f"{len(trials)} finished trials would be trained again, since Snakemake has no notes on "
            f"them, as after a copy without .snakemake; {standing} for one is just what the config asks "
            f"for. To keep them: {shlex.join(['snakemake', '--touch', *sys.argv[1:]])}; to train all the "
            f"same, add --forcerun train"
        )


def _refuse_misfits(plan: Plan, trials: list[Path]) -> None:
    from gp_cells.workflow.standing import misfit_of_benchmark  # deap: only where it is needed

    misfits = [*misfit_of_benchmark(plan), *((of, why) for of, why in _judged(plan, trials) if why)]
    if misfits:
        file, why = misfits[0]
        raise SettingError(
            f"nothing was touched: {len(misfits)} of the files that are there are not what the config "
            f"asks for; {file} for one: {why}. Touch with the config that they were made by, or delete "
            f"them first"
        )


def _judged(plan: Plan, trials: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each trial with what of it is not what the plan asks for; "" if it stands."""
    if not trials:
        return
    from gp_cells.workflow.standing import misfit_of, settings_in_plan  # deap: as above

    known: dict[str, Any] = {}
    for trial in trials:
        run = trial.parts[2]  # results/runs/RUN/…
        try:
            if run not in known:
                known[run] = settings_in_plan(plan.runs[run]).protocol
            yield trial, misfit_of(trial, known[run])
        except RecordError as error:
            yield trial, str(error)
