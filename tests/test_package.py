"""What is installed without a checkout: a wheel and a source distribution have every file they need."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from support.package import build, files_of_checkout

PACKAGES = ("gp_cells/", "snakemake_logger_plugin_gp_cells/")
WORKFLOW = ("Snakefile", "LICENSE", "rules/", "profiles/", "envs/", "config/", "template/")


def test_a_wheel_has_every_file_of_the_package_and_of_the_workflow(tmp_path: Path) -> None:
    files = files_of_checkout()
    package = {file for file in files if file.startswith(PACKAGES)}
    workflow = {f"gp_cells/shipped/{file}" for file in files if file.startswith(WORKFLOW)}

    with zipfile.ZipFile(build(tmp_path, "wheel")) as wheel:
        there = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert len(package) > 300 and len(workflow) > 40
    assert there == package | workflow


def test_a_source_distribution_is_the_checkout(tmp_path: Path) -> None:
    files = {
        file for file in files_of_checkout() if file != "slurm"
    }  # there no link, but its files

    with tarfile.open(build(tmp_path, "sdist")) as sdist:
        named = (member.name.partition("/")[2] for member in sdist if member.isfile())
        there = {name for name in named if ".egg-info/" not in name}

    made = {"PKG-INFO", "setup.cfg"}
    assert there - made == (files - made) | {"slurm/config.yaml"}
