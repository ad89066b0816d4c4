"""`gp-cells …`: what the rules and people call. Each command hands its files to one function.

Exit status: 0 done; 2 the input is bad (one line says what, where and what is allowed); 75 asked to
go, a checkpoint is kept, run again; anything else is the machine's fault, but for `rerun`, whose 1 says
that a trial came out different or could not be made, and `verify`, whose 1 says what is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

DIFFERENT, BAD_INPUT, TRY_AGAIN = 1, 2, 75


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except ValueError as error:
        if not is_refusal(error):
            raise
        print(f"gp-cells {options.command}: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(f"gp-cells {options.command}: {error}", file=sys.stderr)
        return 1


def is_refusal(error: ValueError) -> bool:
    """Return whether an error says that the input is bad.

    What it knows is imported only now: a command that does well, as `query`, is not to wait for it.
    """
    from gp_cells.config.choose import SettingError
    from gp_cells.config.files import RecordError
    from gp_cells.exchange.bridges.imported import BridgeError
    from gp_cells.genomes.genome import GenomeError
    from gp_cells.tasks import DataError

    return isinstance(error, (SettingError, GenomeError, DataError, RecordError, BridgeError))


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(prog="gp-cells", description="Evolve and compare network cells.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    for name, (run, text, options) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        for flag, settings in options.items():
            command.add_argument(flag, **settings)
    return top


# --- what the rules call --------------------------------------------------------------------------


def prepare(options: argparse.Namespace) -> None:
    """Read a task's source and write its splits."""
    from gp_cells.plugins import plug_in
    from gp_cells.tasks.prepared import prepare as prepare_task

    task = plug_in({"task": options.task}, "task")
    for note in prepare_task(task, options.task["name"], options.folder):
        print(f"gp-cells prepare: {note}", file=sys.stderr)


def settings(options: argparse.Namespace) -> None:
    """Write a run's settings with all defaults, and the part of them that its trials read."""
    from gp_cells.workflow.steps import write_protocol, write_settings

    write_settings(options.order, options.data, options.to)
    write_protocol(options.to, options.protocol)


def breed(options: argparse.Namespace) -> None:
    """Propose a wave's genomes."""
    from gp_cells.workflow.steps import breed as breed_wave

    breed_wave(options.settings, options.history, int(options.folder.name), options.folder)


def train(options: argparse.Namespace) -> int:
    """Train one candidate."""
    from gp_cells.training.train import Interrupted
    from gp_cells.training.trial import run_trial

    try:
        run_trial(options.settings, options.genome, options.data, options.fitness, options.trial)
    except Interrupted as interruption:
        print(f"gp-cells train: {interruption}", file=sys.stderr)
        return TRY_AGAIN
    return 0


def score(options: argparse.Namespace) -> None:
    """Add a wave's outcomes to the history."""
    from gp_cells.workflow.steps import score as score_wave

    score_wave(options.wave, options.before, options.to)


def replicate(options: argparse.Namespace) -> None:
    """Order the finalists' trials."""
    from gp_cells.workflow.steps import replicate as replicate_finalists

    replicate_finalists(options.settings, options.history, options.folder)


def conclude(options: argparse.Namespace) -> None:
    """Choose each finalist's learning rate."""
    from gp_cells.workflow.steps import conclude as conclude_run

    conclude_run(options.settings, options.to.parent, options.to)


def test(options: argparse.Namespace) -> None:
    """Measure the chosen trials on the test split."""
    from gp_cells.training.test_split import test as measure

    measure(options.settings, options.conclusion, options.data, options.to)


def tabulate(options: argparse.Namespace) -> None:
    """Write a run's tables."""
    from gp_cells.workflow.tabulate import tabulate as tabulate_run

    tabulate_run(options.run_folder, options.results)


def compare(options: argparse.Namespace) -> None:
    """Compare the cells and strategies of a benchmark's runs, or of all that the tables hold."""
    from gp_cells.compare import compare as compare_runs
    from gp_cells.compare.records import runs_of
    from gp_cells.compare.summary import summary as summarise
    from gp_cells.config.files import write_json

    runs = options.runs or runs_of(options.results, options.benchmark)
    comparison = compare_runs(options.results, options.benchmark, runs)
    if options.to is None:
        print(summarise(comparison))
    else:
        write_json(options.to, comparison)


def report(options: argparse.Namespace) -> None:
    """Write the report of a benchmark."""
    from gp_cells.compare import read_comparison
    from gp_cells.report.page import write_report

    comparison = read_comparison(options.comparison)
    write_report(options.results, options.benchmark, comparison, options.to)


def digest(options: argparse.Namespace) -> None:
    """Write a comparison's table and figure for a README."""
    from gp_cells.compare import read_comparison
    from gp_cells.report.digest import write_digest

    write_digest(read_comparison(options.comparison), options.table, options.figure)


# --- what people call -----------------------------------------------------------------------------


def summary(options: argparse.Namespace) -> None:
    """Print the comparison of a finished benchmark and where its report is."""
    from gp_cells.compare import read_comparison
    from gp_cells.compare.summary import summary as summarise
    from gp_cells.compare.versions import mixed_versions
    from gp_cells.tables.parquet import read_tables

    plan = plan_of(options.config)
    folder = Path("results/report") / plan.benchmark
    print()
    print(summarise(read_comparison(folder / "comparison.json")))
    if mixed := mixed_versions(read_tables(Path("results"), "trials", plan.runs).to_pylist()):
        print(f"{mixed}\n")
    print(f"report: {folder / 'index.html'}    tables: results/tables/")


def rerun(options: argparse.Namespace) -> int:
    """Make one trial of the tables anew, or a sample of all, and say whether it came out the same."""
    from gp_cells.config.choose import SettingError
    from gp_cells.tables.query import find_trial
    from gp_cells.workflow.rerun import rerun as make_anew
    from gp_cells.workflow.rerun import sample_trials, summary

    if options.all == (options.trial is not None) or (options.sample and not options.all):
        raise SettingError("name one trial, or give --all, with --sample N for N of them")
    if options.all:
        rows = sample_trials(options.results, options.sample, options.seed)
    else:
        rows = [find_trial(options.results, options.trial)]
    verdicts = make_anew(options.results, rows, options.profile)
    if options.all:
        print(summary(verdicts))
    return 0 if all(verdict.is_good for verdict in verdicts) else DIFFERENT


def query(options: argparse.Namespace) -> None:
    """Print the answer to SQL over the tables."""
    from gp_cells.tables.query import show as show_answer

    show_answer(options.results, options.sql, options.format)


def export(options: argparse.Namespace) -> None:
    """Write a trial's network as files that need this package no more."""
    from gp_cells.exchange.export import export as export_trial

    print("\n".join(export_trial(options.results, options.trial, options.to)))


def replay(options: argparse.Namespace) -> None:
    """Play the strategies of a config on stored results."""
    from gp_cells.tabular.replay import Replay, as_table, chosen_runs, summary, write

    plan = plan_of(options.config)
    runs = chosen_runs(plan, options.task, options.strategy, options.seed)
    player = Replay(options.results, options.workers, options.fitness, options.missing)
    replayed = [player.run(run) for run in runs]
    path = options.to or Path(f"{plan.benchmark}-replay.parquet")
    write(as_table(player, replayed), path)
    print(summary(replayed, options.workers))
    print(f"outcomes: {path}")


def import_cells(options: argparse.Namespace) -> None:
    """Write another benchmark's architectures as formulas."""
    from gp_cells.exchange.bridges import import_file

    print("\n".join(import_file(options.source, options.file, options.to)))


def blackbox(options: argparse.Namespace) -> None:
    """Write a benchmark's trials for Syne Tune."""
    from gp_cells.tabular.syne_tune import write_blackbox

    print(write_blackbox(options.results, options.benchmark, options.to))


def publish(options: argparse.Namespace) -> None:
    """Write a release of benchmarks' results."""
    from gp_cells.exchange.release import publish as publish_results

    paths = publish_results(
        options.results, options.folder, options.benchmark, options.weights, options.authors
    )
    size = sum((options.folder / path).stat().st_size for path in paths)
    print(f"{options.folder}: {len(paths)} files, {size / 1e6:.2f} MB")


def verify(options: argparse.Namespace) -> int:
    """Check a release, a line each check, and more for what is wrong."""
    from gp_cells.exchange.release.verify import verify as check_release

    findings = check_release(options.folder)
    print("\n".join(str(finding) for finding in findings))
    return DIFFERENT if any(finding.faults for finding in findings) else 0


def cost(options: argparse.Namespace) -> None:
    """Print how well time and memory of the trials in the tables are foretold."""
    from gp_cells.workflow.cost import report as cost_report

    print(cost_report(options.results))


def check(options: argparse.Namespace) -> None:
    """Refuse a config whose plug-ins refuse their settings or their share of the plan.

    So it does where this machine has no compiler for the engine that the config asks for.
    """
    from gp_cells.networks.compiler import find_compiler
    from gp_cells.plugins import check_order

    for run in plan_of(options.config).runs.values():
        check_order(run.order)
        if (
            run.order["training"]["engine"] == "compiled"
            and run.order["training"]["device"] == "cpu"
        ):
            find_compiler()


def watch(options: argparse.Namespace) -> None:
    """Follow a running benchmark."""
    from gp_cells.workflow.watch import follow

    follow(plan_of(options.config), Path(), options.process, options.every)


def show(options: argparse.Namespace) -> None:
    """Print a genome, its size, and write its drawing."""
    from gp_cells.config.choose import choose
    from gp_cells.config.recipe import Form, Recipe
    from gp_cells.genomes.genome import parse
    from gp_cells.report.drawing import draw
    from gp_cells.spaces import SPACES
    from gp_cells.tables.parquet import find_genome

    space = choose("spaces", SPACES, options.space, {})
    path = space.baselines.get(options.genome, Path(options.genome))
    text = path.read_text() if path.is_file() else find_genome(Path("results"), options.genome)
    genome = parse(text, space.language)
    if "images" in space.reads:
        form = Form("images", 3, "classes", 10, 32, 32)
        of = (
            f"an image, of {options.layers} × {options.units} cells on 32 × 32 pixels of 3 channels"
        )
    else:
        form = Form("frames", options.inputs, "keys", options.inputs)
        of = f"a step, of one layer with {options.inputs} inputs and {options.units} units"
    counts = space.count(genome, form, Recipe(units=options.units, layers=options.layers))
    print(genome.canonical())
    print()
    print(f"architecture_id  {genome.architecture_id}")
    print(f"parameters       {counts['parameters']:,}")
    print(f"multiply-adds    {counts['multiply_adds']:,} {of}")
    if options.svg is not None:
        options.svg.write_text(draw(genome))
        print(f"drawing          {options.svg}")


def schema(options: argparse.Namespace) -> None:
    """Print the JSON Schema of configs, made from the plug-ins' own fields."""
    from gp_cells.config.choose import schema_of
    from gp_cells.config.plan import schema as config_schema
    from gp_cells.plugins import FAMILIES

    families = {
        key: {name: schema_of(member) for name, member in members.items()}
        for key, (_, members) in FAMILIES.items()
    }
    print(json.dumps(config_schema(families), indent=1))


def dictionary(options: argparse.Namespace) -> None:
    """Print every table and column, with unit, direction and meaning, as Markdown."""
    from gp_cells.tables.schemas import dictionary as all_columns
    from gp_cells.tables.schemas import schemas

    print(all_columns(schemas()), end="")


def plan_of(config: str) -> Any:
    """Return the plan of a config file, or of a config given as JSON."""
    import yaml

    from gp_cells.config.choose import SettingError
    from gp_cells.config.plan import read_plan

    if config.lstrip().startswith("{"):
        return read_plan(json.loads(config))
    try:
        read = yaml.safe_load(Path(config).read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingError(f"{config} cannot be read: {' '.join(str(error).split())}") from error
    return read_plan(read, config)


FILE: dict[str, Any] = {"type": Path, "required": True, "metavar": "FILE"}
FOLDER: dict[str, Any] = {"type": Path, "required": True, "metavar": "FOLDER"}
JSON: dict[str, Any] = {"type": json.loads, "required": True, "metavar": "JSON"}
TEXT: dict[str, Any] = {"required": True}
RESULTS: dict[str, Any] = {"type": Path, "default": Path("results"), "metavar": "FOLDER"}
OPTIONAL_FILE: dict[str, Any] = {"type": Path, "metavar": "FILE"}

COMMANDS: dict[str, tuple[Any, str, dict[str, dict[str, Any]]]] = {
    "prepare": (
        prepare,
        "read a task's source, write its splits",
        {"--task": JSON, "--folder": FOLDER},
    ),
    "settings": (
        settings,
        "write a run's settings with all defaults",
        {"--order": JSON, "--data": FILE, "--to": FILE, "--protocol": FILE},
    ),
    "breed": (
        breed,
        "propose a wave's genomes",
        {"--settings": FILE, "--history": OPTIONAL_FILE, "--folder": FOLDER},
    ),
    "train": (
        train,
        "train one candidate",
        {
            "--settings": FILE,
            "--genome": FILE,
            "--data": FOLDER,
            "--fitness": FILE,
            "--trial": FILE,
        },
    ),
    "score": (
        score,
        "add a wave's outcomes to the history",
        {"--wave": FOLDER, "--before": OPTIONAL_FILE, "--to": FILE},
    ),
    "replicate": (
        replicate,
        "order the finalists' trials",
        {"--settings": FILE, "--history": FILE, "--folder": FOLDER},
    ),
    "conclude": (
        conclude,
        "choose each finalist's learning rate",
        {"--settings": FILE, "--to": FILE},
    ),
    "test": (
        test,
        "measure the chosen trials on the test split",
        {"--settings": FILE, "--conclusion": FILE, "--data": FOLDER, "--to": FILE},
    ),
    "tabulate": (tabulate, "write a run's tables", {"--run-folder": FOLDER, "--results": FOLDER}),
    "compare": (
        compare,
        "compare the cells and strategies of a benchmark",
        {
            "--results": RESULTS,
            "--benchmark": TEXT,
            "--runs": {"nargs": "+", "help": "else all runs of the benchmark in the tables"},
            "--to": {"type": Path, "metavar": "FILE", "help": "as JSON; else print a summary"},
        },
    ),
    "report": (
        report,
        "write the report of a benchmark",
        {"--results": FOLDER, "--benchmark": TEXT, "--comparison": FILE, "--to": FILE},
    ),
    "digest": (
        digest,
        "write a comparison's table and figure for a README",
        {"--comparison": FILE, "--table": FILE, "--figure": FILE},
    ),
    "summary": (summary, "print a finished benchmark's comparison", {"config": {}}),
    "rerun": (
        rerun,
        "make a trial of the tables anew, and compare",
        {
            "trial": {"nargs": "?", "help": "RUN/CANDIDATE, or a trial_id or its first letters"},
            "--all": {"action": "store_true", "help": "every trial of the tables"},
            "--sample": {"type": int, "metavar": "N", "help": "of all, N drawn at random"},
            "--seed": {"type": int, "default": 1, "help": "of the sample"},
            "--profile": {"default": "profiles/local"},
            "--results": RESULTS,
        },
    ),
    "query": (
        query,
        "print the answer to SQL over the tables",
        {
            "sql": {"metavar": "SQL", "help": "each table is a view of its name, see `dictionary`"},
            "--format": {"choices": ["table", "csv"], "default": "table"},
            "--results": RESULTS,
        },
    ),
    "export": (
        export,
        "write a trial's network as Python, safetensors and ONNX",
        {
            "trial": {"help": "RUN/CANDIDATE, or a trial_id or its first letters"},
            "--to": {"type": Path, "metavar": "FOLDER", "help": "else RUN-CANDIDATE"},
            "--results": RESULTS,
        },
    ),
    "replay": (
        replay,
        "play a config's strategies on stored results, training nothing",
        {
            "config": {},
            "--task": {"nargs": "+", "metavar": "LABEL", "help": "else all of the config"},
            "--strategy": {"nargs": "+", "metavar": "LABEL", "help": "else all of the config"},
            "--seed": {"nargs": "+", "type": int, "metavar": "N", "help": "else all of the config"},
            "--workers": {"type": int, "default": 1, "metavar": "N", "help": "that train a run"},
            "--fitness": {
                "choices": ["own", "mean"],
                "default": "own",
                "help": "of the trial with the run's own training seed, or the mean over all seeds",
            },
            "--missing": {
                "choices": ["refuse", "avoid", "surrogate"],
                "default": "refuse",
                "help": "what was never trained ends the replay, is not proposed, or is guessed",
            },
            "--to": {"type": Path, "metavar": "FILE", "help": "else BENCHMARK-replay.parquet"},
            "--results": {"type": Path, "default": Path("results"), "metavar": "FOLDER"},
        },
    ),
    "import": (
        import_cells,
        "write another benchmark's recurrent cells as .cell files",
        {
            "source": {"choices": ["darts_rnn", "nas_bench_nlp"]},
            "file": {"type": Path, "help": "genotypes in Python, or recipes in JSON"},
            "--to": FOLDER,
        },
    ),
    "blackbox": (
        blackbox,
        "write a benchmark's trials as a tabular blackbox of Syne Tune",
        {
            "--to": FOLDER,
            "--benchmark": {"metavar": "NAME", "help": "else the only one that is stored"},
            "--results": {"type": Path, "default": Path("results"), "metavar": "FOLDER"},
        },
    ),
    "publish": (
        publish,
        "write a release: results that others can use without this package",
        {
            "folder": {"type": Path, "metavar": "FOLDER", "help": "new or empty"},
            "--benchmark": {"nargs": "+", "default": [], "metavar": "NAME", "help": "else all"},
            "--weights": {
                "type": int,
                "default": 0,
                "metavar": "N",
                "help": "with the networks of each task's N best finalists",
            },
            "--authors": {
                "nargs": "+",
                "default": [],
                "metavar": "NAME",
                "help": "whom to cite, e.g. 'Ada Lovelace'; else the authors of gp-cells",
            },
            "--results": {"type": Path, "default": Path("results"), "metavar": "FOLDER"},
        },
    ),
    "verify": (
        verify,
        "check everything in a release",
        {"folder": {"type": Path, "metavar": "FOLDER"}},
    ),
    "cost": (
        cost,
        "print how well trials' time and memory are foretold",
        {"--results": RESULTS},
    ),
    "check": (check, "refuse a config that could not run to its end", {"config": {}}),
    "watch": (
        watch,
        "follow a running benchmark",
        {
            "config": {},
            "--process": {"type": int, "help": "end when this process has"},
            "--every": {"type": float, "default": 2.0, "metavar": "SECONDS"},
        },
    ),
    "show": (
        show,
        "print a genome, its size, and draw it",
        {
            "genome": {"help": "a .cell file, a baseline's name, or an architecture_id"},
            "--space": {"default": "recurrent"},
            "--inputs": {"type": int, "default": 128},
            "--units": {"type": int, "default": 128, "help": "width: units, or filters (F)"},
            "--layers": {"type": int, "default": 1, "help": "depth: layers, or normal cells (N)"},
            "--svg": OPTIONAL_FILE,
        },
    ),
    "dictionary": (dictionary, "print every table and column", {}),
    "schema": (schema, "print the JSON Schema of configs", {}),
}

if __name__ == "__main__":
    sys.exit(main())
