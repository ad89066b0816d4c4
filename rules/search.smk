"""From the config to a run's history: prepare, settings, breed, train, score.

REQUIRED INPUTS: none; a task's source is an installed package.
OUTPUTS:
    results/data/{data}/data.json, search.npz, test.npz
    results/runs/{run}/settings.json, protocol.json
    results/runs/{run}/waves/{wave}/lineage.json and {slot}/genome.json
    results/runs/{run}/{place}/fitness.json and trial.h5
    results/runs/{run}/waves/{wave}/history.jsonl.gz
"""


localrules:
    settings,
    score,


# Of the jobs that could start, Snakemake picks in no order. With a lag, jobs of several waves can, and
# the next wave to breed waits for the oldest of them.
def oldest_wave_first(wildcards):
    wave = wildcards.get("wave") or wildcards.place.partition("waves/")[2][:3]
    return -int(wave or 0)


rule prepare:
    output:
        "results/data/{data}/data.json",
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
    shell:
        "gp-cells prepare"
        " --task {params.task:q}"
        " --folder {params.folder:q}"
        " 2> >(tee {log:q} >&2)"


rule settings:
    input:
        data=lambda w: f"results/data/{PLAN.runs[w.run].data}/data.json",
    output:
        settings="results/runs/{run}/settings.json",
        protocol="results/runs/{run}/protocol.json",
    log:
        "results/logs/settings/{run}.log",
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        order=lambda w: json.dumps(PLAN.runs[w.run].order, sort_keys=True),
    shell:
        "gp-cells settings"
        " --order {params.order:q}"
        " --data {input.data:q}"
        " --to {output.settings:q}"
        " --protocol {output.protocol:q}"
        " 2> >(tee {log:q} >&2)"


# A checkpoint although nobody calls checkpoints.get(): when a wave is bred, Snakemake looks again by
# checksum which genomes changed, and retrains those alone. One rule a strategy, because Snakemake
# wants the number of a rule's outputs, here the slots, spelt out.
for strategy, example in PLAN.strategies.items():

    checkpoint:
        name:
            f"breed_{strategy}"
        input:
            settings="results/runs/{run}/settings.json",
            history=lambda w: PLAN.runs[w.run].history_before(int(w.wave)),
        output:
            "results/runs/{run}/waves/{wave}/lineage.json",
            expand(
                "results/runs/{{run}}/waves/{{wave}}/{slot:02d}/genome.json",
                slot=range(example.slots),
            ),
        log:
            "results/logs/breed/{run}/{wave}.log",
        wildcard_constraints:
            run=f"[a-z0-9_]+-[a-z0-9_]+-{strategy}-s[0-9]+",
        priority: oldest_wave_first
        localrule: True
        conda:
            "../envs/gp-cells.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            folder=subpath(output[0], parent=True),
            history=lambda w, input: (
                ["--history", input.history] if input.history else []
            ),
        shell:
            "gp-cells breed"
            " --settings {input.settings:q}"
            " {params.history:q}"
            " --folder {params.folder:q}"
            " 2> >(tee {log:q} >&2)"


# The protocol is the part of the settings that a trial depends on, so that more waves or seeds
# retrain nothing. The data is ancient: its hash is in the protocol, and a file over 1 MB is compared by
# time alone.
rule train:
    input:
        protocol="results/runs/{run}/protocol.json",
        genome="results/runs/{run}/{place}/genome.json",
        data=lambda w: ancient(f"results/data/{PLAN.runs[w.run].data}/search.npz"),
    output:
        fitness="results/runs/{run}/{place}/fitness.json",
        trial="results/runs/{run}/{place}/trial.h5",
    log:
        "results/logs/train/{run}/{place}.log",
    benchmark:
        "results/benchmarks/train/{run}/{place}.jsonl"
    priority: oldest_wave_first
    conda:
        "../envs/gp-cells.yaml"
    threads: PLAN.threads
    resources:
        mem_mb=2000,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        data=lambda w: f"results/data/{PLAN.runs[w.run].data}",
    shell:
        "gp-cells train"
        " --settings {input.protocol:q}"
        " --genome {input.genome:q}"
        " --data {params.data:q}"
        " --fitness {output.fitness:q}"
        " --trial {output.trial:q}"
        " 2> >(tee {log:q} >&2)"


rule score:
    input:
        lineage="results/runs/{run}/waves/{wave}/lineage.json",
        fitness=lambda w: [
            f"{folder}/fitness.json" for folder in PLAN.runs[w.run].wave(int(w.wave))
        ],
        before=lambda w: PLAN.runs[w.run].history_after(int(w.wave) - 1),
    output:
        "results/runs/{run}/waves/{wave}/history.jsonl.gz",
    log:
        "results/logs/score/{run}/{wave}.log",
    priority: oldest_wave_first
    conda:
        "../envs/gp-cells.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        wave=subpath(output[0], parent=True),
        before=lambda w, input: ["--before", input.before] if input.before else [],
    shell:
        "gp-cells score"
        " --wave {params.wave:q}"
        " {params.before:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"
