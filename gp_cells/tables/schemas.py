"""The columns of every table: type, unit, meaning, and which way is better.

Unit, meaning and direction stand in the field metadata of each Parquet file. NULL means not measured,
NaN measured and not a number. Losses are in nats where `runs.loss_unit` does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from gp_cells.config.objectives import CARRIED, COUNTED
from gp_cells.measures import table_columns
from gp_cells.tables.names import VERSION

TEXT, WHOLE, REAL, TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()

Column = tuple[str, pa.DataType, str, str]  # name, type, unit, meaning

# What is measured of a trial beside its losses, and what that took.
MEASURED: Sequence[Column] = (
    *((of.name, REAL, of.unit, of.meaning) for of in table_columns()),
    ("other_measures", TEXT, "JSON", "values and cost of third-party measures; NULL without any"),
    ("measure_failures", TEXT, "JSON", "why measures have no values, by name; NULL if none failed"),
)


def sizes(of_network: str) -> Sequence[Column]:
    """Return the columns that say how large a network is; `of_network` says of which one."""
    return (
        ("parameters", WHOLE, "", "learned numbers: of one recurrent layer, or a whole CNN"),
        ("multiply_adds", WHOLE, "", "of the same, for one step of a sequence, or one image"),
        ("network_parameters", WHOLE, "", f"learned numbers of the whole network {of_network}"),
        (
            "network_multiply_adds",
            WHOLE,
            "",
            "of the same, for one step of a sequence, or one image",
        ),
        (
            "state_size",
            WHOLE,
            "",
            "numbers that one block keeps of a sequence of `space.settings.context` steps; NULL where the "
            "space does not count them",
        ),
        (
            "cache_per_token",
            WHOLE,
            "",
            "how many of these come with each step; 0: the state does not grow; NULL likewise",
        ),
        (
            "activations",
            WHOLE,
            "",
            "numbers that training stores a step or image for the gradient, about",
        ),
    )


SCHEMAS: Mapping[str, Sequence[Column]] = {
    "runs": (
        ("run", TEXT, "", "task × space × strategy × seed, under one protocol"),
        ("benchmark", TEXT, "", "name of the config the run belongs to"),
        ("task", TEXT, "", "label of the task in the config"),
        ("space", TEXT, "", "search space"),
        ("strategy", TEXT, "", "label of the strategy in the config"),
        ("searches", TRUTH, "", "whether the strategy searches; false if it lists designs"),
        ("seed", WHOLE, "", "the run's seed"),
        ("waves", WHOLE, "", "waves of the search"),
        ("slots", WHOLE, "", "candidates a wave; NULL where waves differ, see settings"),
        ("lag", WHOLE, "waves", "a wave sees the history of the wave this many before it"),
        ("loss_unit", TEXT, "", "what this task's losses are measured in"),
        ("direction", TEXT, "", "whether a lower or a higher loss is better"),
        ("data_hash", TEXT, "", "blake2b-128 of the prepared data"),
        ("inputs", TEXT, "", "what a network reads: frames, symbols, images or numbers"),
        (
            "features",
            WHOLE,
            "",
            "numbers of a frame or row, symbols of the vocabulary, or channels",
        ),
        ("targets", TEXT, "", "what it predicts: keys, classes or numbers"),
        ("outputs", WHOLE, "", "how many keys, classes or numbers"),
        ("units", WHOLE, "", "width of recurrent layers, or of the first convolutional cells"),
        ("layers", WHOLE, "", "recurrent layers, or convolutional cells between reductions"),
        ("references", TEXT, "JSON, nats", "validation losses of trivial predictors"),
        ("settings", TEXT, "JSON", "the run's settings with all defaults"),
        ("schema_version", TEXT, "", "version of these tables"),
    ),
    "architectures": (
        ("run", TEXT, "", "run in which the architecture occurs"),
        ("architecture_id", TEXT, "", "blake2b-128 of the canonical genome"),
        ("name", TEXT, "", "name of a hand-designed cell; NULL for others"),
        ("genome", TEXT, "", "canonical formulas"),
        *sizes("of the search"),
        ("formulas", WHOLE, "", "formulas: outputs, memory cells, values used more than once"),
        ("projections", WHOLE, "", "numbered learned projections of all kinds"),
        ("depth", WHOLE, "", "depth of the deepest formula; a leaf is 0"),
        ("nodes", WHOLE, "", "nodes of all formulas"),
    ),
    "candidates": (
        ("run", TEXT, "", "run the candidate belongs to"),
        ("candidate", TEXT, "", "slot of a wave, e.g. w003-07"),
        ("wave", WHOLE, "", "from 0"),
        ("slot", WHOLE, "", "from 0"),
        ("architecture_id", TEXT, "", "what was proposed"),
        ("operator", TEXT, "", "what made it: sample, replace, insert, shrink, cross, baseline:…"),
        ("status", TEXT, "", "how its trial ended"),
        ("fitness", REAL, "nats", "best validation loss; NULL if the trial failed"),
        ("best_so_far", REAL, "nats", "lowest fitness of the run up to this candidate"),
        ("note", TEXT, "JSON", "what the strategy noted of it, such as the author; NULL: nothing"),
        ("trial_id", TEXT, "", "its trial"),
    ),
    "lineage": (
        ("run", TEXT, "", "run of both"),
        ("child", TEXT, "", "candidate"),
        ("parent", TEXT, "", "candidate it was made from"),
        ("parent_number", WHOLE, "", "0 for the parent that gave the frame, 1 for the donor"),
        ("operator", TEXT, "", "what made the child"),
        (
            "weights",
            TEXT,
            "",
            "which of the parent's weights it took: resumed, inherited; NULL: none",
        ),
    ),
    "assemblies": (
        ("run", TEXT, "", "run the candidate belongs to"),
        (
            "candidate",
            TEXT,
            "",
            "slot of a wave that was assembled from parts; others have no rows",
        ),
        ("name", TEXT, "", "formula that the part is in it: out, or the species of a module"),
        ("role", TEXT, "", "blueprint or module"),
        ("part", TEXT, "", "the part's formula, by which it is the same in other candidates"),
    ),
    "trials": (
        ("trial_id", TEXT, "", "blake2b-128 of the trial's protocol and spec"),
        ("run", TEXT, "", "run the trial belongs to"),
        ("candidate", TEXT, "", "w003-07 in the search, r00-1-0 (finalist, rate, seed) after it"),
        ("role", TEXT, "", "search, or replicate of a finalist"),
        ("finalist", WHOLE, "", "rank of the finalist, from 0; NULL in the search"),
        (
            "chosen",
            TRUTH,
            "",
            "replicate with its finalist's best learning rate; NULL in the search",
        ),
        ("architecture_id", TEXT, "", "what was trained"),
        *sizes("that was trained"),
        ("seed", WHOLE, "", "seed of weights and batch order"),
        ("learning_rate", REAL, "", "the optimiser's step size"),
        (
            "recipe",
            TEXT,
            "JSON",
            "what else is other than in the task's recipe, and its shard; NULL if nothing is",
        ),
        (
            "judged",
            TEXT,
            "JSON",
            "loss of its last weights on what each shard holds out, by number; NULL without",
        ),
        ("start", TEXT, "", "candidate whose final state it went on from; NULL if from none"),
        ("start_state", TEXT, "", "blake2b-128 of that state"),
        (
            "inherited",
            REAL,
            "",
            "share of its weights it had of another architecture; NULL if none",
        ),
        ("status", TEXT, "", "ok, diverged, timeout, out_of_memory, invalid, stopped_early"),
        ("reason", TEXT, "", "why it ended"),
        (
            "failure",
            TEXT,
            "",
            "why it failed: training_not_finite, validation_not_finite, validation_exploded, "
            "else its status; NULL if it did not",
        ),
        ("failure_epoch", WHOLE, "", "epoch of the failure, from 1; NULL if its reason names none"),
        ("fitness", REAL, "nats", "best validation loss, of what it resumed too; NULL if failed"),
        ("stop_epoch", WHOLE, "", "epoch after which the stopping rule ended it, or would have"),
        ("stop_code", TEXT, "", "why, in a word, as converged; NULL if it did not"),
        ("stop_observed", REAL, "nats", "best validation loss until then"),
        ("stop_predicted", REAL, "nats", "what the search read in its place; NULL: the observed"),
        (
            "control",
            TRUTH,
            "",
            "of the control group, which is trained on where the rule would stop it; NULL if not",
        ),
        ("learned", TEXT, "JSON", "what the rule knew from earlier trials; NULL if nothing"),
        (
            "surface",
            TEXT,
            "JSON",
            "what it tells on a grid, of rows of two numbers and two classes; NULL of others",
        ),
        ("epochs", WHOLE, "", "epochs trained, those before its start left out"),
        ("total_epochs", WHOLE, "", "epochs that its weights have seen in all"),
        ("best_epoch", WHOLE, "", "epoch of the best validation loss, from 1"),
        ("wall_s", REAL, "s", "wall time in training and validation, over all resumptions"),
        ("cpu_s", REAL, "s", "CPU time of the same"),
        ("process_cpu_s", REAL, "s", "CPU time of the whole last process, start-up included"),
        ("first_step_s", REAL, "s", "process start to the end of its first training step"),
        ("peak_memory_mb", REAL, "MB", "peak resident memory of the last process"),
        ("resumed", WHOLE, "", "times the trial went on from a checkpoint"),
        ("threads", WHOLE, "", "threads of torch"),
        ("cpu_capability", TEXT, "", "vector instructions that torch used, as AVX2"),
        ("engine", TEXT, "", "what ran the cell: compiled or eager; NULL if it was never built"),
        (
            "precision",
            TEXT,
            "",
            "of the factors of the cell's matrix products: float32 or bfloat16",
        ),
        ("compiler", TEXT, "", "version of the C++ compiler; NULL if none was needed"),
        ("compile_s", REAL, "s", "wall time of compiling the cell; 0 if it was compiled before"),
        ("device", TEXT, "", "cpu or cuda"),
        *MEASURED,
        ("hardware_id", TEXT, "", "the machine; see table hardware"),
        ("slurm_job_id", TEXT, "", "job on a cluster; NULL elsewhere"),
        ("started_utc", TEXT, "ISO 8601", "start of the last process"),
        ("gp_cells", TEXT, "", "version of this package"),
        ("torch", TEXT, "", "version of torch"),
        ("python", TEXT, "", "version of Python"),
        ("git_commit", TEXT, "", "commit of the code; NULL if it is not known"),
        ("git_dirty", TRUTH, "", "whether the code was changed since that commit"),
        ("git_unknown", TEXT, "", "why the commit is not known; NULL if it is"),
        ("data_hash", TEXT, "", "blake2b-128 of the prepared data"),
        ("file", TEXT, "", "the trial's HDF5 record; `gp-cells rerun TRIAL_ID` reproduces it"),
    ),
    "curves": (
        ("trial_id", TEXT, "", "trial"),
        ("run", TEXT, "", "run of the trial"),
        ("epoch", WHOLE, "", "from 1; counted on from those of the start"),
        ("train_loss", REAL, "nats", "mean over the epoch's targets, as the weights changed"),
        ("valid_loss", REAL, "nats", "after the epoch, on the whole validation split"),
        (
            "valid_error",
            REAL,
            "",
            "share of targets whose class is not the most probable one; NULL without classes",
        ),
        ("gradient_norm", REAL, "", "mean over batches, before clipping"),
        ("wall_s", REAL, "s", "wall time of the epoch with its validation"),
        ("cpu_s", REAL, "s", "CPU time of the same"),
    ),
    "test": (
        ("trial_id", TEXT, "", "trial whose best weights were tested"),
        ("run", TEXT, "", "run of the trial"),
        ("finalist", WHOLE, "", "rank of the finalist, from 0"),
        ("seed", WHOLE, "", "seed of the trial"),
        ("test_loss", REAL, "nats", "on the test split, read once, at the very end"),
        ("test_error", REAL, "", "share of wrong classes on the test split; NULL without classes"),
        (
            "confusion",
            TEXT,
            "JSON",
            "how often each class, a row, was taken for each, a column; NULL with none or many",
        ),
    ),
    "hardware": (
        ("hardware_id", TEXT, "", "blake2b-128 of the row"),
        ("run", TEXT, "", "run that used the machine"),
        ("host", TEXT, "", "name of the machine; a release has host-1, host-2 … in its place"),
        ("cpu", TEXT, "", "model"),
        ("cores", WHOLE, "", "cores the machine has"),
        ("memory_mb", WHOLE, "MB", "memory the machine has"),
        ("gpu", TEXT, "", "model; NULL without one"),
        ("cuda", TEXT, "", "version that torch was built for; NULL for CPU builds"),
        ("platform", TEXT, "", "operating system"),
    ),
}

# Of what a good network has little or much; of other columns neither is better.
MINIMISED = frozenset(
    {
        *("fitness", "best_so_far", "train_loss", "valid_loss", "valid_error"),
        *("test_loss", "test_error", *COUNTED, *CARRIED, "cpu_s", "wall_s", "peak_memory_mb"),
        *(column.name for column in table_columns() if column.better == "minimised"),
    }
)
MAXIMISED = frozenset(column.name for column in table_columns() if column.better == "maximised")


def direction(column: str) -> str:
    """Return whether a column is better minimised or maximised; "" if neither."""
    return "minimised" if column in MINIMISED else "maximised" if column in MAXIMISED else ""


def schema(table: str) -> pa.Schema:
    """Return a table's Arrow schema, units, meanings and directions in the metadata."""
    metadata = {"schema_version": VERSION, "table": table}
    return pa.schema(fields(SCHEMAS[table]), metadata=metadata)


def fields(columns: Sequence[Column]) -> list[pa.Field]:
    """Return Arrow fields, unit, meaning and direction of each column in its metadata."""
    return [
        pa.field(
            name,
            kind,
            metadata={"unit": unit, "description": meaning, "direction": direction(name)},
        )
        for name, kind, unit, meaning in columns
    ]


def schemas() -> dict[str, pa.Schema]:
    """Return the schema of every table."""
    return {table: schema(table) for table in SCHEMAS}


def dictionary(schemas: Mapping[str, pa.Schema]) -> str:
    """Return the data dictionary, every table with its columns, as Markdown."""
    shown = ("unit", "direction", "description")
    lines = []
    for table, columns in schemas.items():
        lines += [
            f"## {table}",
            "",
            "| column | type | unit | better | meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for field in columns:
            words = " | ".join(field.metadata[key.encode()].decode() for key in shown)
            lines.append(f"| `{field.name}` | {field.type} | {words} |")
        lines.append("")
    return "\n".join(lines)
