"""From a run's history to its finalists' losses: replicate, conclude, test.

REQUIRED INPUTS:
    results/runs/{run}/settings.json
    results/runs/{run}/waves/{wave}/history.jsonl.gz, of the last wave
    results/data/{data}/test.npz, by rule test alone
OUTPUTS:
    results/runs/{run}/replicates/{finalist}-{rate}-{seed}/genome.json
    results/runs/{run}/replicates/conclusion.json
    results/runs/{run}/test/test.json
"""


localrules:
    conclude,


for strategy, runs in PLAN.by_strategy.items():

    checkpoint:
        name:
            f"replicate_{strategy}"
        input:
            settings="results/runs/{run}/settings.json",
            history=lambda w: PLAN.runs[w.run].history_after(PLAN.runs[w.run].waves - 1),
        output:
            expand(
                "results/runs/{{run}}/replicates/{finalist:02d}-{rate}-{seed}/genome.json",
                finalist=range(runs[0].finalists),
                rate=range(runs[0].rates),
                seed=range(runs[0].replicates),
            ),
        log:
            "results/logs/replicate/{run}.log",
        wildcard_constraints:
            run=f"[a-z0-9_]+-[a-z0-9_]+-{strategy}-s[0-9]+",
        localrule: True
        conda:
            "../envs/gp-cells.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            folder=subpath(output[0], ancestor=2),
        shell:
            "gp-cells step replicate"
            " --settings {input.settings:q}"
            " --history {input.history:q}"
            " --folder {params.folder:q}"
            " 2> >(tee {log:q} >&2)"


rule conclude:
    input:
        settings="results/runs/{run}/settings.json",
        fitness=lambda w: [
            f"{folder}/fitness.json" for folder in PLAN.runs[w.run].replicate_folders()
        ],
    output:
        "results/runs/{run}/replicates/conclusion.json",
    log:
        "results/logs/conclude/{run}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "gp-cells step conclude"
        " --settings {input.settings:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"


rule test:
    input:
        settings="results/runs/{run}/settings.json",
        conclusion="results/runs/{run}/replicates/conclusion.json",
        trials=lambda w: [
            f"{folder}/trial.h5" for folder in PLAN.runs[w.run].replicate_folders()
        ],
        data=lambda w: ancient(f"results/data/{PLAN.runs[w.run].data}/test.npz"),
    output:
        "results/runs/{run}/test/test.json",
    log:
        "results/logs/test/{run}.log",
    benchmark:
        "results/benchmarks/test/{run}.jsonl"
    conda:
        "../envs/gp-cells.yaml"
    threads: PLAN.threads
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=int(config["training"]["device"] == "cuda"),
    params:
        data=lambda w: f"results/data/{PLAN.runs[w.run].data}",
    shell:
        "gp-cells step test"
        " --settings {input.settings:q}"
        " --conclusion {input.conclusion:q}"
        " --data {params.data:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"
