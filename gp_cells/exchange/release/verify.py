"""Everything that can be checked of a release, from its bytes to whether its numbers fit each other.

Each check is a function that yields what is wrong, and where. What checks need beyond this package is in
the extra `release`; a check whose validator is not installed is not made, and says so.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import yaml

from gp_cells.config.files import RecordError
from gp_cells.config.plan import run_names
from gp_cells.exchange.release import crate, croissant, pages, phylogeny, sums, tables
from gp_cells.exchange.release.rules import RULES
from gp_cells.tables.names import KEYS, OLD_TABLES, TABLES, TABLES_ADDED_LATER
from gp_cells.tables.parquet import released_file
from gp_cells.tables.query import connect

MOST = 5  # faults of one check that are reported

Faults = Iterator[str]


@dataclass(frozen=True)
class Finding:
    """What a check found: nothing, faults, or that it could not be made."""

    check: str
    faults: tuple[str, ...] = ()
    needs: str = ""  # what has to be installed for it

    def __str__(self) -> str:
        """Return a line, and one for each of the first faults."""
        if self.needs:
            return f"not made  {self.check}; that needs {self.needs}"
        if not self.faults:
            return f"ok        {self.check}"
        more = len(self.faults) - MOST
        lines = [f"wrong     {self.check}", *(f"          {text}" for text in self.faults[:MOST])]
        return "\n".join([*lines, *([f"          and {more:,} more"] if more > 0 else [])])


def verify(release: Path) -> list[Finding]:
    """Return what each check of a release finds.

    Raises:
        RecordError: the folder is no release.
    """
    if not (release / sums.NAME).is_file():
        raise RecordError(f"{release} is no release: it has no {sums.NAME}")
    return [_find(release, *check) for check in CHECKS]


def _find(release: Path, name: str, check: Callable[[Path], Faults], needs: str) -> Finding:
    module, _, package = needs.partition(" ")
    if module and importlib.util.find_spec(module) is None:
        return Finding(name, needs=package)
    try:
        return Finding(name, tuple(check(release)))
    except Exception as error:  # a file that was tampered with breaks a validator in any way
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding(name, (f"it cannot be checked: {said}",))


def check_sums(release: Path) -> Faults:
    """Compare every file with its checksum."""
    yield from sums.faults(release, sums.read((release / sums.NAME).read_text(encoding="utf-8")))


def check_other_sums(release: Path) -> Faults:
    """Compare the checksums in the metadata with the files."""
    stored = json.loads((release / "croissant.json").read_text(encoding="utf-8"))["distribution"]
    listed = {
        "croissant.json": {file["contentUrl"]: file["sha256"] for file in stored},
        crate.NAME: crate.hashes((release / crate.NAME).read_text(encoding="utf-8")),
    }
    for where, of in listed.items():
        for path, expected in sorted(of.items()):
            if not (release / path).is_file() or sums.digest(release / path) != expected:
                yield f"{path} is not the file that {where} describes"
    for path in sorted({*sums.paths(release)} - listed[crate.NAME].keys() - {crate.NAME}):
        yield f"{path} is not described in {crate.NAME}"


def check_schemas(release: Path) -> Faults:
    """Compare dictionary and JSON Schema with the columns that the Parquet files have."""
    schemas = tables.read_schemas(release)
    yield from (
        f"tables/{table}.parquet is missing" for table in OLD_TABLES if table not in schemas
    )
    yield from (f"tables/{table}.parquet is no table" for table in sorted({*schemas} - {*TABLES}))
    made = {"DICTIONARY.md": pages.dictionary_page, "schema.json": tables.json_schema}
    for path, make in made.items():
        if (release / path).read_text(encoding="utf-8") != make(schemas):
            yield f"{path} is not what the columns of the Parquet files say"


def check_rows(release: Path) -> Faults:
    """Check each row of each table against schema.json."""
    schema = json.loads((release / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for table, definition in schema["$defs"].items():
        validator = jsonschema.Draft202012Validator(definition)
        for row in _rows(release, table):
            if not validator.is_valid(row):
                error = jsonschema.exceptions.best_match(validator.iter_errors(row))
                key = "/".join(str(row[name]) for name in KEYS[table])
                yield f"{table}, row {key}: {error.message}"


def check_rules(release: Path) -> Faults:
    """Check the tables against each other."""
    connection = connect(release)
    for rule, sql in RULES.items():
        answer = connection.sql(sql)
        if wrong := answer.fetchall():
            first = ", ".join(f"{k} {v}" for k, v in zip(answer.columns, wrong[0], strict=True))
            yield f"{rule}: not so in {len(wrong):,} rows, first {first}"


def check_machines(release: Path) -> Faults:
    """Look for names of hosts and absolute paths."""
    for table in TABLES:
        for place, text in tables.absolute_paths(table, _rows(release, table)):
            yield f"{place}: {text!r} is a path of one machine"
    for host in sorted({row["host"] for row in _rows(release, "hardware")}):
        if not str(host).removeprefix("host-").isdecimal():
            yield f"hardware.host: {host!r} is no number in a host's place"


def check_configs(release: Path) -> Faults:
    """Look for each run in the plans of the configs."""
    planned: set[str] = set()
    for path in sorted((release / "configs").glob("*.yaml")):
        planned |= run_names(yaml.safe_load(path.read_text(encoding="utf-8"))).keys()
    for row in _rows(release, "runs"):
        if row["run"] not in planned:
            yield f"no config plans the run {row['run']}"


def check_citation(release: Path) -> Faults:
    """Check CITATION.cff against the schema of its format, which the package cffconvert has."""
    spec = importlib.util.find_spec("cffconvert")
    assert spec is not None and spec.origin is not None  # else the check is not made
    schema = json.loads(
        (Path(spec.origin).parent / "schemas/1.2.0/schema.json").read_text(encoding="utf-8")
    )
    cited = yaml.load((release / "CITATION.cff").read_text(encoding="utf-8"), yaml.BaseLoader)
    for error in jsonschema.Draft7Validator(schema).iter_errors(cited):
        yield f"CITATION.cff, {'.'.join(map(str, error.path)) or 'top level'}: {error.message}"


def check_phylogeny(release: Path) -> Faults:
    """Check phylogeny.csv against the standard, and against the tables."""
    text = (release / "phylogeny.csv").read_text(encoding="utf-8")
    yield from (f"phylogeny.csv: {fault}" for fault in phylogeny.faults(text))
    if text != phylogeny.phylogeny(
        {name: _rows(release, name) for name in ("candidates", "lineage")}
    ):
        yield "phylogeny.csv is not what the tables candidates and lineage say"


def check_provenance(release: Path) -> Faults:
    """Compare the derivations of prov.json with the table lineage."""
    stored = phylogeny.derivations((release / "prov.json").read_text(encoding="utf-8"))
    expected = phylogeny.expected_derivations(_rows(release, "lineage"))
    for child, parent in sorted(stored ^ expected):
        where = "prov.json" if (child, parent) in stored else "the table lineage"
        yield f"only {where} says that {child} was derived from {parent}"


def _rows(release: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table with the columns that the release has, which may be older than ours.

    Of a table that there was not yet, there are none.
    """
    file = released_file(release, table)
    if table in TABLES_ADDED_LATER and not file.exists():
        return []
    return pq.ParquetFile(file).read().to_pylist()


EXTRA = "pip install 'gp-cells[release]'"

# What is checked, how, and the module that this needs with the way to install it.
CHECKS = (
    ("checksums: no file is missing, extra or changed", check_sums, ""),
    ("checksums in the metadata are those of the files", check_other_sums, ""),
    ("dictionary and JSON Schema are those of the tables", check_schemas, ""),
    ("every row fits the JSON Schema", check_rows, ""),
    ("keys, counts and numbers of the tables fit each other", check_rules, ""),
    ("no host and no absolute path is named", check_machines, ""),
    ("the configs plan every run", check_configs, ""),
    ("the phylogeny has known ancestors and no cycle", check_phylogeny, ""),
    ("the derivations of PROV are those of the tables", check_provenance, ""),
    (
        "CITATION.cff is valid",
        check_citation,
        "cffconvert pip install --no-deps cffconvert",  # it would have an old jsonschema
    ),
    ("Croissant is valid, and records can be read", croissant.faults, f"mlcroissant {EXTRA}"),
    ("RO-Crate is a Provenance Run Crate", crate.faults, f"rocrate_validator {EXTRA}"),
)
