# %% [markdown]
# # A search on digits
#
# Genetic programming looks for a CNN cell, random search for another, and a residual block stands
# beside them: some five minutes on one core. Nothing here needs Snakemake; `gp-cells run` does the
# same with many workers.

# %%
import gp_cells

WAVES = 6

config = {
    "benchmark": "notebook_digits",
    "seeds": [1],
    "space": {"name": "convolutional", "settings": {"blocks": 3, "reductions": 1}},
    "tasks": {
        "digits": {
            "name": "digits",
            "settings": {"recipe": {"units": 4, "layers": 1, "batch_size": 32, "epochs": 4}},
        }
    },
    "strategies": {
        "designed": {
            "name": "baselines",
            "settings": {"cells": ["resnet_basic", "vgg"]},
            "search": {"waves": 1, "slots": 2, "lag": 1, "finalists": 2},
        },
        "random": {
            "name": "random",
            "search": {"waves": WAVES, "slots": 4, "lag": 1, "finalists": 1},
        },
        "gp": {
            "name": "gp",
            "settings": {"active_species": 3},
            "search": {"waves": WAVES, "slots": 4, "lag": 1, "finalists": 1},
        },
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101, 102]},
    "stopping": {"name": "never"},
    "training": {
        "device": "cpu",
        "engine": "eager",
        "precision": "float32",
        "threads": 1,
        "time_limit_s": 600,
    },
}
results = gp_cells.run(config)

# %% [markdown]
# The best architectures, finalists first. Losses are in nats per image; the test split was read
# once, at the end.

# %%
best = results.best(task="digits").to_pandas()
best.head()

# %%
genome = gp_cells.parse(best.genome[0], space="convolutional")
print(genome)
gp_cells.draw(genome)

# %% [markdown]
# Where it comes from: its ancestors, generation by generation.

# %%
results.lineage(f"{best.run[0]}/{best.candidate[0]}").to_pandas()
