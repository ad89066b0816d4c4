"""A benchmark: what it is made of, and its targets. The config says what is measured.

snakemake --profile profiles/local --configfile config/quickstart.yaml
"""

import json
import subprocess
import sys

from gp_cells import cost
from gp_cells.choose import SettingError
from gp_cells.plan import read_plan

# Only without another config: Snakemake would merge the two, strategy by strategy.
if not workflow.configfiles:

    configfile: "config/quickstart.yaml"


try:
    PLAN = read_plan(config)
except SettingError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

sys.setrecursionlimit(
    100_000
)  # a late wave asked for alone stands on all waves before it


wildcard_constraints:
    run="[a-z0-9_]+-[a-z0-9_]+-[a-z0-9_]+-s[0-9]+",
    data="[a-z0-9_]+-[a-z0-9_]+",
    wave="[0-9]{3}",
    place="waves/[0-9]{3}/[0-9]{2}|replicates/[0-9]{2}-[0-9]-[0-9]",


include: "rules/search.smk"
include: "rules/evaluate.smk"
include: "rules/tables.smk"
include: "rules/report.smk"


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


onstart:
    everything = json.dumps(config)
    if subprocess.run(["gp-cells", "check", everything]).returncode != 0:
        sys.exit(2)
    shell("gp-cells watch {everything:q} --process $PPID &")
