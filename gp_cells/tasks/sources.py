"""Where a task's data lie, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from gp_cells.tasks.task import DataError, SplitName

SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")


def installed(package: str, advice: str) -> Path:
    """Return the folder of an installed package, which is not imported.

    Raises:
        DataError: it is not installed; the line is `advice`.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(advice)
    return Path(spec.submodule_search_locations[0])


def read_bytes(path: Path, digest: str, advice: str) -> bytes:
    """Return a file's content, whose SHA-256 is `digest` in hexadecimal.

    Raises:
        DataError: the file is missing or holds other bytes; the line ends with `advice`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {advice}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{path}: {len(content)} bytes of another SHA-256 than {digest}; {advice}")
    return content


def drawn(key: bytes, parts: Sequence[int]) -> SplitName:
    """Return the split that a key falls in, each with its parts of all: the SHA-1 modulo their sum."""
    rest = int.from_bytes(hashlib.sha1(key, usedforsecurity=False).digest(), "big") % sum(parts)
    train, valid, _ = parts
    return "train" if rest < train else "valid" if rest < train + valid else "test"
