"""What people call to take results and networks elsewhere, and to bring others' in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gp_cells.cli.command import DIFFERENT, RESULTS, TRIAL, command, file, folder, option

WHOLE: dict[str, Any] = {"type": int, "metavar": "N"}


@command(
    option("trial", TRIAL),
    folder("--to", "folder to write to (default: RUN-CANDIDATE)", required=False),
    RESULTS,
)
def export(trial: str, to: Path | None, results: Path) -> None:
    """Write a trial's network as Python, safetensors and ONNX.

    Reads the tables, the trial's own record trial.h5 and reading.json of its data. Writes network.py,
    weights.safetensors and network.onnx, and checks each of them; they need this package no more.
    """
    from gp_cells.exchange.export import export as export_trial

    print("\n".join(export_trial(results, trial, to)))


@command(
    option("trial", TRIAL),
    option("file", "new rows, with the columns of those trained on", type=Path, metavar="FILE"),
    file("--to", "CSV file to write (default: standard output)", required=False),
    RESULTS,
)
def predict(trial: str, file: Path, to: Path | None, results: Path) -> None:
    """Predict the classes or numbers of a file's rows with a trial's network.

    Reads the tables, the trial's own record trial.h5, reading.json of its data, and the file. Writes CSV
    with a line for each example: its row or sequence, then its class and the probability of each class,
    or its numbers.
    """
    from gp_cells.exchange.export.predict import predict as predict_rows

    predict_rows(results, trial, file, to)


@command(
    option("trial", f"{TRIAL}; a finalist's, best of all"),
    option(
        "--to",
        "files to write: .mid (MIDI), .svg or .txt (piano roll)",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
    ),
    option(
        "--piece", "of the validation split, from 1, the shortest (default: 1)", **WHOLE, default=1
    ),
    option("--prime", "steps of it that are given (default: 12)", **WHOLE, default=12),
    option("--steps", "steps that are composed (default: 32)", **WHOLE, default=32),
    option(
        "--temperature",
        "below 1 for what is more probable, above for what is less (default: 1)",
        type=float,
        default=1.0,
        metavar="T",
    ),
    option("--seed", "of what is drawn (default: 1)", **WHOLE, default=1),
    RESULTS,
)
def compose(
    trial: str,
    to: Sequence[Path],
    piece: int,
    prime: int,
    steps: int,
    temperature: float,
    seed: int,
    results: Path,
) -> None:
    """Let a trial's network go on with a piece of music.

    Reads the tables, the trial's own record trial.h5, reading.json of its data, and their validation split.
    Writes what was given and composed as MIDI, or as a piano roll above the piece as it was written. The
    same seed gives the same bytes.
    """
    from gp_cells.exchange.music import Continuation
    from gp_cells.exchange.music import compose as compose_piece

    wanted = Continuation(piece, prime, steps, temperature, seed)
    print("\n".join(compose_piece(results, trial, wanted, to)))


@command(
    option("trial", f"{TRIAL}; a finalist's, best of all"),
    option(
        "--share",
        "of the weights, or of the units, that is kept (default: 0.5 0.2 0.1 0.05)",
        nargs="+",
        type=float,
        default=[0.5, 0.2, 0.1, 0.05],
        metavar="SHARE",
    ),
    option("--seeds", "trainings of each (default: 3)", type=int, default=3, metavar="N"),
    folder("--to", "folder to write to (default: RUN-CANDIDATE-pruned)", required=False),
    RESULTS,
)
def prune(trial: str, share: Sequence[float], seeds: int, to: Path | None, results: Path) -> None:
    """Prune a trial's network before and after training, beside controls, and say what each costs.

    Reads the tables, the trial's own record trial.h5 and its data. Trains it again with some seeds, then
    with masks: SNIP and SynFlow before training, magnitude after it, each beside one that is shuffled
    within each layer. Units of a recurrent network go whole; what is left is written as by export, and
    timed. Writes pruned.parquet with a row for each, and the smaller networks. Prints loss against share.
    """
    from gp_cells.exchange.pruned import prune as prune_trial

    for line in prune_trial(results, trial, share, seeds, to):
        print(line, flush=True)


@command(
    option("folder", "folder of the release, new or empty", type=Path, metavar="FOLDER"),
    option("--benchmark", "which ones; default: all", nargs="+", default=[], metavar="NAME"),
    option(
        "--weights",
        "add the networks of each task's N best finalists",
        type=int,
        default=0,
        metavar="N",
    ),
    option(
        "--authors",
        "whom to cite, e.g. 'Ada Lovelace'; else the authors of gp-cells",
        nargs="+",
        default=[],
        metavar="NAME",
    ),
    RESULTS,
)
def publish(
    folder: Path, benchmark: Sequence[str], weights: int, authors: Sequence[str], results: Path
) -> None:
    """Write a release: results that others can use without this package.

    Reads the tables, the workflow at the commit that made them, and with --weights the trials' records.
    """
    from gp_cells.exchange.release import NetworkWriter
    from gp_cells.exchange.release import publish as publish_results

    writer: NetworkWriter | None = None
    if weights:  # torch: not where no network is asked for
        from gp_cells.exchange.export import write_network

        writer = write_network
    paths = publish_results(results, folder, benchmark, weights, authors, writer)
    size = sum((folder / path).stat().st_size for path in paths)
    print(f"{folder}: {len(paths)} files, {size / 1e6:.2f} MB")


@command(option("folder", "a release", type=Path, metavar="FOLDER"))
def verify(folder: Path) -> int:
    """Check everything in a release, a line for each check and more for what is wrong.

    Reads the release; needs no network.

    Exit status 1: something is wrong. 2: the folder is no release.
    """
    from gp_cells.exchange.release.verify import verify as check_release

    findings = check_release(folder)
    print("\n".join(str(finding) for finding in findings))
    return DIFFERENT if any(finding.faults for finding in findings) else 0


@command(
    option("source", choices=["darts_rnn", "nas_bench_nlp"]),
    option("file", "genotypes in Python, or recipes in JSON", type=Path, metavar="FILE"),
    folder("--to", "folder to write to"),
    name="import",
)
def import_cells(source: str, file: Path, to: Path) -> None:
    """Write another benchmark's recurrent cells as formulas.

    Reads the file; no code in it is run. Writes a .cell file for each cell.
    """
    from gp_cells.exchange.bridges import import_file

    print("\n".join(import_file(source, file, to)))


@command(
    option("task", "as the tables name it", metavar="TASK"),
    folder("--to", "folder to write to, without other cells"),
    option("--top", "how many (default: 5)", type=int, default=5, metavar="N"),
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    RESULTS,
)
def best(task: str, to: Path, top: int, benchmark: str | None, results: Path) -> None:
    """Write the best architectures that searches found on a task, as formulas.

    Reads the tables, those of a release too. Writes a .cell file for each, which says where it was found;
    the strategy `transfer` begins with such files.
    """
    from gp_cells.exchange.best import write_best

    print("\n".join(write_best(results, benchmark, task, top, to)))


@command(
    option("source", choices=["a4nn"]),
    option("files", "CSV files, a task each", nargs="+", type=Path, metavar="FILE"),
    file("--to", "Parquet file to write"),
    name="import-curves",
)
def import_curves(source: str, files: Sequence[Path], to: Path) -> None:
    """Write another system's learning curves in the layout that `gp-cells stopping` reads.

    Reads the files. Writes a Parquet file with a row for each trial and epoch; the loss is what an accuracy
    in percent lacks.
    """
    from gp_cells.exchange.bridges.a4nn import read_curves
    from gp_cells.tabular.curves import write_curves

    rows = [row for path in files for row in read_curves(path)]
    write_curves(to, rows)
    print(f"{to}: {len(rows)} epochs of {len({(r['task'], r['trial']) for r in rows})} trials")


@command(
    folder("--to", "folder to write to"),
    option("--benchmark", "else the only one that is stored", metavar="NAME"),
    RESULTS,
)
def blackbox(to: Path, benchmark: str | None, results: Path) -> None:
    """Write a benchmark's trials as a tabular blackbox of Syne Tune.

    Reads the tables.
    """
    from gp_cells.tabular.syne_tune import write_blackbox

    print(write_blackbox(results, benchmark, to))
