"""The commands that rules and people call: what they print, refuse, and leave alone."""

from __future__ import annotations

import errno
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from support.tiny import TINY

from gp_cells.cli import main
from gp_cells.cli.command import GROUPS, OUTPUT_CLOSED
from gp_cells.config.files import read_json, write_json, written_beside
from gp_cells.config.plan import read_plan
from gp_cells.config.typed_json import encode
from gp_cells.strategies.history import read_history
from gp_cells.tables.parquet import read_tables, write_rows
from gp_cells.workflow import STEPS

ROOT = Path(__file__).parents[2]
RUN = "tiny-bach-gp-s1"
SMALLEST: dict[str, Any] = {  # one candidate and its replicate
    **TINY,
    "strategies": {
        "gp": {"name": "gp", "search": {"waves": 1, "slots": 1, "lag": 1, "finalists": 1}}
    },
}


@pytest.fixture(autouse=True)
def same_signal_handler() -> Iterator[None]:
    """Put back what `gp-cells step train` does with SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def train(run: Path, place: str) -> int:
    """Train one candidate of the run, as the rule does."""
    folder = run / place
    return main(
        [
            *("step", "train", "--protocol", str(run / "protocol.json")),
            *("--data", str(run / "../../data")),
            *("--genome", str(folder / "genome.json"), "--fitness", str(folder / "fitness.json")),
            *("--trial", str(folder / "trial.h5")),
        ]
    )


def score(run: Path) -> int:
    """Write the history of the only wave, as the rule does."""
    wave = run / "waves/000"
    return main(["step", "score", "--wave", str(wave), "--to", str(wave / "history.jsonl.gz")])


def test_split(run: Path) -> int:
    """Measure the chosen trials on the test split, as the rule does."""
    return main(
        [
            *("step", "test", "--settings", str(run / "settings.json")),
            *("--data", str(run / "../../data")),
            *("--conclusion", str(run / "replicates/conclusion.json")),
            *("--to", str(run / "test/test.json")),
        ]
    )


test_split.__test__ = False  # type: ignore[attr-defined]


def tabulate(run: Path) -> int:
    """Write the run's tables, as the rule does."""
    return main(["step", "tabulate", "--run-folder", str(run), "--results", str(run / "../..")])


@pytest.fixture(scope="module")
def finished(chorales: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of the smallest run, made by the commands that the rules call."""
    results = tmp_path_factory.mktemp("finished")
    shutil.copytree(chorales, results / "data")
    run = results / "runs" / RUN
    config = json.dumps(encode(read_plan(SMALLEST).runs[RUN].config))
    settings, history = str(run / "settings.json"), str(run / "waves/000/history.jsonl.gz")
    data, protocol = str(results / "data/data.json"), str(run / "protocol.json")
    replicates = run / "replicates"
    steps = [
        lambda: main(
            [
                *("step", "settings", "--run-config", config, "--data", data),
                *("--settings", settings, "--protocol", protocol),
            ]
        ),
        lambda: main(["step", "breed", "--settings", settings, "--wave", str(run / "waves/000")]),
        lambda: train(run, "waves/000/00"),
        lambda: score(run),
        lambda: main(
            [
                *("step", "replicate", "--settings", settings, "--history", history),
                *("--folder", str(replicates)),
            ]
        ),
        lambda: train(run, "replicates/00-0-0"),
        lambda: main(
            [
                *("step", "conclude", "--settings", settings),
                *("--to", str(replicates / "conclusion.json")),
            ]
        ),
        lambda: test_split(run),
        lambda: tabulate(run),
    ]
    assert [step() for step in steps] == [0] * len(steps)
    return results


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """The folder of a finished run, to damage."""
    shutil.copytree(finished, tmp_path / "results")
    return tmp_path / "results" / "runs" / RUN


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damaged(path: Path, damage: str) -> None:
    """Leave a file missing, empty, cut in half, or not what it should be."""
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        other = {"empty": b"", "truncated": whole[: len(whole) // 2], "foreign": b"\xff\x00hello"}
        path.write_bytes({**other, "no fields": b"{}", "a list": b"[]"}[damage])


# Which command meets which broken file of a run.
BROKEN = [
    *(("train", "../../data/search.npz", d) for d in ("missing", "empty", "truncated", "foreign")),
    *(("train", "../../data/data.json", d) for d in ("missing", "empty", "truncated", "a list")),
    *(
        ("train", "waves/000/00/genome.json", d)
        for d in ("missing", "empty", "truncated", "foreign", "no fields", "a list")
    ),
    *(("train", "protocol.json", d) for d in ("missing", "empty", "truncated", "foreign")),
    *(
        ("score", "waves/000/00/fitness.json", d)
        for d in ("missing", "empty", "truncated", "foreign", "no fields", "a list")
    ),
    *(("score", "waves/000/lineage.json", d) for d in ("missing", "empty", "truncated")),
    *(
        ("tabulate", f"{place}/trial.h5", d)
        for place in ("waves/000/00", "replicates/00-0-0")
        for d in ("empty", "truncated", "foreign")
    ),
    *(("tabulate", "replicates/conclusion.json", d) for d in ("missing", "empty", "truncated")),
    *(
        ("test", "replicates/00-0-0/trial.h5", d)
        for d in ("missing", "empty", "truncated", "foreign")
    ),
    *(("test", "../../data/test.npz", d) for d in ("missing", "empty", "truncated", "foreign")),
]
COMMANDS = {
    "train": lambda run: train(run, "waves/000/00"),
    "score": score,
    "test": test_split,
    "tabulate": tabulate,
}


@pytest.mark.parametrize(
    ("command", "file", "damage"), BROKEN, ids=[f"{c}-{Path(f).name}-{d}" for c, f, d in BROKEN]
)
def test_a_broken_file_is_refused_in_one_line_that_names_it_and_nothing_is_lost(
    run: Path, capsys: pytest.CaptureFixture[str], command: str, file: str, damage: str
) -> None:
    damaged(run / file, damage)
    results = run.parent.parent
    before = contents(results)
    capsys.readouterr()
    assert COMMANDS[command](run) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gp-cells step {command}: ")
    assert Path(file).name in line
    assert contents(results) == before


def test_a_trial_that_is_missing_from_a_run_is_refused_by_tabulate(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "waves/000/00/trial.h5").unlink()
    before = contents(run.parent.parent)
    capsys.readouterr()
    assert tabulate(run) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "w000-00" in line or "waves/000/00" in line
    assert contents(run.parent.parent) == before


def test_a_record_that_says_another_fitness_than_its_fitness_file_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "waves/000/00/fitness.json"
    write_json(file, {**read_json(file), "fitness": 1.0})
    capsys.readouterr()
    assert tabulate(run) == 2
    assert "waves/000/00/trial.h5 and its fitness.json differ" in capsys.readouterr().err


def test_a_record_without_weights_is_refused_by_test(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(run / "replicates/00-0-0/trial.h5", "a") as file:
        del file["weights"]
    capsys.readouterr()
    assert test_split(run) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "replicates/00-0-0/trial.h5" in line


def test_a_genome_that_no_language_knows_is_refused_in_one_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "waves/000/00/genome.json"
    write_json(file, {**read_json(file), "genome": "h' = sinus(gate1)"})
    capsys.readouterr()
    assert train(run, "waves/000/00") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "sinus" in line


def test_the_history_has_the_objectives_of_the_fitness_files(run: Path) -> None:
    assert score(run) == 0
    fitness = read_json(run / "waves/000/00/fitness.json")
    [outcome] = read_history(run / "waves/000/history.jsonl.gz")
    assert outcome.objectives == fitness["objectives"]
    assert (outcome.objectives["parameters"] or 0) > 0


def test_a_fitness_file_of_another_genome_is_refused_by_score(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "waves/000/00/fitness.json"
    write_json(file, {**read_json(file), "architecture_id": "0" * 32})
    capsys.readouterr()
    assert score(run) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "fitness.json is of another genome" in line


def test_data_of_the_same_shape_but_other_content_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run.parent.parent / "data/search.npz"
    with np.load(file) as arrays:
        changed = {name: 1 - a if name.endswith("frames") else a for name, a in arrays.items()}
    np.savez_compressed(file, **changed)
    capsys.readouterr()
    assert train(run, "waves/000/00") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "search.npz" in line and "data.json" in line


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["lstm"], ["slots", "1 cells"]),
        (["lstm", "lstmm"], ["baselines.cells", "'lstmm'", "choose from", "lstm", "nascell"]),
    ],
)
def test_a_wrong_list_of_baselines_is_refused_before_anything_is_trained(
    finished: Path,
    tiny: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cells: list[str],
    words: list[str],
) -> None:
    search = {"waves": 1, "slots": 2, "lag": 1, "finalists": 1}
    tiny["strategies"]["gp"] = {"name": "baselines", "settings": {"cells": cells}, "search": search}
    config = json.dumps(encode(read_plan(tiny).runs[RUN].config))
    arguments = ["step", "settings", "--run-config", config]
    arguments += ["--data", str(finished / "data/data.json")]
    target = ["--settings", str(tmp_path / "settings.json"), "--protocol", str(tmp_path / "p.json")]
    assert main(arguments + target) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert [word for word in words if word not in line] == []
    assert list(tmp_path.iterdir()) == []


# --- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Write until a disk is full; return the file that fills it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"0" * 4096):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tiny_disk: Path) -> None:
    path = tiny_disk / "kept.json"
    write_json(path, {"before": 1})
    filler = fill(tiny_disk)
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"after": "x" * 100_000})
    assert read_json(path) == {"before": 1}
    assert sorted(tiny_disk.iterdir()) == [filler, path]


def linked_to(run: Path, disk: Path) -> Path:
    """Move a candidate's folder onto another disk and return it."""
    place = run / "waves/000/00"
    shutil.copytree(place, disk / "00")
    shutil.rmtree(place)
    place.symlink_to(disk / "00")
    return place


def test_training_on_a_full_disk_says_so_in_one_line_and_goes_on_after_making_room(
    run: Path, tiny_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = linked_to(run, tiny_disk)
    expected = (place / "fitness.json").read_bytes()
    (place / "trial.h5").unlink()
    filler = fill(tiny_disk)
    capsys.readouterr()

    assert train(run, "waves/000/00") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gp-cells step train: ")
    assert "No space left on device" in line
    assert (place / "fitness.json").read_bytes() == expected

    filler.unlink()
    assert train(run, "waves/000/00") == 0
    assert (place / "fitness.json").read_bytes() == expected
    assert {path.name for path in place.iterdir()} == {"genome.json", "fitness.json", "trial.h5"}


def test_training_on_a_read_only_disk_says_so_in_one_line_and_goes_on_when_it_is_not(
    run: Path, tiny_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = linked_to(run, tiny_disk)
    before = contents(tiny_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    capsys.readouterr()

    assert train(run, "waves/000/00") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gp-cells step train: ")
    assert "Read-only file system" in line
    assert contents(tiny_disk) == before

    subprocess.run(["mount", "-o", "remount,rw", str(tiny_disk)], check=True)
    assert train(run, "waves/000/00") == 0
    assert (place / "fitness.json").read_bytes() == before[tiny_disk / "00/fitness.json"]


def test_tables_on_a_full_disk_keep_what_was_there(
    run: Path, tiny_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = run.parent.parent
    shutil.copytree(results / "tables", tiny_disk / "tables")
    shutil.rmtree(results / "tables")
    (results / "tables").symlink_to(tiny_disk / "tables")
    before = contents(tiny_disk / "tables")
    filler = fill(tiny_disk)
    capsys.readouterr()
    assert tabulate(run) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "No space left on device" in line
    assert contents(tiny_disk / "tables") == before
    filler.unlink()
    assert tabulate(run) == 0


# --- what people call -----------------------------------------------------------------------------


def test_the_schema_in_the_package_is_the_one_that_the_plug_ins_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema"]) == 0
    kept = json.loads((ROOT / "gp_cells/config/config.schema.json").read_text())
    assert json.loads(capsys.readouterr().out) == kept, (
        "gp-cells schema > gp_cells/config/config.schema.json"
    )


def test_show_prints_a_baseline_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "lstm", "--inputs", "10", "--units", "20"]) == 0
    said = capsys.readouterr().out
    assert "h' = sigmoid(gate4) * tanh(c')" in said
    assert f"parameters       {4 * (10 * 20 + 20 * 20 + 20):,}" in said
    assert "10 inputs and 20 units" in said


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("min_gru", "20 numbers"),
        ("gpt", "5,120 numbers after 128 steps, a cache that grows by 40 with each"),
    ],
)
def test_show_says_what_a_decoder_block_carries_over_time(
    name: str, state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "block.svg"
    options = ["--space", "decoder", "--units", "20", "--svg", str(drawing)]
    assert main(["show", name, *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert f"state            {state}" in said
    assert any(line.endswith("of one block with 20 units, 4 heads, 128 steps") for line in said)
    drawn = drawing.read_text()
    assert all(f">{word}<" in drawn for word in ("mixer", "mlp", "gelu", "wide4"))


def test_show_reads_a_file_and_prints_it_in_canonical_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.cell").write_text("c' = gate7 * sigmoid(gate3)\nh' = tanh(c')\n")
    assert main(["show", str(tmp_path / "mine.cell")]) == 0
    said = capsys.readouterr().out
    assert "gate1" in said and "gate2" in said and "gate7" not in said
    assert "architecture_id  " in said


def test_show_finds_an_architecture_by_the_start_of_its_id(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run.parent.parent.parent)
    [row] = read_tables(Path("results"), "architectures").to_pylist()
    assert main(["show", row["architecture_id"][:8]]) == 0
    said = capsys.readouterr().out
    assert said.startswith(row["genome"])
    assert f"architecture_id  {row['architecture_id']}" in said


def test_show_writes_a_drawing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "lstm.svg"
    assert main(["show", "lstm", "--svg", str(drawing)]) == 0
    assert drawing.read_text().startswith("<svg")
    assert str(drawing) in capsys.readouterr().out


@pytest.mark.parametrize("genome", ["lstmm", "no/such.cell", "ffffffff"])
def test_show_refuses_what_it_cannot_find_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], genome: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["show", genome]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert repr(genome) in line


@pytest.mark.parametrize("command", ["summary", "watch"])
@pytest.mark.parametrize("content", [None, b"", b"benchmark: [", b"just text", b"\xff\xfe\x00"])
def test_a_config_that_is_none_is_refused_in_one_line_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, command: str
) -> None:
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    assert main([command, str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gp-cells {command}: {path}")


def test_summary_prints_the_comparison_of_a_finished_benchmark(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run.parent.parent.parent)
    Path("my.yaml").write_text(yaml.safe_dump(SMALLEST))
    to = "results/report/tiny/comparison.json"
    of_tiny = ["--results", "results", "--benchmark", "tiny"]
    assert main(["step", "compare", *of_tiny, "--runs", RUN, "--to", to]) == 0
    assert main(["summary", "my.yaml"]) == 0
    said = capsys.readouterr().out
    assert "bach: loss in nats per frame, lower is better" in said
    assert "gp (seed 1, no. 1)" in said
    assert "made alike" not in said

    rows = read_tables(Path("results"), "trials").to_pylist()
    write_rows(Path("results"), "trials", RUN, [{**rows[0], "torch": "1.0"}, *rows[1:]])
    assert main(["summary", "my.yaml"]) == 0
    torch = rows[0]["torch"]
    said = capsys.readouterr().out
    assert f"not all trials were made alike: torch 1.0 (1) and {torch} (1)" in said


def test_the_help_has_a_sentence_for_each_command_of_people_and_one_line_for_the_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    commands = {words[0]: " ".join(words[1:]) for words in said if words}
    for name, command in GROUPS["people"].items():
        assert commands[name] == command.sentence and command.sentence.endswith(".")
    assert commands["step"] == "Run one step of the workflow, as the rules do."
    assert not {"breed", "train", "tabulate"} & commands.keys()


def test_the_steps_are_those_of_the_workflow_in_its_order() -> None:
    assert list(GROUPS["step"]) == list(STEPS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_function_takes_what_its_options_give(group: str) -> None:
    for command in GROUPS[group].values():
        given = [option.flag.removeprefix("--").replace("-", "_") for option in command.options]
        assert list(inspect.signature(command.run).parameters) == given, command.path


@pytest.mark.parametrize("path", [c.path for of in GROUPS.values() for c in of.values()])
def test_the_help_of_a_command_says_what_it_reads_or_writes(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*path.split(), "--help"])
    said = capsys.readouterr().out
    assert said.startswith(f"usage: gp-cells {path}")
    assert re.search(r"\b(Reads|Writes|Print)\b", said)


def test_the_version_is_that_of_the_package_and_of_python_m() -> None:
    command = [sys.executable, "-m", "gp_cells", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"gp-cells {version('gp-cells')}\n"


@pytest.mark.parametrize(
    "command", [["dictionary"], ["query", "select * from range(100000)", "--format", "csv"]]
)
def test_a_reader_that_goes_early_is_no_error_that_anybody_sees(
    finished: Path, command: list[str]
) -> None:
    results = ["--results", str(finished)] if "query" in command else []
    process = subprocess.Popen(
        [sys.executable, "-m", "gp_cells", *command, *results],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == OUTPUT_CLOSED


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("gp-cells que", ["query"]),
        ("gp-cells ste", ["step"]),
        ("gp-cells step ta", ["tabulate"]),
        ("gp-cells query --fo", ["--format"]),
        ("gp-cells query --format ", ["table", "csv"]),
        ("gp-cells step train --", ["--protocol", "--genome", "--data", "--fitness", "--trial"]),
        ("gp-cells import da", ["darts_rnn"]),
        ("gp-cells show lst", []),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_commands_options_and_choices(
    shell: str, line: str, completed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    assert main(["completion", shell]) == 0
    words = line.split(" ")
    asked = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _gp_cells"
    if shell == "zsh":  # whose own completion sets this up in the same way
        asked = f"emulate sh -c {shlex.quote(asked)}"
    program = f'{capsys.readouterr().out}\n{asked}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    command = [shell, "-f" if shell == "zsh" else "--norc", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [word for word in done.stdout.split() if word != "--help"]
    if shell == "zsh":  # which compares with the word under the cursor itself, afterwards
        found = [word for word in found if word.startswith(words[-1])]
    assert found == completed
    assert (
        shell == "zsh" or done.stderr == ""
    )  # zsh warns where its folders are writable for others


def test_the_package_is_imported_without_torch_by_a_command_that_needs_none() -> None:
    program = "import sys, gp_cells.cli; gp_cells.cli.parser(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_written_beside_gives_no_two_writers_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with written_beside(path) as one, written_beside(path) as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert path.read_text() == "1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "lstm", "--inputs", "-3"], "--inputs: expected at least 1, got -3"),
        (["show", "lstm", "--units", "0"], "--units: expected at least 1, got 0"),
        (["show", "lstm", "--layers", "-1"], "--layers: expected at least 1, got -1"),
        (
            ["watch", "config/quickstart.yaml", "--every", "-1"],
            "--every: expected at least 0.1, got -1",
        ),
        (
            ["watch", "config/quickstart.yaml", "--every", "nan"],
            "--every: expected at least 0.1, got nan",
        ),
        (
            ["watch", "config/quickstart.yaml", "--every", "inf"],
            "--every: expected at least 0.1, got inf",
        ),
    ],
)
def test_a_count_or_a_time_that_cannot_be_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(words) == 2
    assert capsys.readouterr().err == f"gp-cells {words[0]}: {said}\n"
