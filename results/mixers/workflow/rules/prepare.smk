"""From a task's source to its prepared splits: prepare.

REQUIRED INPUTS: none but the source, which is an installed package, or the file that the task's setting
    `file` names.
OUTPUTS:
    results/data/{data}/data.json, reading.json, search.npz, test.npz
"""

import json

from gp_cells.config.files import hash_file


# The task goes by standard input, since Linux refuses an argument of more than 128 KiB.
# Snakemake takes braces in the name of a file for wildcards and has no way to write them, so a file of
# such a name is watched by its content's hash instead.
rule prepare:
    input:
        lambda w: [f for f in [PLAN.source(w.data)] if f and not set(f) & set("{}")],
    output:
        "results/data/{data}/data.json",
        "results/data/{data}/reading.json",
        "results/data/{data}/search.npz",
        "results/data/{data}/test.npz",
    log:
        "results/logs/prepare/{data}.log",
    benchmark:
        "results/benchmarks/prepare/{data}.jsonl"
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        task=lambda w: json.dumps(PLAN.tasks[w.data], sort_keys=True),
        folder=subpath(output[0], parent=True),
        content=lambda w: (
            hash_file(PLAN.source(w.data))
            if set(PLAN.source(w.data)) & set("{}")
            else ""
        ),
    shell:
        "gp-cells step prepare"
        " --task -"
        " --folder {params.folder:q}"
        " 2> >(tee {log:q} >&2)"
        " <<< {params.task:q}"
