"""Compile C++ with this machine's compiler, once: libraries are kept in a cache by content.

An entry's name is a hash of source, flags, compiler and CPU features, so that one cache on a shared
file system serves unlike machines. An entry ends in a hash of itself and its name: one that is torn, or
another's, is compiled again. It is loaded from a private copy, so that nothing that happens to the
file later can matter to a running job.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gp_cells.files import written_beside

LOG = logging.getLogger(__name__)
FLAGS = (
    *("-std=c++20", "-O2", "-march=native", "-fPIC", "-shared", "-s"),
    *("-ftree-vectorize", "-fvect-cost-model=dynamic", "-funswitch-loops"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
)
SEAL_SIZE = 32  # bytes


class CompilerError(OSError):
    """This machine cannot compile; one line says why. Another machine may well."""


@dataclass(frozen=True)
class Library:
    """Compiled code in this process; `compile_s` is 0 if it came from the cache."""

    code: ctypes.CDLL
    compiler: str
    compile_s: float


def load(source: str, flags: Sequence[str] = FLAGS) -> Library:
    """Compile a source, or take it from the cache, and load it.

    Raises:
        CompilerError: there is no compiler, it fails, or what it made cannot be loaded.
    """
    command, version = find_compiler()
    key = _hash("\0".join((source, *flags, command, version, cpu_features())).encode())
    entry = cache_folder() / f"{key}.so"
    binary, began = _read_entry(entry), time.perf_counter()
    if binary is not None:
        return Library(_load(binary), version, 0.0)
    binary = _compile(source, command, flags)
    _write_entry(entry, binary)
    return Library(_load(binary), version, time.perf_counter() - began)


def cache_folder() -> Path:
    """Return where compiled cells are kept; it may be deleted at any time."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GP_CELLS_CACHE") or Path(caches) / "gp-cells")


@cache
def find_compiler() -> tuple[str, str]:
    """Return the path and version of the compiler that `CXX` names, or of c++, g++ or clang++.

    Raises:
        CompilerError: there is none, or it does not run.
    """
    wanted = os.environ.get("CXX")
    names = [wanted] if wanted else ["c++", "g++", "clang++"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise CompilerError(f"no C++ compiler ({', '.join(names)}) in PATH; install g++ or set CXX")
    return path, _run([path, "--version"]).splitlines()[0]


@cache
def cpu_features() -> str:
    """Return what of this CPU decides the code that is made for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines if line.split("\t")[0].strip() in kept)


def _compile(source: str, command: str, flags: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="gp-cells-") as folder:
        text, library = Path(folder) / "cell.cpp", Path(folder) / "cell.so"
        text.write_text(source)
        _run([command, *flags, "-o", str(library), str(text)])
        return library.read_bytes()


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CompilerError(f"{command[0]} does not run: {error}") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error" in line] or [done.stderr]
        raise CompilerError(f"{command[0]} failed: {said[0].strip()[:200]}")
    return done.stdout


def _load(binary: bytes) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="gp-cells-") as folder:
        path = Path(folder) / "cell.so"
        path.write_bytes(binary)
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            raise CompilerError(f"compiled code cannot be loaded: {error}; set TMPDIR?") from error


def _read_entry(entry: Path) -> bytes | None:
    try:
        sealed = entry.read_bytes()
    except OSError:
        return None
    binary, seal = sealed[:-SEAL_SIZE], sealed[-SEAL_SIZE:]
    return binary if seal == _seal(entry, binary) else None


def _write_entry(entry: Path, binary: bytes) -> None:
    try:
        with written_beside(entry) as partial:
            partial.write_bytes(binary + _seal(entry, binary))
    except OSError as error:
        LOG.warning("%s cannot be kept (%s); the next job compiles it again", entry, error)


def _seal(entry: Path, binary: bytes) -> bytes:
    return hashlib.blake2b(entry.name.encode() + binary, digest_size=SEAL_SIZE).digest()


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
