"""The README's table and figure from the published results, by `make generate`: compare, digest.

REQUIRED INPUTS:
    results/reference/tables/{table}.parquet
OUTPUTS:
    results/reference.md
    results/reference.svg
"""

from gp_cells.tables.names import TABLES


localrules:
    digest,
    compare,


rule digest:
    input:
        comparison="results/report/published/comparison.json",
    output:
        table="results/reference.md",
        figure="results/reference.svg",
    log:
        "results/logs/digest/reference.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "gp-cells step digest"
        " --comparison {input.comparison:q}"
        " --table {output.table:q}"
        " --figure {output.figure:q}"
        " 2> >(tee {log:q} >&2)"


rule compare:
    input:
        collect(
            "results/reference/tables/{table}.parquet",
            table=TABLES,
        ),
    output:
        "results/report/published/comparison.json",
    log:
        "results/logs/compare/published.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        results="results/reference",
        benchmark="reference",
    shell:
        "gp-cells step compare"
        " --results {params.results:q}"
        " --benchmark {params.benchmark:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"
