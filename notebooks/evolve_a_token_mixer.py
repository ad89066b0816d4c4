# %% [markdown]
# # Evolve a token mixer on recall
#
# A made-up task: pairs of keys and values, then keys again, whose values are to be recalled.
# Attention solves it and a plain linear recurrence does not. Blocks are formulas over a residual
# stream, so evolution can edit them.

# %%
import gp_cells

WAVES, EPOCHS = 4, 3

config = {
    "benchmark": "notebook_recall",
    "seeds": [1],
    "space": {"name": "decoder"},
    "tasks": {
        "recall": {
            "name": "recall",
            "settings": {
                "sequences": 1600,
                "held": 320,
                "recipe": {"batch_size": 32, "epochs": EPOCHS},
            },
        }
    },
    "strategies": {
        "designed": {
            "name": "baselines",
            "settings": {"cells": ["gpt", "min_gru", "linear_attention"]},
            "search": {"waves": 1, "slots": 3, "lag": 1, "finalists": 3},
        },
        "gp": {
            "name": "gp",
            "settings": {"active_species": 3},
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

# %%
best = results.best(task="recall").to_pandas()
best[["strategy", "valid_loss", "parameters"]] if "strategy" in best else best

# %% [markdown]
# The block in hand, as a drawing that one would put into a paper.

# %%
genome = gp_cells.parse(best.genome[0], space="decoder")
print(genome)
gp_cells.draw(genome)
