"""Files of any kind: written beside their place, canonical JSON, and one error for broken ones.

Everything that is an edge between two jobs is canonical JSON: equal values are equal bytes.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.refusal import Refusal

SCHEMA_VERSION = "1"  # of trial.h5; tables have their own, `gp_cells.tables.names.VERSION`


class RecordError(Refusal):
    """A result file that is missing, broken or not what it should be; one line says which."""


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder that becomes `path` if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def canonical_json(value: Any) -> str:
    """Return JSON that is the same for equal values: sorted keys, NaN and infinities as strings."""
    return json.dumps(storable(value), sort_keys=True, indent=1, allow_nan=False) + "\n"


def storable(value: Any) -> Any:
    """Return a value for JSON, which has no NaN and no infinity: they become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): storable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(v) for v in value]
    return value


def write_json(path: Path, value: Any) -> None:
    """Write a value as canonical JSON."""
    with written_beside(path) as partial:
        partial.write_text(canonical_json(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RecordError: the file is missing, empty, truncated or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing") from error
    except (ValueError, OSError) as error:
        raise RecordError(f"{path} cannot be read ({error}); delete it and run again") from error


def read_text(path: Path) -> str:
    """Read a text that a person wrote: UTF-8 whatever the locale is, with a byte order mark or without.

    Raises:
        RecordError: it cannot be read, or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing") from error
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    return decode_text(content, str(path))


def decode_text(content: bytes, place: str) -> str:
    """Return a text that a person wrote, of its bytes, without a byte order mark.

    Raises:
        RecordError: it is in another encoding than UTF-8; `place` says whose it is.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise RecordError(f"{place}: it is UTF-16 or no text at all; save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise RecordError(
            f"{place}: line {line}: the byte 0x{byte:02x} is no UTF-8, perhaps Latin-1; save it as UTF-8"
        ) from error


def content_hash(*values: Any) -> str:
    """Return the blake2b-128 of some values' canonical JSON, in hex."""
    text = "".join(canonical_json(value) for value in values)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def hash_bytes(content: bytes) -> str:
    """Return the blake2b-128 of some bytes, in hex."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def hash_file(path: str) -> str:
    """Return the SHA-256 of a file's content, in hex; of one that is not there, nothing."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
