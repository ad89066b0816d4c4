#!/usr/bin/env bash
# Put this checkout into the environment that Snakemake has just made (it runs this in the repo root).
set -euo pipefail
python -m pip install --no-deps --editable .
