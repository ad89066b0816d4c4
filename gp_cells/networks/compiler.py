"""Compile C++ with this machine's compiler, once: libraries are kept in a cache by content.

An entry's name is a hash of source, flags, compiler, C library and CPU features, so that one cache on a
shared file system serves unlike machines. An entry ends in a hash of itself and its name: one that is
torn, or another's, or that cannot be loaded, is compiled again. It is loaded from a private copy, so that
nothing that happens to the file later can matter to a running job.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gp_cells.config.files import written_beside

LOG = logging.getLogger(__name__)
FLAGS = (
    *("-std=c++20", "-O2", "-march=native", "-fPIC", "-shared", "-s"),
    *("-ftree-vectorize", "-fvect-cost-model=dynamic", "-funswitch-loops"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
)
SEAL_SIZE = 32  # bytes
_WARNED: set[str] = set()


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
    parts = (source, *flags, command, version, c_library(), cpu_features())
    name = f"{_hash(chr(0).join(parts).encode())}.so"
    binary, began = _read_entry(name), time.perf_counter()
    if binary is not None:
        with contextlib.suppress(CompilerError):  # cached all the same: compiled again below
            return Library(_load(binary), version, 0.0)
    binary = _compile(source, command, flags)
    code = _load(binary)
    _write_entry(name, binary)
    return Library(code, version, time.perf_counter() - began)


def cache_folder() -> Path:
    """Return where compiled cells are kept; it may be deleted at any time.

    Raises:
        FileNotFoundError: no folder is named, and this user has no home.
    """
    named = os.environ.get("GP_CELLS_CACHE")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gp-cells"
    except RuntimeError as error:
        raise FileNotFoundError("this user has no home folder; set GP_CELLS_CACHE") from error


@cache
def find_compiler() -> tuple[str, str]:
    """Return the command and version of the compiler that `CXX` names, or of c++, g++ or clang++.

    `CXX` may have more words, as `ccache g++` or `g++ -m64`; the command is written as for a shell.

    Raises:
        CompilerError: there is none, or it does not run.
    """
    wanted = os.environ.get("CXX", "").strip()
    names = [wanted] if wanted else ["c++", "g++", "clang++"]
    refused: CompilerError | None = None
    for command in filter(None, map(_command, names)):
        try:
            return shlex.join(command), _version(command)
        except CompilerError as error:
            refused = refused or error
    raise refused or CompilerError(
        f"no C++ compiler ({', '.join(names)}) in PATH; install g++ or set CXX"
    )


def _command(named: str) -> list[str]:
    """Return the words of a command, its program with its folder; none if it is not there."""
    try:
        words = [named] if shutil.which(named) else shlex.split(named)  # a folder may have a blank
    except ValueError as error:
        raise CompilerError(f"CXX is {named!r}: {error}; set it to a C++ compiler") from error
    program = shutil.which(words[0]) if words else None
    return [program, *words[1:]] if program else []


def _version(command: Sequence[str]) -> str:
    said = _run([*command, "--version"]).splitlines()
    if not said:
        raise CompilerError(
            f"{shlex.join(command)} --version says nothing; set CXX to a C++ compiler"
        )
    return said[0]


def c_library() -> str:
    """Return the C library that compiled code is bound to; a newer one's code may not load here."""
    return " ".join(platform.libc_ver())


@cache
def cpu_features() -> str:
    """Return what of this CPU decides the code that is made for it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU implementer", "CPU part")
    return "\n".join(line for line in lines if line.split("\t")[0].strip() in kept)


def _compile(source: str, command: str, flags: Sequence[str]) -> bytes:
    with _scratch_folder() as folder:
        text, library = folder / "cell.cpp", folder / "cell.so"
        text.write_text(source, encoding="utf-8")
        command_line = [*shlex.split(command), *flags, "-o", str(library), str(text)]
        _run(command_line, TMPDIR=str(folder))  # there is room, and Python found it
        if not library.is_file():
            raise CompilerError(f"{command} failed: it wrote nothing and said nothing")
        return library.read_bytes()


def _run(command: Sequence[str], **environment: str) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            # its errors are looked for in English
            env={**os.environ, "LC_ALL": "C", **environment},
            check=False,
        )
    except OSError as error:
        raise CompilerError(f"{command[0]} does not run: {error}") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if "error" in line] or said or ["it said nothing"]
        raise CompilerError(f"{command[0]} failed: {errors[0].strip()[:200]}")
    return done.stdout


def _load(binary: bytes) -> ctypes.CDLL:
    """Load a library from memory where the system can, else from a file.

    A folder may allow no programs (noexec), and one on NFS cannot be deleted while a file in it is in
    use. It only gives a name here: a process loads no second library of the same name.
    """
    with _scratch_folder() as folder, contextlib.ExitStack() as opened:
        path = folder / "cell.so"
        with contextlib.suppress(AttributeError, OSError):  # not Linux, or a sandbox forbids it
            memory = opened.enter_context(open(os.memfd_create("gp-cells"), "wb"))
            path.symlink_to(f"/proc/self/fd/{memory.fileno()}")
        path.write_bytes(binary)
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            said = str(error).removeprefix(f"{path}: ")
            raise CompilerError(f"compiled code cannot be loaded: {said}") from error


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Give a folder that is deleted afterwards; what fails in it is this machine's fault."""
    try:
        with tempfile.TemporaryDirectory(prefix="gp-cells-") as folder:
            yield Path(folder)
    except CompilerError:
        raise
    except OSError as error:
        raise CompilerError(f"no room to compile: {error}; set TMPDIR?") from error


def _read_entry(name: str) -> bytes | None:
    try:
        sealed = (cache_folder() / name).read_bytes()
    except OSError:
        return None
    binary, seal = sealed[:-SEAL_SIZE], sealed[-SEAL_SIZE:]
    return binary if seal == _seal(name, binary) else None


def _write_entry(name: str, binary: bytes) -> None:
    try:
        with written_beside(cache_folder() / name) as partial:
            partial.write_bytes(binary + _seal(name, binary))
    except OSError as error:
        warn_once("compiled cells cannot be kept, so each job compiles its own: %s", error)


def warn_once(message: str, error: OSError) -> None:
    """Log a warning, unless this process has given it before."""
    if message not in _WARNED:
        _WARNED.add(message)
        LOG.warning(message, error)


def _seal(name: str, binary: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + binary, digest_size=SEAL_SIZE).digest()


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
