"""Trials reproduced with nothing around them; `gp-cells rerun` starts it, in a folder of its own.

REQUIRED INPUTS:
    results/runs/{run}/protocol.json
    results/runs/{run}/{place}/genome.json
OUTPUTS:
    results/runs/{run}/{place}/fitness.json and trial.h5
"""


include: "plan.smk"
include: "prepare.smk"
include: "train.smk"
