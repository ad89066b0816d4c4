"""What every plug-in has to do, held over the dicts of all families and over a package from outside."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.plugins import FAMILIES, make, make_strategy, make_task, skipped_without_its_file
from support.tiny import TINY

from gp_cells.cli import main
from gp_cells.config.choose import choose
from gp_cells.genomes.genome import parse
from gp_cells.measures import DEFAULT, MEASURES, Subject, table_columns
from gp_cells.networks.network import Network
from gp_cells.spaces import SPACES
from gp_cells.stopping import STOPPERS
from gp_cells.strategies import STRATEGIES, Outcome, Proposal
from gp_cells.tasks import TASKS, Data
from gp_cells.testing import (
    STRATEGY_CHECKS,
    check_measure,
    check_network,
    check_network_chance,
    check_settings_return,
    check_source,
    check_stopping_rule,
    check_task,
)
from gp_cells.testing.networks import drawn_network
from gp_cells.testing.strategies import WIDTHS
from gp_cells.training.trial import set_up_torch

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "template"

EVERY = [(family, name) for family, members in FAMILIES.items() for name in members]
PAIRS = [
    (space, task)
    for space, member in SPACES.items()
    for task in TASKS
    if make_task(task).inputs in member().reads
]
SLOTS: dict[str, tuple[int, ...]] = dict.fromkeys(
    ("pbt", "tournament"), (4, 4, 4, 4, 4)
)  # where unequal ones are refused
SLOTS["one_shot"] = (1, 20, 11)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


# --- names and settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_a_plug_in_is_a_frozen_dataclass_in_a_file_of_its_name(family: str, name: str) -> None:
    member: Any = FAMILIES[family][name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert member.__module__ == f"gp_cells.{family}.{name}"
    assert dataclasses.is_dataclass(member)
    assert vars(member)["__dataclass_params__"].frozen
    assert member.__doc__ and inspect.getdoc(sys.modules[member.__module__])


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_settings_come_back_from_json_as_their_schema_says(family: str, name: str) -> None:
    plug_in = make(family, name)
    check_settings_return(plug_in)
    settings = json.loads(json.dumps(dataclasses.asdict(plug_in)))
    assert choose(family, FAMILIES[family], name, settings) == plug_in
    assert plug_in == make(family, name) and hash(plug_in) == hash(make(family, name))


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_a_plug_in_pickles_nothing(family: str, name: str) -> None:
    check_source(make(family, name))


# --- spaces × tasks × measures --------------------------------------------------------------------


@functools.cache
def read(name: str) -> Data:
    """Return what a task reads."""
    with skipped_without_its_file():
        return make_task(name).read()


@functools.cache
def network_of(space: str, task: str) -> Any:
    """Return a network of a space for a task, its weights drawn."""
    return drawn_network(SPACES[space](), make_task(task), read(task))[1]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_gives_batches_of_its_form_that_only_its_generator_shuffles(task: str) -> None:
    check_task(make_task(task), read(task))


def members_of(protocol: type) -> set[str]:
    """Return the names that a protocol has of its own."""
    return {name for name in vars(protocol) if not name.startswith("_")} | {"__call__"}


@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_network_is_what_the_protocol_says(space: str, task: str) -> None:
    check_network(SPACES[space](), make_task(task), read(task))


@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_network_draws_from_its_seed_and_its_generator_alone(space: str, task: str) -> None:
    check_network_chance(SPACES[space](), make_task(task), read(task))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_measure_gives_its_columns_and_leaves_the_weights(
    space: str, task: str, measure: str
) -> None:
    member, network = make("measures", measure), network_of(space, task)
    check_measure(member, network, make_task(task), read(task))


def test_columns_of_measures_are_told_apart_and_described() -> None:
    columns = table_columns()
    assert len({column.name for column in columns}) == len(columns)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column.name) for column in columns)
    assert all(column.meaning for column in columns)
    assert set(DEFAULT) <= set(MEASURES)


# --- strategies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("space_name", SPACES)
def test_a_strategy_does_what_a_strategy_has_to(name: str, space_name: str, check: Any) -> None:
    space = SPACES[space_name]()
    strategy = make_strategy(name, space)
    if strategy is None:
        pytest.skip(
            f"{space_name} has no designs, choices, marks, modules or supernets that it needs"
        )
    places = {"one_shot": "convolutional", "neat": "feedforward", "codeepneat": "modular"}
    if check.__name__ == "check_processes" and space_name != places.get(name, "recurrent"):
        pytest.skip("one space will do for processes, which take seconds")
    check(strategy, space, SLOTS.get(name, WIDTHS))


# --- stopping rules -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STOPPERS)
def test_a_stopping_rule_gives_one_line_or_none_and_the_same_again(name: str) -> None:
    check_stopping_rule(make("stopping", name))


# --- a package from outside -----------------------------------------------------------------------

CONFIG: dict[str, Any] = {
    **TINY,
    "benchmark": "outside",
    "space": {"name": "smooth", "settings": {"max_nodes": 15}},
    "tasks": {"toy": {"name": "waves_of_numbers", "settings": {"length": 5}}},
    "strategies": {
        "again": {
            "name": "same_again",
            "settings": {"fresh": 2},
            "search": {"waves": 1, "slots": 2, "lag": 1, "finalists": 1},
        }
    },
    "stopping": {"name": "one_epoch"},
    "measures": [
        {"name": "size_of_weights", "settings": {"power": 2.0}},
        *({"name": name} for name in DEFAULT),
    ],
    "training": {**TINY["training"], "engine": "eager"},
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a package from outside is installed into, by pip and from its source alone."""
    source = tmp_path_factory.mktemp("source")
    for path in OUTSIDE.iterdir():
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    target = tmp_path_factory.mktemp("site")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    command: list[Any] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        *options,
        "--target",
        target,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return target


# Runs commands of `gp-cells` one after the other, and ends with the first that fails.
COMMANDS = """
import json, sys
from gp_cells.cli import main
for arguments in json.loads(sys.argv[1]):
    code = main(arguments)
    if code:
        sys.exit(code)
"""


def gp_cells(site: Path, folder: Path, *commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Run commands in a fresh Python that finds packages in `site`."""
    given = f"import sys; sys.path.insert(0, {str(site)!r})\n{COMMANDS}"
    command = [sys.executable, "-c", given, json.dumps(commands)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run_config(site: Path) -> str:
    """Return the part of the config that concerns its only run."""
    program = f"import sys, json; sys.path.insert(0, {str(site)!r})\n" + (
        "from gp_cells.config.plan import read_plan\n"
        "from gp_cells.config.typed_json import encode\n"
        "[run] = read_plan(json.loads(sys.argv[1])).runs.values()\n"
        "print(json.dumps(encode(run.config)))"
    )
    command = [sys.executable, "-c", program, json.dumps(CONFIG)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_package_from_outside_brings_a_plug_in_of_every_family(
    installed: Path, tmp_path: Path
) -> None:
    task = json.dumps(CONFIG["tasks"]["toy"])
    settings, protocol, trial = "settings.json", "protocol.json", "000/00/trial.h5"
    steps = [
        ["check", json.dumps(CONFIG)],
        ["step", "prepare", "--task", task, "--folder", "data"],
        [
            *("step", "settings", "--run-config", run_config(installed)),
            *("--data", "data/data.json", "--settings", settings, "--protocol", protocol),
        ],
        ["step", "breed", "--settings", settings, "--wave", "000"],
        [
            *("step", "train", "--protocol", protocol, "--genome", "000/00/genome.json"),
            *("--data", "data", "--fitness", "000/00/fitness.json", "--trial", trial),
        ],
    ]
    done = gp_cells(installed, tmp_path, *steps)
    assert done.returncode == 0, done.stderr

    fitness = json.loads((tmp_path / "000/00/fitness.json").read_text())
    assert (fitness["status"], fitness["reason"]) == ("stopped_early", "one epoch is enough")
    named = json.loads((tmp_path / protocol).read_text())["measures"]
    assert named[0] == {"name": "size_of_weights", "settings": {"power": 2.0}}
    measures = recorded(tmp_path / trial)
    columns = {column.name for name in DEFAULT for column in MEASURES[name].columns}
    assert measures["failures"] == {}
    assert set(measures["values"]) == {"size_of_weights", *columns}
    assert 0 < measures["values"]["size_of_weights"] < 1
    assert set(measures["cpu_s"]) == {"size_of_weights", *DEFAULT}


def recorded(trial: Path) -> dict[str, Any]:
    """Return the measures of a trial's record."""
    import h5py

    with h5py.File(trial) as file:
        measures: dict[str, Any] = json.loads(file["measures"][()])
        return measures


@pytest.mark.parametrize("task", TASKS)
def test_a_network_from_outside_passes_every_measure_on_every_task(
    installed: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, member = read(task), make_task(task)
    monkeypatch.syspath_prepend(str(installed))
    space: Any = choose("spaces", SPACES, "smooth", {})
    genome = parse("y = gelu(x) + x", space.language)
    recipe = dataclasses.replace(member.recipe, dropout=0.5)
    network = space.network(genome, data.form, recipe, "eager", "cpu", "float32")
    network.initialise(1)
    assert isinstance(network, Network)
    subject = Subject(
        untrained=network,
        trained=network,
        task=member,
        form=data.form,
        splits=dict(data.splits),
        device="cpu",
    )
    for name in MEASURES:
        given = make("measures", name).measure(subject)
        unknown = {column for column, value in given.items() if value is None}
        steps, classes = data.form.has_steps, data.form.targets == "classes"
        assert unknown == {
            *(["hidden_covariance"] if name == "hidden_covariance" and not steps else []),
            *(["introspectability"] if name == "introspectability" and not classes else []),
        }


def test_a_strategy_from_outside_reads_the_genome_of_an_outcome(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    space: Any = choose("spaces", SPACES, "smooth", {})
    strategy: Any = choose("strategies", STRATEGIES, "same_again", {"fresh": 1})
    [first, second] = strategy.propose([], 0, 2, space, 1)
    history = [
        Outcome(
            candidate=f"w000-0{slot}",
            wave=0,
            genome=str(proposal.genome),
            architecture_id=proposal.genome.architecture_id,
            status="ok",
            fitness=fitness,
        )
        for slot, (proposal, fitness) in enumerate([(first, 2.0), (second, 1.0)])
    ]

    [drawn, again] = strategy.propose(history, 1, 2, space, 1)

    assert (drawn.operator, drawn.parents) == ("sample", ())
    assert again == Proposal(second.genome, "again", ("w000-01",))


def test_a_name_from_outside_is_refused_where_its_package_is_not_installed() -> None:
    with pytest.raises(ValueError, match="there is no 'smooth'"):
        choose("spaces", SPACES, "smooth", {})


def test_the_protocol_of_networks_names_all_that_training_and_measures_use() -> None:
    used: set[str] = set()
    for path in (
        *(ROOT / "gp_cells/measures").glob("*.py"),
        *(ROOT / "gp_cells/training").glob("*.py"),
    ):
        used |= set(re.findall(r"\bnetwork\.([a-z_]+)\b(?! import)", path.read_text()))
    optional = {"parts", "open_paths"}  # of a network that can pass weights on, of a supernet's
    assert used - {"network"} - optional <= members_of(Network) - {"__call__"}


def test_the_tests_of_a_new_package_of_plug_ins_pass(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert main(["init", str(folder), "--plugin", "my_search"]) == 0
    assert {path.name for path in folder.iterdir()} == {
        *("README.md", "my_search.py", "pyproject.toml", "test_my_search.py")
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# --- plug-ins that the schema does not know -------------------------------------------------------


@pytest.fixture
def with_new_code(tmp_path: Path) -> Path:
    """A folder with a copy of the package that has a new strategy, and a new setting of an old one."""
    package = tmp_path / "gp_cells"
    shutil.copytree(ROOT / "gp_cells", package, ignore=shutil.ignore_patterns("__pycache__"))
    random_search = (package / "strategies/random.py").read_text(encoding="utf-8")
    new = random_search.replace("class Random:", "class Hill:")
    (package / "strategies/hill.py").write_text(new, encoding="utf-8")
    old = random_search.replace("    def check(", "    luck: int = 3\n\n    def check(", 1)
    (package / "strategies/random.py").write_text(old, encoding="utf-8")
    family = package / "strategies/__init__.py"
    text = family.read_text(encoding="utf-8").replace(
        '    "gp": GP', '    "hill": Hill,\n    "gp": GP'
    )
    text = text.replace("from gp", "from gp_cells.strategies.hill import Hill\nfrom gp", 1)
    family.write_text(text, encoding="utf-8")
    return tmp_path


def checked(folder: Path, strategy: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Check a config with a strategy by the package in a folder."""
    search = TINY["strategies"]["gp"]["search"]
    config = {**TINY, "strategies": {"mine": {**strategy, "search": search}}}
    return gp_cells(folder, folder, ["check", json.dumps(config)])


@pytest.mark.parametrize(
    "strategy", [{"name": "hill"}, {"name": "random", "settings": {"luck": 4}}], ids=str
)
def test_a_plug_in_works_before_the_schema_is_generated_again(
    with_new_code: Path, strategy: dict[str, Any]
) -> None:
    done = checked(with_new_code, strategy)
    assert done.returncode == 0, done.stderr


def test_a_wrong_name_or_setting_is_refused_by_what_the_code_has(with_new_code: Path) -> None:
    done = checked(with_new_code, {"name": "hil"})
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "there is no 'hil'; choose one of aging, " in done.stderr
    assert ", halving, hill, " in done.stderr
    done = checked(with_new_code, {"name": "random", "settings": {"lack": 4}})
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "strategies.mine.settings: there is no 'lack' here; allowed: luck" in done.stderr


def test_a_name_from_outside_that_is_taken_is_refused(tmp_path: Path) -> None:
    info = tmp_path / "other_cells-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-cells\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gp_cells.strategies]\ngp = json:JSONDecoder\n")
    done = checked(tmp_path, {"name": "gp"})
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "gp is in strategies of gp-cells and of other-cells; give one of them" in done.stderr
    assert checked(tmp_path, {"name": "random"}).returncode == 0
