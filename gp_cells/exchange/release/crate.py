"""What made what, as an RO-Crate by the profile Provenance Run Crate.

A benchmark is one run of the workflow. Each of its steps has one action that stands for all jobs of the
step; the single trials are rows of the table `trials`. What the profiles recommend beyond what they require
is there but for home pages, which neither project nor authors are known to have, and for the times of steps
other than training, which no table has.
[RO-Crate 1.1](https://w3id.org/ro/crate/1.1), [Provenance Run Crate 0.5](https://w3id.org/ro/wfrun/provenance/0.5)
"""

from __future__ import annotations

import fnmatch
import importlib.resources
import io
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gp_cells import workflow
from gp_cells.config.files import canonical_json
from gp_cells.exchange.release import sums
from gp_cells.exchange.release.facts import LICENSE_URL, PROJECT, Facts
from gp_cells.exchange.release.pages import CONTENTS

NAME = "ro-crate-metadata.json"
WORKFLOW = "workflow/Snakefile"
WORKFLOW_TYPES = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
SNAKEMAKE = "https://snakemake.github.io"
BIOSCHEMAS = "https://bioschemas.org/profiles"

PROFILE = "provenance-run-crate"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
MOVED = {  # what these terms mean in it; in later contexts they mean something else
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}

AFTER_THE_TABLES = ("compare", "report", "digest")  # a release has nothing of theirs
STEPS = {step: does for step, does in workflow.STEPS.items() if step not in AFTER_THE_TABLES}


def describe(release: Path, facts: Facts) -> str:
    """Return ro-crate-metadata.json of the files that a release has by now."""
    return _Crate(release, facts).describe()


class _Crate:
    """The crate of a release while it is made: entity by entity, those first that others name."""

    def __init__(self, release: Path, facts: Facts) -> None:
        from rocrate.rocrate import ROCrate

        self.crate, self.release, self.facts = ROCrate(version="1.1"), release, facts
        self.paths = [path for path in sums.paths(release) if path != NAME]

    def describe(self) -> str:
        """Return the metadata with everything in it."""
        self.add_root()
        for path in self.paths:
            self.add_file(path)
        tables = [self.crate.get(path) for path in self.paths if path.startswith("tables/")]
        self.add_workflow(tables)
        for benchmark in self.facts.benchmarks:
            self.add_run(benchmark, tables)
        return canonical_json(self.crate.metadata.generate())

    def add_root(self) -> None:
        """Say what the whole is, whose, and which profiles it follows."""
        facts, root = self.facts, self.crate.root_dataset
        kind = "Person" if facts.authors else "Organization"
        authors = [
            self.add(f"#author-{i + 1}", kind, name=name)
            for i, name in enumerate(facts.authors or [PROJECT])
        ]
        profiles = [
            self.add(url, "CreativeWork", name=name, version=url.rpartition("/")[2])
            for url, name in PROFILES.items()
        ]
        root["name"], root["description"] = facts.title, facts.description
        root["datePublished"] = facts.published
        root["license"] = self.add(LICENSE_URL, "CreativeWork", name="MIT License")
        root["author"] = authors if len(authors) > 1 else authors[0]
        root["publisher"] = authors[0]
        root["conformsTo"] = profiles
        self.crate.metadata["conformsTo"] = [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ]
        self.crate.metadata.extra_terms["sha256"] = "https://schema.org/sha256"  # unknown to 1.1

    def add_file(self, path: str) -> None:
        """Add a file with its checksum."""
        file = self.release / path
        kind, meaning = next(
            (kind, text) for pattern, kind, text in CONTENTS if fnmatch.fnmatch(path, pattern)
        )
        described = {"name": path, "description": meaning, "encodingFormat": kind}
        described |= {"contentSize": str(file.stat().st_size), "sha256": sums.digest(file)}
        types = {"@type": WORKFLOW_TYPES} if path == WORKFLOW else {}
        added = self.crate.add_file(file, path, properties={**described, **types})
        if path == "README.md":
            added["about"] = self.crate.root_dataset

    def add_workflow(self, tables: Sequence[Any]) -> None:
        """Say of the Snakefile what it takes and gives, and which steps it has."""
        workflow, versions = self.crate.get(WORKFLOW), " and ".join(self.facts.versions["gp_cells"])
        workflow["programmingLanguage"] = self.add(
            "#snakemake", "ComputerLanguage", name="Snakemake", url=SNAKEMAKE, identifier=SNAKEMAKE
        )
        workflow["version"] = self.facts.commit or versions
        workflow["conformsTo"] = {"@id": f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"}
        workflow["hasPart"] = [
            self.add(
                f"#gp-cells-{step}",
                "SoftwareApplication",
                name=f"gp-cells step {step}",
                description=does,
                softwareVersion=versions,
            )
            for step, does in STEPS.items()
        ]
        workflow["step"] = [
            self.add(
                f"#step-{step}",
                "HowToStep",
                name=step,
                description=does,
                position=str(i),
                workExample={"@id": f"#gp-cells-{step}"},
            )
            for i, (step, does) in enumerate(STEPS.items())
        ]
        configs = [self.crate.get(path) for path in self.paths if path.startswith("configs/")]
        workflow["input"] = self.add_parameter("config", configs)
        workflow["output"] = [self.add_parameter(Path(table.id).stem, [table]) for table in tables]
        self.crate.root_dataset["mainEntity"] = workflow

    def add_parameter(self, name: str, files: Sequence[Any]) -> Any:
        """Add a parameter of the workflow with the files that it stood for."""
        parameter = self.add(
            f"#parameter-{name}",
            "FormalParameter",
            name=name,
            additionalType="File",
            conformsTo={"@id": f"{BIOSCHEMAS}/FormalParameter/1.0-RELEASE"},
            workExample=list(files) if len(files) > 1 else files[0],
        )
        for file in files:
            file["exampleOfWork"] = parameter
        return parameter

    def add_run(self, benchmark: str, tables: Sequence[Any]) -> None:
        """Add the run of a benchmark: Snakemake that organises it, the whole, and its steps."""
        trials = [t for t in self.facts.rows["trials"] if t["run"].startswith(f"{benchmark}-")]
        times = sorted(row["started_utc"] for row in trials)
        trained = {"startTime": times[0], "endTime": times[-1]}
        own = re.compile(rf"configs/{benchmark}(-\d+)?\.yaml")
        configs = [self.crate.get(path) for path in self.paths if own.fullmatch(path)]
        files = {"object": configs if len(configs) > 1 else configs[0], "result": list(tables)}
        whole = self.add_action(
            f"#run-{benchmark}",
            name=f"benchmark {benchmark}",
            description="all of it; from the start of its first trial to that of its last",
            instrument=self.crate.get(WORKFLOW),
            **files,
            **trained,
        )
        controls = []
        for step in STEPS:
            is_training = step == "train"
            action = self.add_action(
                f"#run-{benchmark}-{step}",
                name=f"gp-cells step {step} of {benchmark}",
                description="all jobs of the step"
                + (f", {len(trials):,} trainings" if is_training else ""),
                instrument={"@id": f"#gp-cells-{step}"},
                **files,
                **(trained if is_training else {}),
            )
            control = {"instrument": {"@id": f"#step-{step}"}, "object": action}
            name = f"the step {step} of {benchmark}"
            place = f"#control-{benchmark}-{step}"
            controls.append(self.add(place, "ControlAction", name=name, **control))
        self.add(
            f"#organize-{benchmark}",
            "OrganizeAction",
            name=f"Snakemake runs {benchmark}",
            instrument=self.add(SNAKEMAKE, "SoftwareApplication", name="Snakemake", url=SNAKEMAKE),
            object=controls,
            result=whole,
        )

    def add_action(self, place: str, **properties: Any) -> Any:
        """Add an action of the authors that the root mentions."""
        agent = {"@id": "#author-1"}
        action = self.add(place, "CreateAction", agent=agent, **properties)
        self.crate.root_dataset.append_to("mentions", action)
        return action

    def add(self, place: str, kind: str, **properties: Any) -> Any:
        """Add an entity that is no file."""
        from rocrate.model.contextentity import ContextEntity

        entity = ContextEntity(self.crate, place, properties={"@type": kind, **properties})
        return self.crate.add(entity)


# --- whether it holds -----------------------------------------------------------------------------


def hashes(text: str) -> dict[str, str]:
    """Return the SHA-256 that ro-crate-metadata.json has of each file."""
    graph = json.loads(text)["@graph"]
    return {entity["@id"]: entity["sha256"] for entity in graph if "sha256" in entity}


def faults(release: Path) -> Iterator[str]:
    """Yield where roc-validator finds the crate against what its profile requires; without a network."""
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    with tempfile.TemporaryDirectory() as folder:
        settings = services.ValidationSettings(
            rocrate_uri=str(release),
            profile_identifier=PROFILE,
            requirement_severity=models.Severity.REQUIRED,
            offline=True,
            cache_path=Path(folder) / "cache",
        )
        _remember(HttpRequester().session, CONTEXT, _context())
        for issue in services.validate(settings).get_issues():
            yield f"{issue.violatingEntity or NAME}: {issue.message}"


def _context() -> bytes:
    """Return the context of RO-Crate 1.1 from rocrate's copy of 1.3, in which four terms have moved."""
    text = (
        importlib.resources.files("rocrate")
        .joinpath("data/ro-crate.jsonld")
        .read_text(encoding="utf-8")
    )
    context = json.loads(text)
    context["@context"] |= MOVED
    return json.dumps(context).encode()


def _remember(session: Any, url: str, content: bytes) -> None:
    """Put an answer into the cache of a session that asks no network."""
    from requests import Request, Response
    from urllib3 import HTTPResponse

    response = Response()
    response.url, response.status_code = url, 200
    response.headers["Content-Type"] = "application/ld+json"
    response.request = Request("GET", url).prepare()
    response.raw = HTTPResponse(io.BytesIO(content), response.headers, 200, preload_content=False)
    session.cache.save_response(response)
