"""From the config to a run's history, but for the trials: settings, breed, score.

REQUIRED INPUTS:
    results/data/{data}/data.json
    results/runs/{run}/waves/{wave}/{slot}/fitness.json
    what the settings of a strategy name, such as dictated/{run}/{wave}.jsonl
OUTPUTS:
    results/runs/{run}/settings.json, protocol.json
    results/runs/{run}/waves/{wave}/lineage.json and {slot}/genome.json
    results/runs/{run}/waves/{wave}/history.jsonl.gz
"""

import json

from gp_cells.config.own_files import own_files
from gp_cells.config.typed_json import encode


localrules:
    settings,
    score,


# The config goes by standard input, since Linux refuses an argument of more than 128 KiB.
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
        run_config=lambda w: json.dumps(encode(PLAN.runs[w.run].config), sort_keys=True),
    shell:
        "gp-cells step settings"
        " --run-config -"
        " --data {input.data:q}"
        " --settings {output.settings:q}"
        " --protocol {output.protocol:q}"
        " 2> >(tee {log:q} >&2)"
        " <<< {params.run_config:q}"


# A checkpoint although nobody calls checkpoints.get(): when a wave is bred, Snakemake looks again by
# checksum which genomes changed, and retrains those alone. That look is at the whole plan, so
# `gp_cells/workflow/scheduling.py` leaves it out where no trial exists that could stay as it is. One rule a
# strategy, because Snakemake wants the number of a rule's outputs, here the slots, spelt out; and one for each
# number of slots, where waves differ.
for rule_name, strategy, slots, waves in PLAN.breeding():

    checkpoint:
        name:
            rule_name
        input:
            settings="results/runs/{run}/settings.json",
            history=lambda w: PLAN.runs[w.run].history_before(int(w.wave)),
            own=lambda w: own_files(PLAN.runs[w.run], int(w.wave)),
        output:
            "results/runs/{run}/waves/{wave}/lineage.json",
            expand(
                "results/runs/{{run}}/waves/{{wave}}/{slot:02d}/genome.json",
                slot=range(slots),
            ),
        log:
            "results/logs/breed/{run}/{wave}.log",
        wildcard_constraints:
            run=f"[a-z0-9_]+-[a-z0-9_]+-{strategy}-s[0-9]+",
            wave=waves,
        priority: oldest_wave_first
        localrule: True
        conda:
            "../envs/gp-cells.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            wave=subpath(output[0], parent=True),
            history=lambda w, input: (
                ["--history", input.history] if input.history else []
            ),
        shell:
            "gp-cells step breed"
            " --settings {input.settings:q}"
            " {params.history:q}"
            " --wave {params.wave:q}"
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
        "gp-cells step score"
        " --wave {params.wave:q}"
        " {params.before:q}"
        " --to {output:q}"
        " 2> >(tee {log:q} >&2)"
