"""From a finished run to its Parquet tables: tabulate.

REQUIRED INPUTS:
    results/runs/{run}/settings.json, replicates/conclusion.json, test/test.json
    results/runs/{run}/waves/{wave}/lineage.json
    results/runs/{run}/{place}/fitness.json and trial.h5
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
        lineage=lambda w: [
            f"{folder}/lineage.json" for folder in PLAN.runs[w.run].wave_folders()
        ],
        trials=lambda w: [
            f"{folder}/{file}"
            for folder in PLAN.runs[w.run].candidates()
            for file in ("fitness.json", "trial.h5")
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
