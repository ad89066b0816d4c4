"""Keep the trials that have ended when Snakemake is stopped before it has noticed that they did.

It asks a cluster every few seconds, and after Ctrl-C never again: whatever it takes to be under way it
makes anew at the next start. So before it goes, a trial whose files are whole, and are what its genome and
protocol ask for, is noted as done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gp_cells.config.records import TrialProtocol
from gp_cells.config.refusal import Refusal
from gp_cells.config.typed_json import read_record


def keep_ended(workflow: Any) -> list[str]:
    """Note as done what has been trained of the jobs under way; return the folders of those trials."""
    kept = []
    for job in sorted(getattr(workflow.scheduler, "running", ()), key=lambda job: job.output[0]):
        if job.is_group() or job.rule.name != "train":
            continue
        folder = Path(job.output[0]).parent
        if has_ended(folder, Path(job.input.protocol)):
            workflow.async_run(workflow.persistence.finished(job))
            kept.append(str(folder))
    return kept


def has_ended(folder: Path, protocol: Path) -> bool:
    """Return whether a trial's files are whole, and what its genome and its run's protocol ask for."""
    from gp_cells.workflow.standing import misfit_of  # deap: only where a run was stopped

    try:
        return misfit_of(folder, read_record(TrialProtocol, protocol)) == ""
    except (Refusal, OSError):
        return False
