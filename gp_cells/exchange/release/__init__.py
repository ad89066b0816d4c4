"""A release: the results of some benchmarks as a folder that others can use without this package.

Everything in it follows from the tables and the commit that made them: the same tables, published twice
by the same versions of this package and its libraries, are the same bytes. The module
`verify` checks all of it.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gp_cells.config.checkout import checkout
from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.commit import GitError, ask_git
from gp_cells.config.files import RecordError
from gp_cells.config.plan import config_of, grouped, run_names
from gp_cells.config.records import settings_in
from gp_cells.exchange.release import crate, croissant, pages, phylogeny, sums, tables
from gp_cells.exchange.release.facts import Facts
from gp_cells.tables.query import best

# Writes the network of a trial, called RUN/CANDIDATE, from the results into a folder. It comes from the
# command line: what builds networks needs torch, a release needs the tables alone.
NetworkWriter = Callable[[Path, str, Path], None]

NEEDED = ("rocrate", "mlcroissant", "prov")  # to publish; the extra `release` has them


def publish(
    results: Path,
    release: Path,
    benchmarks: Sequence[str] = (),
    weights: int = 0,
    authors: Sequence[str] = (),
    write_network: NetworkWriter | None = None,
) -> list[str]:
    """Write a release of some benchmarks, or of all, and return the paths of its files.

    With `weights` the networks of that many best finalists of each task are in it, each written by
    `write_network`.

    Raises:
        SettingError: the folder is not empty, or the extra packages or the checkout are missing.
        RecordError: there is nothing to publish, or the commit that made it is not in this checkout.
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise SettingError(f"publish needs {missing[0]}: pip install 'gp-cells[release]'")
    check_range("--weights", weights, 0)
    checkout("publish")
    if release.exists() and (not release.is_dir() or any(release.iterdir())):
        raise SettingError(f"{release} is there already; name a folder that is new or empty")
    final = release.absolute()
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(results, partial, benchmarks, weights, authors, write_network)
        partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [*sums.paths(release), sums.NAME]


def _write(
    results: Path,
    release: Path,
    benchmarks: Sequence[str],
    weights: int,
    authors: Sequence[str],
    write_network: NetworkWriter | None,
) -> None:
    rows = tables.gather(results, benchmarks)
    tables.write_tables(release, rows)
    facts = Facts(rows, authors)
    schemas = tables.read_schemas(release)

    def put(path: str, text: str) -> None:
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_text(text, encoding="utf-8")

    put("LICENSE", (checkout("publish") / "LICENSE").read_text(encoding="utf-8"))
    put("CITATION.cff", pages.citation(facts))
    put("DICTIONARY.md", pages.dictionary_page(schemas))
    put("schema.json", tables.json_schema(schemas))
    planned = 0
    for name, config in benchmark_configs(rows["runs"]):
        put(f"configs/{name}.yaml", yaml.safe_dump(config, sort_keys=False, width=100))
        planned += len(run_names(config))
    for path, text in workflow(facts.commit).items():
        put(f"workflow/{path}", text)
    put("phylogeny.csv", phylogeny.phylogeny(rows))
    put("prov.json", phylogeny.provenance(facts))
    for name in best_trials(release, facts.tasks, weights):
        folder = release / "weights" / name.replace("/", "-")
        assert write_network is not None  # the command line gives it with --weights
        write_network(results, name, folder)
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    put("croissant.json", croissant.croissant(release, facts, schemas))
    listed = [*sums.paths(release), "README.md", crate.NAME, sums.NAME]
    command = _command(benchmarks, weights, authors)
    put("README.md", pages.readme(facts, listed, command, planned))
    put(crate.NAME, crate.describe(release, facts))
    put(sums.NAME, sums.sums(release))


def _command(benchmarks: Sequence[str], weights: int, authors: Sequence[str]) -> str:
    words = ["gp-cells publish FOLDER"]
    words += [f"--benchmark {' '.join(benchmarks)}"] if benchmarks else []
    words += [f"--weights {weights}"] if weights else []
    words += [f"--authors {' '.join(map(repr, authors))}"] if authors else []
    return " ".join(words)


def benchmark_configs(runs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the configs that plan some rows of table `runs`, each with the name of its benchmark.

    A benchmark whose runs no single config could ask for has several, numbered from the second on.
    """
    names: dict[str, int] = {}
    for group in grouped(settings_in(row).config for row in runs):
        config = config_of(group)
        name = config["benchmark"]
        names[name] = names.get(name, 0) + 1
        yield (name if names[name] == 1 else f"{name}-{names[name]}"), config


def workflow(commit: str | None) -> dict[str, str]:
    """Return the Snakefile and the rules at a commit; without one, as they are here.

    Raises:
        RecordError: the checkout of this package does not have the commit.
    """
    if commit is None:
        here = checkout("publish")
        files = [here / "Snakefile", *sorted((here / "rules").glob("*.smk"))]
        return {
            path.relative_to(here).as_posix(): path.read_text(encoding="utf-8") for path in files
        }
    here = checkout("publish")
    try:
        ask_git(here, "rev-parse", "HEAD")
    except GitError as error:
        why = "; ".join(filter(None, (error.reason, error.remedy)))
        raise RecordError(
            f"the workflow at commit {commit} cannot be read in {here}: {why}"
        ) from error
    try:
        listed = ask_git(here, "ls-tree", "-r", "--name-only", commit, "Snakefile", "rules")
        return {path: ask_git(here, "show", f"{commit}:{path}") for path in listed.split()}
    except GitError as error:
        raise RecordError(
            f"the last trial was made at commit {commit}, which {here} does not have; fetch it"
        ) from error


def best_trials(release: Path, tasks: Sequence[str], count: int) -> list[str]:
    """Return the best trial of each of the best finalists of each task, as RUN/CANDIDATE.

    Finalists only: the loss of a trial of the search was selected on, and is a little too good.
    """
    names: list[str] = []
    for task in tasks if count else ():
        of_architecture: dict[str, str] = {}
        for row in best(release, task).to_pylist():
            if row["role"] == "replicate":
                trial = f"{row['run']}/{row['candidate']}"
                of_architecture.setdefault(row["architecture_id"], trial)
        names += list(of_architecture.values())[:count]
    return names
