"""The compiler and its cache on machines where something is wrong: entries, folders, compilers, CPUs."""

from __future__ import annotations

import errno
import functools
import logging
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.engines import EVERYTHING, are_fine, errors, genome, make, randn, run, same_bits

import gp_cells
from gp_cells.cli import main
from gp_cells.config.files import read_json, write_json
from gp_cells.networks import compiler
from gp_cells.networks.compiler import CompilerError
from gp_cells.networks.engine import build
from gp_cells.workflow.steps import write_protocol

SMALL, OTHER = "h' = tanh(gate1)", "h' = sigmoid(gate1)"
ONE = 'extern "C" int one() { return 1; }'  # a source that is compiled in no time
X86 = platform.machine() == "x86_64"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep compiled cells in a folder of each test, and let it have its own compiler."""
    monkeypatch.setenv("GP_CELLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "_WARNED", set())
    forget = compiler.find_compiler.cache_clear
    forget()
    yield tmp_path / "cache"
    forget()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that makes a shell script the compiler."""

    def write(text: str, interpreter: str = "#!/bin/sh\n") -> Path:
        path = tmp_path / "bin" / "a-compiler"
        path.parent.mkdir(exist_ok=True)
        path.write_text(interpreter + text)
        path.chmod(0o755)
        monkeypatch.setenv("CXX", str(path))
        compiler.find_compiler.cache_clear()
        return path

    return write


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH without a compiler."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    compiler.find_compiler.cache_clear()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A function that mounts a small file system with some options, where this process may."""
    folder = tmp_path / "mounted"

    def mounted(options: str) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size=4m,{options}", "tmpfs", str(folder)]
        if (
            os.geteuid() != 0
            or subprocess.run(command, capture_output=True, check=False).returncode != 0
        ):
            pytest.skip("mounting a file system needs root")
        return folder

    yield mounted
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def trains(cell: Any) -> bool:
    """Say whether a cell finds outputs and a gradient."""
    outputs, _ = cell(randn(4, 3, 5))
    outputs.sum().backward()
    gradient = cell.weight_input.grad
    return bool(outputs.isfinite().all() and gradient.abs().sum() > 0)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


# --- entries --------------------------------------------------------------------------------------


def torn(entry: Path, other: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-100])


def emptied(entry: Path, other: Path) -> None:
    entry.write_bytes(b"")


def shorter_than_a_seal(entry: Path, other: Path) -> None:
    entry.write_bytes(b"\x7fELF")


def with_one_bit_flipped(entry: Path, other: Path) -> None:
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    entry.write_bytes(content)


def another(entry: Path, other: Path) -> None:
    shutil.copy(other, entry)


def sealed_but_no_library(entry: Path, other: Path) -> None:
    content = b"not machine code"
    entry.write_bytes(content + compiler._seal(entry.name, content))


def a_folder(entry: Path, other: Path) -> None:
    entry.unlink()
    entry.mkdir()


@pytest.mark.parametrize(
    "damage",
    [torn, emptied, shorter_than_a_seal, with_one_bit_flipped, another, sealed_but_no_library],
)
def test_a_damaged_entry_is_compiled_again_and_gives_the_same_bits(
    own_cache: Path, damage: Callable[[Path, Path], None]
) -> None:
    x = randn(4, 3, 5)
    before = run(make(SMALL), x)
    cell, products = sorted(own_cache.iterdir(), key=lambda path: path.stat().st_mtime)[::-1]
    for entry, other in ((cell, products), (products, cell)):
        whole = entry.read_bytes()
        damage(entry, other)
        again = make(SMALL)
        assert (again.engine.compile_s or 0) > 0
        assert same_bits(run(again, x), before)
        assert entry.read_bytes() == whole
    assert make(SMALL).engine.compile_s == 0


def test_an_entry_that_cannot_be_replaced_is_compiled_by_each_job(own_cache: Path) -> None:
    make(SMALL)
    for entry in own_cache.iterdir():
        a_folder(entry, entry)
    assert trains(make(SMALL))


def test_an_entry_that_was_loaded_may_be_overwritten(own_cache: Path) -> None:
    cell, x = make(SMALL), randn(4, 3, 5)
    before = run(cell, x)
    for entry in own_cache.iterdir():
        with entry.open("r+b") as file:
            file.write(b"\0" * entry.stat().st_size)
    assert same_bits(run(cell, x), before)


def test_a_cache_that_is_deleted_in_the_middle_does_no_harm(own_cache: Path) -> None:
    cell, x = make(SMALL), randn(4, 3, 5)
    before = run(cell, x)
    shutil.rmtree(own_cache)
    assert same_bits(run(cell, x), before)
    assert same_bits(run(make(SMALL), x), before)
    assert len(names(own_cache)) == 2


def test_processes_that_start_at_once_on_an_empty_cache_leave_one_entry_and_no_litter(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    processes = multiprocessing.get_context("fork")
    together = processes.Barrier(12)

    def start() -> None:
        together.wait()
        sys.exit(0 if compiler.load(ONE).code.one() == 1 else 3)

    running = [processes.Process(target=start) for _ in range(12)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * 12
    assert len(names(own_cache)) == 1 and names(own_cache)[0].endswith(".so")
    assert compiler.load(ONE).compile_s == 0
    assert names(scratch) == []


# --- folders --------------------------------------------------------------------------------------


def test_without_a_home_nothing_is_kept_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import pwd

    def unknown(user: int) -> None:
        raise KeyError(user)

    for name in ("GP_CELLS_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert trains(make(SMALL)) and trains(make(OTHER))
    [line] = warnings(caplog)
    assert "no home folder; set GP_CELLS_CACHE" in line


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc", "a read-only disk", "full"])
def test_a_cache_that_cannot_be_written_is_done_without_and_the_log_says_so_once(
    place: str,
    tmp_path: Path,
    mount: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = {
        "a file": lambda: file,
        "below a file": lambda: file / "cache",
        "/proc": lambda: Path("/proc/cache"),
        "a read-only disk": lambda: mount("ro"),
        "full": lambda: mount("nr_inodes=1"),
    }[place]()
    monkeypatch.setenv("GP_CELLS_CACHE", str(folder))
    assert trains(make(SMALL)) and trains(make(OTHER))
    [line] = warnings(caplog)
    assert line.startswith("compiled cells cannot be kept") and str(folder) in line
    assert "\n" not in line


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert compiler.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("GP_CELLS_CACHE", "")
    assert compiler.cache_folder() == tmp_path / "caches" / "gp-cells"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiler.cache_folder() == tmp_path / ".cache" / "gp-cells"


def test_a_folder_for_temporary_files_that_allows_no_programs_does_no_harm(
    mount: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mount("noexec")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    assert trains(make(SMALL))
    assert names(folder) == []


def test_where_memory_may_not_be_a_file_cells_are_loaded_from_the_folder_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    assert trains(make(SMALL))
    assert names(folder) == []


def test_without_room_for_temporary_files_compiling_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(CompilerError, match="set TMPDIR") as raised:
        make(SMALL)
    assert "\n" not in str(raised.value)


def test_a_full_folder_for_temporary_files_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, mount: Callable[[str], Path]
) -> None:
    folder = mount("nr_inodes=1")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(folder))
    assert trains(make(SMALL))
    assert names(folder) == []


def test_compiling_leaves_nothing_in_the_folder_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    assert trains(make(SMALL))
    assert names(folder) == []


# --- compilers ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_cells_are_eager_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells: list[Any] = [gp_cells.build(genome(text), 5, 7) for text in (SMALL, OTHER)]
    assert [cell.engine.name for cell in cells] == ["eager", "eager"]
    assert all(map(trains, cells))
    [line] = warnings(caplog)
    assert "eager" in line and "no C++ compiler" in line and "\n" not in line


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_the_compiled_engine_is_refused() -> None:
    with pytest.raises(CompilerError, match=r"no C\+\+ compiler \(c\+\+, g\+\+, clang\+\+\)"):
        build(genome(SMALL), 5, 7, "compiled")


# It says its version; given a source it does as the case says.
ANSWERS = '[ "$1" = --version ] && echo "a compiler 1.0" && exit 0\n'
TO = 'while [ "$1" != -o ]; do shift; done\n'  # and $2 is where the library goes
FAILING = {
    "that fails": ("exit 1\n", "it said nothing"),
    "that names no version": ("exit 0\n", "says nothing"),
    "that prints an error": (
        f"{ANSWERS}echo 'In function f:' >&2; echo 'error: no licence' >&2; exit 1\n",
        "error: no licence",
    ),
    "that speaks no English": (
        f"{ANSWERS}echo >&2; echo 'Fehler: so nicht' >&2; echo mehr >&2; exit 1\n",
        "Fehler: so nicht",
    ),
    "that prints what is no text": (f"{ANSWERS}printf 'error \\377\\376' >&2; exit 1\n", "error"),
    "that is killed": (f"{ANSWERS}kill -9 $$\n", "it said nothing"),
    "that writes nothing": (f"{ANSWERS}exit 0\n", "it wrote nothing"),
    "that writes an empty file": (f'{ANSWERS}{TO}: > "$2"\n', "cannot be loaded"),
    "that writes garbage": (f'{ANSWERS}{TO}echo garbage > "$2"\n', "cannot be loaded"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_compiler_is_refused_in_one_line(
    kind: str,
    script: Callable[[str], Path],
    own_cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    text, words = FAILING[kind]
    script(text)
    with pytest.raises(CompilerError) as raised:
        build(genome(SMALL), 5, 7, "compiled")
    said = str(raised.value)
    assert words in said and "\n" not in said
    assert names(own_cache) == []
    assert build(genome(SMALL), 5, 7).engine.name == "eager"
    [line] = warnings(caplog)
    assert words in line and "\n" not in line


@pytest.mark.parametrize("wanted", ["false", "no-such-compiler", "/no/such/compiler"])
def test_a_wrong_cxx_is_refused_by_its_name(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", wanted)
    compiler.find_compiler.cache_clear()
    with pytest.raises(CompilerError, match=wanted):
        build(genome(SMALL), 5, 7, "compiled")


def test_a_compiler_that_is_no_program_is_refused(script: Callable[..., Path]) -> None:
    path = script("hello", interpreter="\x01\x02")
    with pytest.raises(CompilerError, match=f"{path} does not run"):
        build(genome(SMALL), 5, 7, "compiled")


def test_a_compiler_that_was_mended_is_used_although_its_version_is_the_same(
    script: Callable[[str], Path],
) -> None:
    real, _ = compiler.find_compiler()
    script(FAILING["that writes garbage"][0])
    with pytest.raises(CompilerError):
        compiler.load(ONE)
    script(f'{ANSWERS}exec {real} "$@"\n')
    assert compiler.load(ONE).code.one() == 1


def program(folder: Path, name: str, text: str) -> Path:
    """Write a program for a shell, with its folder."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "wanted",
    ["{real} ", " {real}", "{wrapper} {real}", "{real} -DMORE='a b'", "{wrapper} {real} -g0  "],
)
def test_a_compiler_may_have_words_before_and_after_it(
    wanted: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = program(tmp_path, "wrapper", 'exec "$@"\n')
    real, version = compiler.find_compiler()
    assert compiler.load(ONE).code.one() == 1
    monkeypatch.setenv("CXX", wanted.format(real=real, wrapper=wrapper))
    compiler.find_compiler.cache_clear()
    assert compiler.load(ONE).code.one() == 1
    assert compiler.find_compiler()[1] == version
    has_more_words = len(wanted.split()) > 1
    assert len(names(own_cache)) == 1 + has_more_words  # of all words, not of the first


def test_a_compiler_may_be_in_a_folder_with_a_blank(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, _ = compiler.find_compiler()
    path = program(tmp_path / "my tools", "c++", f'exec {real} "$@"\n')
    monkeypatch.setenv("CXX", str(path))
    compiler.find_compiler.cache_clear()
    assert compiler.load(ONE).code.one() == 1


@pytest.mark.parametrize("cxx", [None, "", "  "])
def test_clang_is_tried_where_there_is_no_other_or_none_that_runs(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, cxx: str | None
) -> None:
    real, _ = compiler.find_compiler()
    clang = program(tmp_path, "clang++", f'PATH={os.environ["PATH"]}; exec {real} "$@"\n')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    if cxx is not None:
        monkeypatch.setenv("CXX", cxx)
    for broken in (None, "g++"):
        if broken:
            program(tmp_path, broken, "exit 1\n")
        compiler.find_compiler.cache_clear()
        assert compiler.find_compiler()[0] == str(clang)
        assert compiler.load(ONE).code.one() == 1


@pytest.mark.parametrize("wanted", ["'g++", "no-such-compiler -O2", "''"])
def test_words_that_are_no_command_are_refused_in_one_line(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", wanted)
    compiler.find_compiler.cache_clear()
    with pytest.raises(CompilerError) as refused:
        compiler.find_compiler()
    assert wanted in str(refused.value) and "\n" not in str(refused.value)


# --- keys -----------------------------------------------------------------------------------------


def other_flags(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]) -> None:
    flags = (*compiler.FLAGS, "-DOTHER")
    monkeypatch.setattr(compiler, "load", functools.partial(compiler.load, flags=flags))


def other_version(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]) -> None:
    path, version = compiler.find_compiler()
    monkeypatch.setattr(compiler, "find_compiler", lambda: (path, f"{version}.1"))


def other_compiler(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]) -> None:
    path, _ = compiler.find_compiler()
    script(f'exec {path} "$@"\n')


def other_cpu(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]) -> None:
    monkeypatch.setattr(compiler, "cpu_features", lambda: "flags\t: fpu sse sse2")


def other_c_library(monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]) -> None:
    monkeypatch.setattr(compiler, "c_library", lambda: "glibc 2.17")


@pytest.mark.parametrize(
    "change", [other_flags, other_version, other_compiler, other_cpu, other_c_library]
)
def test_what_decides_machine_code_has_an_entry_of_its_own(
    change: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[[str], Path],
    own_cache: Path,
) -> None:
    compiler.load(ONE)
    [before] = names(own_cache)
    assert compiler.load(ONE).compile_s == 0
    change(monkeypatch, script)
    assert compiler.load(ONE).compile_s > 0
    assert len(names(own_cache)) == 2 and before in names(own_cache)


@pytest.mark.skipif(not X86, reason="speaks of an x86 CPU")
def test_a_cpu_is_known_by_its_model_and_by_every_instruction_set() -> None:
    features = compiler.cpu_features()
    assert {line.split("\t")[0] for line in features.splitlines()} >= {"vendor_id", "flags"}
    assert " sse2 " in features
    assert "MHz" not in features and "processor" not in features  # differ from hour to hour


# --- CPUs -----------------------------------------------------------------------------------------


def flags_for(march: str) -> tuple[str, ...]:
    return tuple(f"-march={march}" if "-march" in flag else flag for flag in compiler.FLAGS)


@pytest.mark.skipif(not X86, reason="speaks of an x86 CPU")
@pytest.mark.parametrize(
    ("march", "has", "lacks"),
    [("x86-64", "__SSE2__", "__AVX__"), ("x86-64-v3", "__AVX__", "__AVX512F__")],
)
def test_a_cpu_of_fewer_instructions_equals_the_eager_reference(
    march: str,
    has: str,
    lacks: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if march == "x86-64-v3" and " avx2 " not in compiler.cpu_features():
        pytest.skip("this CPU has no AVX2")
    load = functools.partial(compiler.load, flags=flags_for(march))
    load(f"#if !defined({has}) || defined({lacks})\n#error these are not its instructions\n#endif")
    monkeypatch.setattr(compiler, "load", load)
    for sizes in ((11, 3, 5, 7), (5, 33, 16, 50), (40, 15, 5, 33)):
        assert are_fine(*errors(EVERYTHING, sizes))


# --- commands -------------------------------------------------------------------------------------


@pytest.fixture
def command(settings: Path, chorales: Path) -> list[str]:
    """The arguments that train one candidate; its folder is the last one's parent."""
    wave, protocol = settings.parent / "000", settings.parent / "protocol.json"
    assert main(["step", "breed", "--settings", str(settings), "--wave", str(wave)]) == 0
    write_protocol(settings, protocol)
    folder = wave / "00"
    return [
        *("step", "train", "--protocol", str(protocol), "--genome", str(folder / "genome.json")),
        *("--data", str(chorales), "--fitness", str(folder / "fitness.json")),
        *("--trial", str(folder / "trial.h5")),
    ]


def test_a_worker_without_a_compiler_fails_so_that_the_trial_is_tried_elsewhere(
    command: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "no compiler here"
    path.mkdir()
    environment = {**os.environ, "PATH": str(path)}
    environment.pop("CXX", None)
    process = [sys.executable, "-m", "gp_cells", *command]
    done = subprocess.run(process, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("gp-cells step train: no C++ compiler")
    assert names(Path(command[-1]).parent) == ["genome.json"]


def test_a_compiler_that_fails_is_no_fault_of_the_candidate(
    command: list[str], script: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    script(FAILING["that prints what is no text"][0])
    assert main(command) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gp-cells step train: ")
    assert names(Path(command[-1]).parent) == ["genome.json"]


def test_a_trial_of_the_eager_engine_needs_no_compiler(
    command: list[str], settings: Path, no_compiler: None
) -> None:
    protocol = settings.parent / "protocol.json"
    stored = read_json(protocol)
    write_json(protocol, {**stored, "training": {**stored["training"], "engine": "eager"}})
    assert main(command) == 0
    assert read_json(Path(command[-1]).with_name("fitness.json"))["status"] == "ok"


@pytest.mark.usefixtures("no_compiler")
def test_check_refuses_a_benchmark_that_this_machine_could_not_compile(
    tiny: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(tiny))
    assert main(["check", str(config)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gp-cells check: no C++ compiler")
    tiny["training"]["engine"] = "eager"
    config.write_text(yaml.safe_dump(tiny))
    assert main(["check", str(config)]) == 0
