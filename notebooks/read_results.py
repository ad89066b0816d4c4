# %% [markdown]
# # Read and plot the published results
#
# The tables are plain Parquet: any reader will do. Here pandas and polars, on `results/reference`.

# %%
from pathlib import Path

import altair as alt
import polars as pl

import gp_cells

FOLDER = Path("results/reference")
results = gp_cells.Results(FOLDER)

# %% [markdown]
# `results` joins what most questions ask for, a row a trial; `from columns` says what each column
# means.

# %%
results.query("""
    select task, strategy, count(*) as trials, min(valid_loss) as best
    from results where finalist is null group by all order by task, best
""").to_pandas()

# %% [markdown]
# The best loss so far of each search on the chorales, with polars: trials in the order of wave and
# slot.

# %%
trials = pl.from_arrow(
    results.query("""
        select run, strategy, seed, candidate, valid_loss from results
        where task = 'bach_chorales' and finalist is null and strategy <> 'baselines'
        order by run, candidate
    """)
)
so_far = trials.with_columns(
    pl.int_range(1, pl.len() + 1).over("run").alias("candidates trained"),
    pl.col("valid_loss").cum_min().over("run").alias("best so far, nats per frame"),
)
mean = so_far.group_by("strategy", "candidates trained").agg(
    pl.col("best so far, nats per frame").mean()
)

# %%
alt.Chart(mean).mark_line(interpolate="step-after").encode(
    x="candidates trained:Q",
    y=alt.Y("best so far, nats per frame:Q").scale(zero=False),
    color="strategy:N",
)

# %% [markdown]
# Everything that the suite itself says of them, with intervals and tests: `gp-cells compare
# --results results/reference`.
