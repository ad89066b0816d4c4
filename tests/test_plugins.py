"""What every plug-in has to do, held over the dicts of all families and over a package from outside."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from support.plugins import FAMILIES, make, make_strategy, make_task, skipped_without_its_file
from support.specs import planned
from support.tiny import TINY
from torch import nn

from gp_cells.config.choose import choose
from gp_cells.config.recipe import Form
from gp_cells.config.schema import settings_schema
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.measures import DEFAULT, MEASURES, Subject, table_columns
from gp_cells.networks.network import Network
from gp_cells.spaces import SPACES, Space
from gp_cells.stopping import STOPPERS
from gp_cells.strategies import STRATEGIES, Outcome, Proposal, Strategy
from gp_cells.strategies.strategy import searches
from gp_cells.tasks import TASKS, Arrays, Batch, Data, SplitName
from gp_cells.tasks.prepared import check_batch
from gp_cells.training.loss import summed_loss
from gp_cells.training.trial import set_up_torch

ROOT = Path(__file__).parents[1]
OUTSIDE = ROOT / "tests" / "support" / "outside_package"

EVERY = [(family, name) for family, members in FAMILIES.items() for name in members]
PAIRS = [
    (space, task)
    for space, member in SPACES.items()
    for task in TASKS
    if make_task(task).inputs in member().reads
]
SLOTS = 3


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
    settings = json.loads(json.dumps(dataclasses.asdict(plug_in)))
    jsonschema.Draft202012Validator(settings_schema(type(plug_in))).validate(settings)
    assert choose(family, FAMILIES[family], name, settings) == plug_in
    assert plug_in == make(family, name) and hash(plug_in) == hash(make(family, name))


# --- spaces × tasks × measures --------------------------------------------------------------------


@functools.cache
def read(name: str) -> Data:
    """Return what a task reads."""
    with skipped_without_its_file():
        return make_task(name).read()


@functools.cache
def genome_of(space: str) -> Genome:
    return variation.sample(SPACES[space](), generator(purpose="conformance"))


@functools.cache
def network_of(space_name: str, task_name: str) -> Any:
    """Return a network of a space for a task, its weights drawn."""
    space, task, form = SPACES[space_name](), make_task(task_name), read(task_name).form
    recipe = dataclasses.replace(task.recipe, dropout=0.5)
    engine = space.engines[-1]  # of both the one that needs no compiler
    network: Any = space.network(genome_of(space_name), form, recipe, engine, "cpu", "float32")
    network.initialise(3)
    return network


@functools.cache
def first_batch(task: str) -> tuple[Form, Batch]:
    return read(task).form, next(make_task(task).batches(read(task).splits["valid"], None))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_gives_batches_of_its_form_that_only_its_generator_shuffles(task: str) -> None:
    data, member = read(task), make_task(task)
    assert list(data.splits) == ["train", "valid", "test"] and data.form.inputs == member.inputs
    assert member.unit and all(map(math.isfinite, data.reference_valid.values()))
    for split in data.splits.values():
        check_batch(data.form, next(member.batches(split, None)), task)
    with untouched_chance():
        orders = [
            next(member.batches(data.splits["train"], generator(seed=seed))).inputs.tobytes()
            for seed in (1, 1)
        ]
    assert orders[0] == orders[1]


def members_of(protocol: type) -> set[str]:
    """Return the names that a protocol has of its own."""
    return {name for name in vars(protocol) if not name.startswith("_")} | {"__call__"}


@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_network_is_what_the_protocol_says(space: str, task: str) -> None:
    form, batch = first_batch(task)
    network, inputs = network_of(space, task), torch.from_numpy(batch.inputs)
    assert isinstance(network, Network) and isinstance(network, nn.Module)
    counts = SPACES[space]().count(genome_of(space), form, make_task(task).recipe)
    assert sum(of.numel() for of in network.parameters()) == counts["network_parameters"]

    predicted, state = network.eval()(inputs, None, None)
    assert predicted.shape == (*batch.counted.shape, form.outputs)
    assert all(isinstance(of, torch.Tensor) for of in state)
    again, _ = network(network.embed(inputs), state and None, None)
    torch.testing.assert_close(again, predicted)
    watched, _, activations = network.activations(inputs, None)
    assert torch.equal(watched, predicted)
    axes = 1 if form.inputs == "images" else 2
    assert all(of.shape[:axes] == batch.counted.shape[:axes] for of in activations)
    network(inputs, state, None)
    assert summed_loss(form, predicted, *map(torch.from_numpy, (batch.targets, batch.counted))) > 0


@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_network_draws_from_its_seed_and_its_generator_alone(space: str, task: str) -> None:
    _, batch = first_batch(task)
    inputs, network = torch.from_numpy(batch.inputs), copy.deepcopy(network_of(space, task))
    before = {name: of.clone() for name, of in network.state_dict().items()}
    with untouched_chance():
        network.initialise(3)
        assert all(torch.equal(before[name], of) for name, of in network.state_dict().items())
        passes = []
        for seed in (1, 1, 2):
            network.load_state_dict(before)
            drawn = torch.Generator().manual_seed(seed)
            passes.append(network.train()(inputs, None, drawn)[0])
        certain = network.without_dropout().train()
        once, twice = (certain(inputs, None, None)[0] for _ in range(2))
    assert torch.equal(passes[0], passes[1]) and not torch.equal(passes[0], passes[2])
    assert torch.equal(once, twice)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("space", "task"), PAIRS)
def test_a_measure_gives_its_columns_and_leaves_the_weights(
    space: str, task: str, measure: str
) -> None:
    network, member, data = network_of(space, task), make("measures", measure), read(task)
    before = {name: of.clone() for name, of in network.state_dict().items()}
    splits: dict[SplitName, Arrays] = {
        name: arrays for name, arrays in data.splits.items() if name != "test"
    }
    subject = Subject(
        untrained=network,
        trained=network,
        task=make_task(task),
        form=data.form,
        splits=splits,
        device="cpu",
    )
    with untouched_chance():
        given = member.measure(subject)
    assert list(given) == [column.name for column in member.columns]
    assert all(value is None or isinstance(value, float) for value in given.values())
    assert all(torch.equal(before[name], of) for name, of in network.state_dict().items())


def test_columns_of_measures_are_told_apart_and_described() -> None:
    columns = table_columns()
    assert len({column.name for column in columns}) == len(columns)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column.name) for column in columns)
    assert all(column.meaning for column in columns)
    assert set(DEFAULT) <= set(MEASURES)


# --- strategies -----------------------------------------------------------------------------------


class untouched_chance:  # noqa: N801
    """A block in which nobody draws from a global random state."""

    def states(self) -> tuple[Any, ...]:
        numpys: Any = np.random.get_state()
        _, keys, *rest = numpys
        return random.getstate(), keys.tobytes(), rest, torch.get_rng_state().numpy().tobytes()

    def __enter__(self) -> None:
        self.before = self.states()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            assert self.states() == self.before


def outcomes(strategy: Strategy, space: Space, waves: int) -> Iterator[Outcome]:
    """Yield what waves of a strategy came to, one candidate of each wave having failed."""
    history: list[Outcome] = []
    for wave in range(waves):
        for slot, proposal in enumerate(strategy.propose(history, wave, SLOTS, space, 3)):
            failed, text = slot == wave % SLOTS, str(proposal.genome)
            history.append(
                Outcome(
                    candidate=f"w{wave:03d}-{slot:02d}",
                    wave=wave,
                    genome=text,
                    architecture_id=proposal.genome.architecture_id,
                    status="diverged" if failed else "ok",
                    fitness=math.inf if failed else 1 + len(text) / 100,
                    objectives={"parameters": len(text), "entanglement": None},
                    operator=proposal.operator,
                    parents=proposal.parents,
                    start=proposal.start,
                    recipe=proposal.recipe,
                    note=proposal.note,
                    state=None if failed else f"{wave:016d}{slot:016d}",
                    epochs=wave + 1,
                    last_loss=None if failed else 1 + len(text) / 100,
                )
            )
    return iter(history)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("space_name", SPACES)
def test_a_strategy_is_a_pure_function_of_its_history(name: str, space_name: str) -> None:
    space = SPACES[space_name]()
    strategy = make_strategy(name, space)
    if strategy is None:
        pytest.skip(f"{space_name} has no hand-designed genomes to list")
    waves = 5 if searches(strategy) else 0
    strategy.check(planned(*[SLOTS] * (waves + 1)), space)
    with untouched_chance():
        history = list(outcomes(strategy, space, waves))
        kept = copy.deepcopy(history)
        proposals = strategy.propose(history, waves, SLOTS, space, 3)
        again = make_strategy(name, SPACES[space_name]())
        assert again is not None
        assert again.propose(kept, waves, SLOTS, space, 3) == proposals
    assert history == kept and len(proposals) == SLOTS
    known = {outcome.candidate for outcome in history}
    for proposal in proposals:
        assert parse(str(proposal.genome), space.language) == proposal.genome
        assert set(proposal.parents) <= known and proposal.operator
        assert space.admits(proposal.genome.canonical()) or not searches(strategy)


# --- stopping rules -------------------------------------------------------------------------------

CURVES = ([3.0], [3.0, 2.0, 1.0], [1.0] * 40, [1.0, *[2.0] * 40], [2.0, 1.0] * 20)


@pytest.mark.parametrize("curve", CURVES, ids=len)
@pytest.mark.parametrize("name", STOPPERS)
def test_a_stopping_rule_gives_one_line_or_none_and_the_same_again(
    name: str, curve: list[float]
) -> None:
    stopper, losses = make("stopping", name), list(curve)
    with untouched_chance():
        reason = stopper.reason_to_stop(losses)
        assert make("stopping", name).reason_to_stop(tuple(losses)) == reason
    assert losses == curve
    assert reason is None or (reason and "\n" not in reason)


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
        images, classes = data.form.inputs == "images", data.form.targets == "classes"
        assert unknown == {
            *(["hidden_covariance"] if name == "hidden_covariance" and images else []),
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
    assert used - {"network"} <= members_of(Network) - {"__call__"}
