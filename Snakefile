"""A benchmark: what it is made of, and its targets. The config says what is measured.

snakemake --profile profiles/local --configfile config/quickstart.yaml
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from gp_cells.config.refusal import Refusal
from gp_cells.warm.launch import start_warm
from gp_cells.workflow.kept import keep_ended
from gp_cells.workflow.live import begin, plugin_of, refuse
from gp_cells.workflow.moved import refuse_moved
from gp_cells.workflow.refused import heed_refusals
from gp_cells.workflow.scheduling import calm, hasten_touch, remember_signatures
from snakemake.logging import logger

# Only without another config: Snakemake would merge the two, strategy by strategy.
if not workflow.configfiles:

    configfile: "config/quickstart.yaml"


include: "rules/plan.smk"
include: "rules/prepare.smk"
include: "rules/search.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/tables.smk"
include: "rules/report.smk"


remember_signatures()
if told := plugin_of(workflow):
    told.expect(PLAN)


localrules:
    all,


# Waves in ascending order, so that Snakemake builds each on one that it already knows. What is not
# listed here is not missed when somebody deletes it.
rule all:
    default_target: True
    input:
        [
            f"{folder}/{file}"
            for run in PLAN.runs.values()
            for folder in run.candidates()
            for file in ("fitness.json", "trial.h5")
        ],
        expand(
            "results/tables/{table}/run={run}/part.parquet",
            table=TABLES,
            run=PLAN.runs,
        ),
        f"results/report/{PLAN.benchmark}/index.html",


# The config goes by standard input, since Linux refuses an argument of more than 128 KiB.
onstart:
    try:
        refuse_moved(workflow, PLAN)
    except Refusal as error:
        print(error, file=sys.stderr)
        refuse(workflow)
    calm(workflow)
    heed_refusals(workflow, PLAN, logger.error)
    if workflow.touch:
        hasten_touch()
        return
    if workflow.local_exec and config["training"]["device"] == "cpu":
        start_warm(PLAN.threads, Path(".snakemake/log/warm.log"))
    everything = json.dumps(config).encode()
    checking = ["gp-cells", "check", "-", "--start"]
    if not workflow.local_exec:
        checking.append("--elsewhere")
    if subprocess.run(checking, input=everything).returncode != 0:
        refuse(workflow)
    if begin(workflow, PLAN):
        return
    command = ["gp-cells", "watch", "-", "--process", str(os.getpid())]
    watch = subprocess.Popen(command, stdin=subprocess.PIPE)
    with suppress(BrokenPipeError), watch.stdin:
        watch.stdin.write(everything)


onsuccess:
    if told := plugin_of(workflow):
        told.end(True)


onerror:
    keep_ended(workflow)
