"""The checksums of a release: SHA-256 of every file, as `sha256sum -c` reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = "SHA256SUMS"
NO_PART = {"reruns", "__pycache__"}  # folders in which `gp-cells rerun` and Python leave things


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def paths(release: Path) -> list[str]:
    """Return every file of a release but the checksums', by its path in it."""
    found = (path.relative_to(release) for path in release.rglob("*") if not path.is_dir())
    parts = (path for path in found if NO_PART.isdisjoint(path.parts))
    return sorted(path.as_posix() for path in parts if path.as_posix() != NAME)


def sums(release: Path) -> str:
    """Return SHA256SUMS of the files of a release."""
    return "".join(f"{digest(release / path)}  {path}\n" for path in paths(release))


def read(text: str) -> dict[str, str]:
    """Return the checksum of each path."""
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return {path: expected for expected, path in pairs}


def faults(release: Path, expected: Mapping[str, str]) -> Iterator[str]:
    """Yield which files are missing, extra, or not what their checksum says."""
    there = set(paths(release))
    yield from (f"{path} is missing" for path in sorted(expected.keys() - there))
    yield from (f"{path} is not in {NAME}" for path in sorted(there - expected.keys()))
    for path in sorted(there & expected.keys()):
        if digest(release / path) != expected[path]:
            yield f"{path} is not what its checksum says"
