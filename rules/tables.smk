"""From a finished run to its Parquet tables: tabulate.

REQUIRED INPUTS:
    results/runs/{run}/settings.json, waves/, replicates/conclusion.json, test/test.json
OUTPUTS:
    results/tables/{table}/run={run}/part.parquet
"""

from gp_cells.tables.names import TABLES


localrules:
    tabulate,


rule tabulate:
    input:
        settings="results/runs/{run}/settings.json",
        conclusion="results/runs/{run}/replicates/conclusion.json",
        test="results/runs/{run}/test/test.json",
        trials=lambda w: [
            f"{folder}/trial.h5" for folder in PLAN.runs[w.run].candidates()
        ],
    output:
        expand("results/tables/{table}/run={{run}}/part.parquet", table=TABLES),
    log:
        "results/logs/tabulate/{run}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=subpath(input.settings, parent=True),
    shell:
        "gp-cells step tabulate"
        " --run-folder {params.run:q}"
        " --results results"
        " 2> >(tee {log:q} >&2)"
