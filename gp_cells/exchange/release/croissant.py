"""The tables of a release as a Croissant data set, which machine-learning tools load by its metadata.

[Croissant 1.1](https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html)
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from gp_cells.config.files import canonical_json
from gp_cells.exchange.release.facts import LICENSE_URL, PROJECT, Facts
from gp_cells.exchange.release.sums import digest
from gp_cells.tables.names import KEYS


def croissant(release: Path, facts: Facts, schemas: Mapping[str, pa.Schema]) -> str:
    """Return croissant.json: each Parquet file by its checksum, and each of its columns."""
    import mlcroissant as mlc

    types = {
        pa.string(): mlc.DataType.TEXT,
        pa.int64(): mlc.DataType.INTEGER,
        pa.float64(): mlc.DataType.FLOAT,
        pa.bool_(): mlc.DataType.BOOL,
    }
    files, records = [], []
    for table, columns in schemas.items():
        file = f"tables/{table}.parquet"
        files.append(
            mlc.FileObject(
                id=file,
                name=file,
                content_url=file,
                encoding_formats=["application/x-parquet"],
                sha256=digest(release / file),
            )
        )
        fields = [
            mlc.Field(
                id=f"{table}/{column.name}",
                name=column.name,
                description=column.metadata[b"description"].decode(),
                data_types=[types[column.type]],
                source=mlc.Source(file_object=file, extract=mlc.Extract(column=column.name)),
            )
            for column in columns
        ]
        keys = [f"{table}/{name}" for name in KEYS[table]]
        records.append(mlc.RecordSet(id=table, name=table, key=keys, fields=fields))
    creators = [mlc.Person(name=name) for name in facts.authors] or [mlc.Organization(name=PROJECT)]
    metadata = mlc.Metadata(
        name=facts.title,
        description=facts.description,
        conforms_to=["http://mlcommons.org/croissant/1.1"],
        cite_as=f"{facts.title}, {facts.version}",
        creators=creators,
        date_published=datetime.datetime.fromisoformat(facts.published[:10]),
        license=[LICENSE_URL],
        version=facts.version,
        distribution=files,
        record_sets=records,
    )
    return canonical_json(metadata.to_json())


def faults(release: Path) -> Iterator[str]:
    """Yield what mlcroissant finds wrong with croissant.json, reading the first record of each table."""
    import mlcroissant as mlc

    try:
        data = mlc.Dataset(str(release / "croissant.json"))
        for table in data.metadata.record_sets:
            next(iter(data.records(table.id)), None)
    except (mlc.ValidationError, mlc.GenerationError) as error:
        yield " ".join(f"{error}: {error.__cause__ or ''}".split())
