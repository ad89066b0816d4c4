"""The pages of a release that people read: README.md, DICTIONARY.md and CITATION.cff."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from gp_cells.exchange.release.facts import PROJECT, Facts
from gp_cells.tables.schemas import dictionary

# What is in a release: pattern, media type, meaning. The first that fits a file describes it.
CONTENTS: Sequence[tuple[str, str, str]] = (
    ("README.md", "text/markdown", "this page"),
    ("DICTIONARY.md", "text/markdown", "every column: type, unit, direction, meaning"),
    ("LICENSE", "text/plain", "the licence"),
    ("CITATION.cff", "application/yaml", "how to cite it"),
    ("tables/*.parquet", "application/vnd.apache.parquet", "the tables, one file each"),
    ("schema.json", "application/schema+json", "JSON Schema of each table's rows"),
    (
        "configs/*.yaml",
        "application/yaml",
        "each benchmark's config, from the settings of its runs",
    ),
    ("workflow/**", "text/plain", "the Snakemake workflow, as it was when the last trial was made"),
    ("phylogeny.csv", "text/csv", "who descends from whom, in the ALife data standard"),
    ("prov.json", "application/json", "the same as W3C PROV-JSON"),
    ("weights/**/network.py", "text/x-python", "a trained network that needs only torch"),
    ("weights/**/weights.safetensors", "application/octet-stream", "its weights"),
    ("croissant.json", "application/ld+json", "the tables for machine-learning tools (Croissant)"),
    (
        "ro-crate-metadata.json",
        "application/ld+json",
        "what made what (RO-Crate, Provenance Run Crate)",
    ),
    ("SHA256SUMS", "text/plain", "the SHA-256 of every other file, for `sha256sum -c`"),
)

README = """\
# {title}

{description}

Lower losses are better. [DICTIONARY.md](DICTIONARY.md) has every column with its unit.

pandas:

    import pandas as pd
    trials = pd.read_parquet("tables/trials.parquet")
    print(trials.groupby("run").fitness.min())

polars:

    import polars as pl
    trials = pl.read_parquet("tables/trials.parquet")
    print(trials.group_by("run").agg(pl.col("fitness").min()))

DuckDB:

    import duckdb
    trials = duckdb.read_parquet("tables/trials.parquet")
    print(duckdb.sql("select run, min(fitness) from trials group by run"))

R:

    library(arrow)
    trials <- read_parquet("tables/trials.parquet")
    print(aggregate(fitness ~ run, trials, min))

gp-cells itself takes this folder as its results:

    gp-cells query "select run, min(fitness) from trials group by run" --results .
    gp-cells rerun --all --sample 5 --results .

## What is in it

| file | what it is |
| --- | --- |
{contents}

| table | rows |
| --- | --- |
{counts}

Hosts are numbered in place of their names, and paths are relative: results only. Folders `reruns` and
`__pycache__`, in which `gp-cells rerun` and Python work, are no part of the release.

## How it was made

{code}{unfinished} In a checkout of gp-cells it is reproduced by

    {commands}

The configs are written from the settings of the runs, with all defaults. This folder was written from the
tables, by this or a later version, with

    {command}

The trials started between {started} and {published}. Made with:

| what | version (trials) |
| --- | --- |
{versions}

## Check it

    sha256sum -c --quiet SHA256SUMS     # the bytes
    gp-cells verify .                   # everything: bytes, keys, counts, schemas, metadata
"""


def readme(facts: Facts, paths: Sequence[str], command: str, planned: int) -> str:
    """Return README.md of a release with some files and `planned` runs, made by a command."""
    runs = len(facts.rows["runs"])
    checkout = [f"git checkout {facts.commit}"] if facts.commit else []
    made = [
        f"snakemake --profile profiles/local --configfile FOLDER/{path}"
        for path in fnmatch.filter(paths, "configs/*.yaml")
    ]
    there = {
        f"`{pattern}`": meaning
        for pattern, _, meaning in CONTENTS
        if fnmatch.filter(paths, pattern)
    }
    versions = {
        name: ", ".join(f"{version} ({count:,})" for version, count in of.items())
        for name, of in facts.versions.items()
        if of
    }
    return README.format(
        title=facts.title,
        description=facts.description,
        contents=_lines(there),
        counts=_lines({f"`{table}`": f"{len(rows):,}" for table, rows in facts.rows.items()}),
        code=facts.code,
        unfinished=f" Of the {planned} runs that the configs plan, {runs} are here."
        if planned > runs
        else "",
        commands="\n    ".join([*checkout, *made]),
        command=command,
        started=facts.started,
        published=facts.published,
        versions=_lines(versions),
    )


def _lines(cells: Mapping[str, str]) -> str:
    return "\n".join(f"| {key} | {value} |" for key, value in cells.items())


def dictionary_page(schemas: Mapping[str, pa.Schema]) -> str:
    """Return DICTIONARY.md, made from the Parquet files' own metadata."""
    return (
        "# Dictionary\n\n"
        "Each column of each table. NULL: not measured. NaN: measured, and not a number. Losses are in\n"
        "what `runs.loss_unit` says. Better: whether a network is better with less of it (minimised) or\n"
        "more (maximised); empty where it is neither.\n\n"
    ) + dictionary(schemas)


def citation(facts: Facts) -> str:
    """Return CITATION.cff, Citation File Format 1.2.0."""
    people = [_person(name) for name in facts.authors]
    return yaml.safe_dump(
        {
            "cff-version": "1.2.0",
            "message": "If you use these results, please cite them as below.",
            "type": "dataset",
            "title": facts.title,
            "abstract": facts.description,
            "authors": people or [{"name": PROJECT}],
            "version": facts.version,
            "date-released": facts.published[:10],
            "license": "MIT",
            "keywords": ["neural architecture search", "genetic programming", "benchmark"],
            **({"commit": facts.commit} if facts.commit else {}),
        },
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )


def _person(name: str) -> dict[str, Any]:
    given, _, family = name.strip().rpartition(" ")
    return {"family-names": family, **({"given-names": given} if given else {})}
