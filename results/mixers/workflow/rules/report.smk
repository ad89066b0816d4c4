"""From the tables to an answer: compare, report.

REQUIRED INPUTS:
    results/tables/{table}/run={run}/part.parquet, of every run of the benchmark
OUTPUTS:
    results/report/{benchmark}/comparison.json
    results/report/{benchmark}/index.html
"""


localrules:
    compare,
    report,


rule compare:
    input:
        expand(
            "results/tables/{table}/run={run}/part.parquet",
            table=TABLES,
            run=PLAN.runs,
        ),
    output:
        f"results/report/{PLAN.benchmark}/comparison.json",
    log:
        f"results/logs/compare/{PLAN.benchmark}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        benchmark=PLAN.benchmark,
        runs=sorted(PLAN.runs),
    shell:
        "gp-cells step compare"
        " --results results"
        " --benchmark {params.benchmark:q}"
        " --runs {params.runs:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"


rule report:
    input:
        tables=rules.compare.input,
        comparison=f"results/report/{PLAN.benchmark}/comparison.json",
    output:
        report(
            f"results/report/{PLAN.benchmark}/index.html",
            category="Comparison",
        ),
    log:
        f"results/logs/report/{PLAN.benchmark}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        benchmark=PLAN.benchmark,
    shell:
        "gp-cells step report"
        " --results results"
        " --benchmark {params.benchmark:q}"
        " --comparison {input.comparison:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"
