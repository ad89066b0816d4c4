"""The tables of a release: one Parquet file each, of results only, with their dictionary and schema.

What a machine is called and where its folders are is no result: hosts are numbered in the order in which
trials started on them, so that further runs renumber none, and their ids are hashed again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gp_cells.config.files import RecordError, canonical_json, content_hash, written_beside
from gp_cells.config.plan import trial_folder
from gp_cells.tables.names import KEYS, TABLES
from gp_cells.tables.parquet import read_tables, released_file
from gp_cells.tables.schemas import schema

Row = dict[str, Any]

# A folder of a machine, as /home/ada/data or C:\data; not the end of an address.
ABSOLUTE = re.compile(r"(?<![\w.:/-])(?:/[\w.@+-]+){2,}|(?<!\w)[A-Za-z]:\\")

BEGINS_AS_PATH = re.compile(r"/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\")

JSON_TYPES = {
    pa.string(): "string",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
}


def gather(results: Path, benchmarks: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of all tables of some benchmarks, or of all, as a release has them.

    Raises:
        RecordError: there are no runs, or none of a benchmark that is named, or a cell of a table
            has an absolute path in it.
    """
    of_runs = read_tables(results, "runs").to_pylist()
    known = sorted({row["benchmark"] for row in of_runs})
    if unknown := sorted({*benchmarks} - {*known}):
        names = ", ".join(known) or "none"
        raise RecordError(f"{results}/tables has no benchmark {unknown[0]!r}; it has {names}")
    runs = sorted(row["run"] for row in of_runs if row["benchmark"] in (benchmarks or known))
    if not runs:
        raise RecordError(f"{results}/tables has no runs; run a benchmark to its end first")
    rows = {table: read_tables(results, table, runs).to_pylist() for table in TABLES}
    _leave_out_machines(rows)
    for table, records in rows.items():
        records.sort(key=lambda row: [row[name] for name in KEYS[table]])
        for place, text in absolute_paths(table, records):
            raise RecordError(f"{place}: {text!r} is a path of one machine; it cannot be published")
    return rows


def _leave_out_machines(rows: Mapping[str, list[Row]]) -> None:
    """Put numbers in the place of hosts, and names in that of paths."""
    hosts = {row["hardware_id"]: row["host"] for row in rows["hardware"]}
    started = sorted((row["started_utc"], hosts[row["hardware_id"]]) for row in rows["trials"])
    numbers: dict[str, str] = {}
    for _, host in started:
        numbers.setdefault(host, f"host-{len(numbers) + 1}")
    ids = {}
    for row in rows["hardware"]:
        row["host"] = numbers[row["host"]]
        machine = {key: row[key] for key in row if key not in ("run", "hardware_id")}
        ids[row["hardware_id"]] = content_hash(machine)
        row["hardware_id"] = ids[row["hardware_id"]]
    for row in rows["trials"]:
        row["hardware_id"] = ids[row["hardware_id"]]
        row["file"] = f"{trial_folder(row['run'], row['candidate'])}/trial.h5"
    for row in rows["runs"]:
        row["settings"] = json.dumps(_named(json.loads(row["settings"])), sort_keys=True)


def _named(value: Any, key: str = "") -> Any:
    """Return settings in which a path, of a `file` or one that begins as a path does, is a bare name."""
    if isinstance(value, dict):
        return {name: _named(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_named(item, key) for item in value]
    if isinstance(value, str) and (key == "file" or BEGINS_AS_PATH.match(value)):
        return PurePath(value.replace("\\", "/")).name
    return value


def absolute_paths(table: str, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every cell that has an absolute path in it."""
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and (found := ABSOLUTE.search(value)):
                key = "/".join(str(row[part]) for part in KEYS[table])
                yield f"{table}.{name} of {key}", found.group()


def write_tables(release: Path, rows: Mapping[str, Sequence[Row]]) -> None:
    """Write one Parquet file a table; the same rows give the same bytes."""
    for table, records in rows.items():
        whole = schema(table)
        columns = [pa.array([row[c.name] for row in records], c.type) for c in whole]
        numbers = [field.name for field in whole if pa.types.is_floating(field.type)]
        with written_beside(released_file(release, table)) as partial:
            pq.write_table(
                pa.table(columns, schema=whole),
                partial,
                compression="zstd",
                compression_level=19,
                use_dictionary=[name for name in whole.names if name not in numbers],
                use_byte_stream_split=numbers,
            )


def read_schemas(release: Path) -> dict[str, pa.Schema]:
    """Return the schema that each Parquet file of a release has, by the name of its table."""
    return {
        path.stem: pq.read_schema(path) for path in sorted((release / "tables").glob("*.parquet"))
    }


def json_schema(schemas: Mapping[str, pa.Schema]) -> str:
    """Return the JSON Schema of a row of each table, `#/$defs/TABLE`, made from the Parquet's own."""
    definitions = {}
    for table, fields in schemas.items():
        keys = KEYS.get(table, ())
        definitions[table] = {
            "type": "object",
            "required": fields.names,
            "additionalProperties": False,
            "properties": {
                field.name: {
                    "type": JSON_TYPES[field.type]
                    if field.name in keys
                    else [JSON_TYPES[field.type], "null"],
                    **{key.decode(): text.decode() for key, text in field.metadata.items() if text},
                }
                for field in fields
            },
        }
    return canonical_json(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The rows of a gp-cells release, a definition a table",
            "description": "null: not measured. Units and directions are annotations.",
            "$defs": definitions,
        }
    )
