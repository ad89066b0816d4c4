"""One trial a job, on data that is prepared once: train.

REQUIRED INPUTS:
    results/runs/{run}/protocol.json
    results/runs/{run}/{place}/genome.json
    results/data/{data}/search.npz
OUTPUTS:
    results/runs/{run}/{place}/fitness.json and trial.h5
"""

from gp_cells.workflow import cost


# The protocol is the part of the settings that a trial depends on, so that more waves or seeds
# retrain nothing. The data is ancient: its hash is in the protocol, and a file over 1 MB is compared by
# time alone. Memory and time are predicted from the genome (`gp-cells cost` shows how well); until that is
# bred Snakemake shows <TBD>, and it looks again before the job starts. No resource re-runs a job.
# A cluster that wants its node back sends SIGTERM to every process of the job: only the trial may heed it,
# and the shell and tee have to wait for its checkpoint.
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
    priority: oldest_wave_first
    conda:
        "../envs/gp-cells.yaml"
    threads: PLAN.threads
    resources:
        mem_mb=lambda w, input, attempt: cost.ask(*input[:2], attempt, IS_LOCAL)[
            "mem_mb"
        ],
        runtime=lambda w, input, attempt: cost.ask(*input[:2], attempt, IS_LOCAL)[
            "runtime"
        ],
        gpu=int(config["training"]["device"] == "cuda"),
    params:
        data=lambda w: f"results/data/{PLAN.runs[w.run].data}",
    shell:
        "trap '' TERM;"
        " gp-cells step train"
        " --protocol {input.protocol:q}"
        " --genome {input.genome:q}"
        " --data {params.data:q}"
        " --fitness {output.fitness:q}"
        " --trial {output.trial:q}"
        " 2> >(tee {log:q} >&2)"
