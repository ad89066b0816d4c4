# %% [markdown]
# # Bring your own CSV
#
# Which of 5,200 peptides kill microbes? A file with two columns becomes a task; the rest is as for
# any other.

# %%
import csv
import importlib.util
from pathlib import Path

import gp_cells

ROWS, WAVES = 2000, 3

# The file is one of the package modlamp's; yours only has to have its columns named in the first line.
source = Path(importlib.util.find_spec("modlamp").origin).parent / "data/AMPvsUniProt.csv"
with source.open() as file, Path("peptides.csv").open("w", newline="") as target:
    rows = list(csv.reader(file))[1:]
    step = max(1, len(rows) // ROWS)
    csv.writer(target).writerows([["peptide", "antimicrobial"], *rows[::step]])

# %% [markdown]
# `inputs: symbols`: each letter is one. Splits are made by a hash of the sequence; `gp-cells check`
# tells what was read, and a column or value that does not fit is refused with its line.

# %%
config = {
    "benchmark": "notebook_csv",
    "seeds": [1],
    "space": {"name": "recurrent", "settings": {"memory_cells": 2, "max_gates": 8}},
    "tasks": {
        "peptides": {
            "name": "own_data",
            "settings": {
                "file": "peptides.csv",
                "inputs": "symbols",
                "input": ["peptide"],
                "targets": "classes",
                "target": ["antimicrobial"],
                "recipe": {"units": 16, "epochs": 4},
            },
        }
    },
    "strategies": {
        "designed": {
            "name": "baselines",
            "settings": {"cells": ["lstm", "gru"]},
            "search": {"waves": 1, "slots": 2, "lag": 1, "finalists": 2},
        },
        "gp": {
            "name": "gp",
            "settings": {"active_species": 2},
            "search": {"waves": WAVES, "slots": 4, "lag": 1, "finalists": 1},
        },
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101]},
    "stopping": {"name": "never"},
    "training": {
        "device": "cpu",
        "engine": "compiled",
        "precision": "float32",
        "threads": 1,
        "time_limit_s": 600,
    },
}
results = gp_cells.run(config)
best = results.best(task="peptides").to_pandas()
best

# %% [markdown]
# Predict with the best cell: `gp-cells predict RUN/CANDIDATE new.csv`. Its name:

# %%
print(f"{best.run[0]}/{best.candidate[0]}")
