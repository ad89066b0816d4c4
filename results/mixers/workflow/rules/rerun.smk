"""Trials reproduced with nothing around them; `gp-cells rerun` starts it, in a folder of its own.

REQUIRED INPUTS:
    results/runs/{run}/protocol.json
    results/runs/{run}/{place}/genome.json
OUTPUTS:
    results/runs/{run}/{place}/fitness.json and trial.h5
"""

from pathlib import Path

from gp_cells.warm.launch import start_warm


include: "plan.smk"
include: "prepare.smk"
include: "train.smk"


# A warm process is there only after those trials have started that can start at once.
onstart:
    waiting = (
        len(list(workflow.dag.needrun_jobs())) > workflow.resource_settings.cores
    )
    if workflow.local_exec and waiting and config["training"]["device"] == "cpu":
        start_warm(PLAN.threads, Path(".snakemake/log/warm.log"))
