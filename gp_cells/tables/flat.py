"""The views `results`, a row a trial with all that most questions ask for, `texts` and `columns`.

`results` joins `trials`, `runs`, `architectures`, `candidates` and `test`, and takes from the settings
of the runs what no column says: which of the config's seeds and learning rates a finalist's trial had.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

NEEDED = frozenset({"trials", "runs", "architectures", "candidates", "test"})
PLACE = "split_part(trials.candidate, '-', {})"  # r00-1-2: finalist, rate and seed, from 0

# name, SQL, unit, meaning; what is a column of a table alone has its meaning there
COLUMNS = (
    ("benchmark", "runs.benchmark", "", "name of the config"),
    ("task", "runs.task", "", "label of the task in the config"),
    ("strategy", "runs.strategy", "", "label of the strategy in the config"),
    ("search_seed", "runs.seed", "", "seed of the search, of `seeds` in the config"),
    (
        "seed",
        "case when role = 'search' then runs.seed else json_extract_string(runs.settings,"
        f" '$.finalists.seeds[' || {PLACE.format(3)} || ']')::bigint end",
        "",
        "the trial's seed as in the config: of a finalist's `finalists.seeds`, else the search's",
    ),
    ("role", "trials.role", "", "search, or replicate of a finalist"),
    ("finalist", "trials.finalist", "", "rank of the finalist, from 0; NULL in the search"),
    ("chosen", "trials.chosen", "", "replicate at its finalist's best rate; NULL in the search"),
    (
        "rate_factor",
        "case when role = 'search' then trials.learning_rate / json_extract_string(runs.settings,"
        " '$.task.settings.recipe.learning_rate')::double else json_extract_string(runs.settings,"
        f" '$.finalists.learning_rate_factors[' || {PLACE.format(2)} || ']')::double end",
        "",
        "learning rate as a multiple of the task's",
    ),
    ("learning_rate", "trials.learning_rate", "", "the optimiser's step size"),
    ("name", "architectures.name", "", "name of a hand-designed cell; NULL for others"),
    (
        "parameters",
        "trials.parameters",
        "",
        "learned numbers of the cell, as trained; as in summaries",
    ),
    ("network_parameters", "trials.network_parameters", "", "learned numbers of the whole network"),
    ("state_size", "trials.state_size", "", "numbers that a block keeps of one sequence, or NULL"),
    ("valid_loss", "trials.fitness", "nats", "best validation loss; NULL if the trial failed"),
    ("test_loss", "test.test_loss", "nats", "on the test split; NULL if it was not chosen"),
    ("test_error", "test.test_error", "", "share of wrong classes on the test split"),
    (
        "train_targets",
        "json_extract_string(runs.settings, '$.data.targets.train')::bigint",
        "",
        "targets that count in the training split: classes, steps or images",
    ),
    (
        "valid_targets",
        "json_extract_string(runs.settings, '$.data.targets.valid')::bigint",
        "",
        "of the validation split",
    ),
    *(
        (
            f"{split}_examples",
            f"json_extract_string(runs.settings, '$.counts.examples.{split}')::bigint",
            "",
            f"examples of the {named} split; NULL where it was prepared before they were counted",
        )
        for split, named in (("train", "training"), ("valid", "validation"), ("test", "test"))
    ),
    ("status", "trials.status", "", "how the trial ended"),
    ("failure", "trials.failure", "", "why it failed, as a code; NULL if it did not"),
    ("failure_epoch", "trials.failure_epoch", "", "epoch of the failure"),
    ("epochs", "trials.epochs", "", "epochs trained"),
    ("cpu_s", "trials.cpu_s", "s", "CPU time in training and validation"),
    (
        "operators",
        "array_to_string(list_sort(string_split(candidates.operator, '+')), '+')",
        "",
        "what made the candidate, in alphabetical order; NULL for replicates",
    ),
    ("run", "trials.run", "", "run of the trial"),
    ("candidate", "trials.candidate", "", "RUN/CANDIDATE is the trial's name for every command"),
    ("trial_id", "trials.trial_id", "", "the same in one word"),
    ("architecture_id", "trials.architecture_id", "", "what was trained"),
)


TEXTS = "texts"  # the view of what the strategy `dictated` read

# name, SQL where it became a candidate, SQL where it was refused, unit, meaning
TEXT_COLUMNS = (
    ("run", "run", "run", "", "run of the wave"),
    ("wave", "wave", "wave", "", "whose proposals it is among"),
    ("line", "(note->>'line')::bigint", "(refusal->>'line')::bigint", "", "its line in the file"),
    ("author", "note->>'author'", "refusal->>'author'", "", "who or what wrote it"),
    ("prompt", "note->>'prompt'", "refusal->>'prompt'", "", "hash of what the author was asked"),
    ("file", "note->>'file'", "note->>'file'", "", "hash of all proposals of the wave"),
    ("candidate", "candidate", "null", "", "what it became; NULL if it was refused"),
    ("architecture_id", "architecture_id", "null", "", "what it spells; NULL if it was refused"),
    ("reason", "null", "refusal->>'reason'", "", "why it was refused; NULL if it was not"),
)


def add_texts(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
    """Make the view `texts`, a row for each text that an outside author proposed, refused ones too."""
    if "candidates" not in tables:
        return
    took, refused = (", ".join(f"{of[i]} as {of[0]}" for of in TEXT_COLUMNS) for i in (1, 2))
    dictated = "(from candidates where note->>'author' is not null)"
    refusals = f"(select *, unnest((note->'refused')::json[]) as refusal from {dictated})"
    connection.execute(
        f"create view {TEXTS} as select {took} from {dictated}"
        f" union all select {refused} from {refusals}"
    )


def add_results(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
    """Make the view `results`, if the tables that it joins are there."""
    if NEEDED.issubset(tables):
        selected = ", ".join(f"{sql} as {name}" for name, sql, _, _ in COLUMNS)
        connection.execute(
            f"create view results as select {selected} from trials join runs on runs.run = trials.run"
            " join architectures on architectures.run = trials.run"
            " and architectures.architecture_id = trials.architecture_id"
            " left join candidates on candidates.run = trials.run"
            " and candidates.candidate = trials.candidate"
            " left join test on test.run = trials.run and test.trial_id = trials.trial_id"
        )


def add_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `columns`, which says what each column of each table and view means."""
    from gp_cells.tables.schemas import direction, schemas  # Arrow: not for other questions

    rows = [
        (table, field.name, str(field.type), *(field.metadata[key].decode() for key in said))
        for table, schema in schemas().items()
        for field in schema
        for said in [(b"unit", b"direction", b"description")]
    ]
    types = {
        (view, column): kind
        for view, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns()"
        ).fetchall()
    }
    rows += [
        ("results", name, types.get(("results", name), ""), unit, direction(name), meaning)
        for name, _, unit, meaning in COLUMNS
    ]
    rows += [
        (TEXTS, name, types.get((TEXTS, name), ""), unit, "", meaning)
        for name, _, _, unit, meaning in TEXT_COLUMNS
    ]
    connection.execute(
        "create table columns (table_name varchar, column_name varchar, type varchar,"
        " unit varchar, direction varchar, description varchar)"
    )
    connection.executemany("insert into columns values (?, ?, ?, ?, ?, ?)", rows)
