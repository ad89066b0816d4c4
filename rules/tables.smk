"""From a finished run to its Parquet tables: tabulate.

REQUIRED INPUTS:
    results/runs/{run}/settings.json, waves/, replicates/conclusion.json, test/test.json
OUTPUTS:
    results/tables/{table}/run={run}/part.parquet
"""

TABLES = (
    "runs",
    "architectures",
    "candidates",
    "lineage",
    "trials",
    "curves",
    "test",
    "hardware",
)


localrules:
    tabulate,


rule tabulate:
    input:
        "results/runs/{run}/settings.json",
        "results/runs/{run}/replicates/conclusion.json",
        "results/runs/{run}/test/test.json",
        lambda w: [f"{folder}/trial.h5" for folder in PLAN.runs[w.run].candidates()],
    output:
        expand("results/tables/{table}/run={{run}}/part.parquet", table=TABLES),
    params:
        run="results/runs/{run}",
    log:
        "results/logs/tabulate/{run}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "gp-cells tabulate"
        " --run-folder {params.run:q}"
        " --results results"
        " 2> {log:q}"
