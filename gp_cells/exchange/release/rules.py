"""What has to hold between the tables of a release: SQL that finds the rows in which it does not."""

from __future__ import annotations

from collections.abc import Mapping

from gp_cells.tables.names import KEYS, SIZES

# (table, columns, the table in which there has to be a row with the same, its columns)
REFERENCES = (
    *((table, "run", "runs", "run") for table in KEYS if table != "runs"),
    ("candidates", "run, architecture_id", "architectures", "run, architecture_id"),
    ("candidates", "run, candidate, trial_id", "trials", "run, candidate, trial_id"),
    ("trials", "run, architecture_id", "architectures", "run, architecture_id"),
    ("trials", "run, hardware_id", "hardware", "run, hardware_id"),
    ("curves", "run, trial_id", "trials", "run, trial_id"),
    ("test", "run, trial_id", "trials", "run, trial_id"),
    ("assemblies", "run, candidate", "candidates", "run, candidate"),
    ("lineage", "run, child", "candidates", "run, candidate"),
    ("lineage", "run, parent", "candidates", "run, candidate"),
)

PLANNED = """
select run, count(*) as found, any_value({planned}) as planned
from {table} join runs using (run)
left join (select run, 1 + max(wave) as bred from candidates group by run) using (run)
group by run having found <> planned
"""
# A budget ends a search after a whole wave.
BRED = "if((settings->'$.search.budget') is null, waves, bred)"
CANDIDATES = (
    f"""coalesce({BRED} * slots, list_sum(((settings->'$.search.slots')::bigint[])[:{BRED}]))"""
)
REPLICATES = """(settings->>'$.search.finalists')::bigint
    * json_array_length(settings, '$.finalists.learning_rate_factors')
    * json_array_length(settings, '$.finalists.seeds')"""

RULES: Mapping[str, str] = {
    **{
        f"{table}: {', '.join(key)} is there and unique": f"select {', '.join(key)} from {table} "
        f"group by all having count(*) > 1 or {' or '.join(f'{name} is null' for name in key)}"
        for table, key in KEYS.items()
    },
    "trials: trial_id is unique": "select trial_id from trials group by all having count(*) > 1",
    **{
        f"{table}: the row of {other} with this {columns} is there": f"select {columns} from {table}"
        f" where ({columns}) not in (select ({others}) from {other})"
        for table, columns, other, others in REFERENCES
    },
    "trials: fitness is the least validation loss of the curve, if the trial ended well": """
        select run, trial.candidate, fitness, least(min(valid_loss), any_value(before)) as lowest
        from trials trial left join curves using (run, trial_id)
        left join (select run, candidate, architecture_id, fitness as before from trials) resumed
            on (resumed.run, resumed.candidate, resumed.architecture_id)
                = (trial.run, trial.start, trial.architecture_id)
        where status in ('ok', 'stopped_early')
        group by run, trial.candidate, fitness having fitness is distinct from lowest""",
    "trials: fitness is NULL if the trial failed": """
        select run, candidate, status, fitness from trials
        where status not in ('ok', 'stopped_early') and fitness is not null""",
    "trials: best_epoch is the first with that loss": """
        select run, candidate, best_epoch,
            min(epoch) filter (valid_loss = fitness) as first_epoch
        from trials left join curves using (run, trial_id) where fitness is not null
        group by run, candidate, best_epoch, epochs, total_epochs
        having best_epoch > coalesce(total_epochs - epochs, 0)
            and best_epoch is distinct from first_epoch""",
    "trials: the curve has all epochs, from the start's or 1": """
        select run, candidate, epochs, count(epoch) as points, max(epoch) as last
        from trials left join curves using (run, trial_id)
        group by run, candidate, epochs, total_epochs
        having epochs <> points or epochs > 0 and last <> coalesce(total_epochs, epochs)""",
    "trials: the sizes of a search's trial are its architecture's": f"""
        select run, candidate, t.parameters, a.parameters as of_architecture
        from trials t join architectures a using (run, architecture_id)
        where finalist is null
            and ({", ".join(f"t.{size}" for size in SIZES)})
                is distinct from ({", ".join(f"a.{size}" for size in SIZES)})""",
    "candidates: architecture, status and fitness are the trial's": """
        select run, candidate, c.fitness, t.fitness as of_trial
        from candidates c join trials t using (run, candidate)
        where (c.architecture_id, c.status, c.fitness)
            is distinct from (t.architecture_id, t.status, t.fitness)""",
    "candidates: best_so_far is the least fitness so far": """
        select run, candidate, best_so_far,
            min(fitness) over (partition by run order by wave, slot) as least
        from candidates qualify best_so_far is distinct from least""",
    "runs: there are as many candidates as planned": PLANNED.format(
        table="candidates", planned=CANDIDATES
    ),
    "runs: there are as many trials as planned": PLANNED.format(
        table="trials", planned=f"{CANDIDATES} + {REPLICATES}"
    ),
    "lineage: a parent is of an earlier wave": """
        select l.run, child, parent from lineage l
        join candidates c on (c.run, c.candidate) = (l.run, child)
        join candidates p on (p.run, p.candidate) = (l.run, parent)
        where p.wave >= c.wave""",
    "test: what was tested are the chosen trials that ended well": """
        select run, candidate, test_loss
        from test full join (from trials where chosen and fitness is not null)
        using (run, trial_id, finalist, seed) where candidate is null or test_loss is null""",
}
