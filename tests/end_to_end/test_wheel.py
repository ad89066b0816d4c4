"""Without a checkout: from a wheel to a benchmark's page, and a row of it made again."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import yaml
from support.benchmark import said_in, start
from support.environment import link_environment, needed
from support.package import build
from support.tiny import TINY


def test_a_wheel_begins_a_folder_runs_a_benchmark_there_and_makes_a_row_again(
    tmp_path: Path,
) -> None:
    environment, work = tmp_path / "environment", tmp_path / "work"
    packages = needed(["gp-cells", "music21"])
    site = link_environment(
        environment, [package for package in packages if package.name != "gp-cells"]
    )
    assert not (site / "gp_cells").exists()
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python")]
    wheel = build(tmp_path, "wheel")
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (environment / "bin/snakemake").write_text(
        f"#!{environment}/bin/python\nfrom snakemake.cli import main\nmain()\n"
    )
    (environment / "bin/snakemake").chmod(0o755)

    def says(*command: str) -> str:
        path = f"{environment}/bin:/usr/bin:/bin"
        folder = work if work.exists() else tmp_path
        program = str(environment / "bin" / command[0])
        ended = start(folder, program, *command[1:], PATH=path, PYTHONPATH="").wait(300)
        assert ended == 0, said_in(folder)
        return said_in(folder)

    says("gp-cells", "init", "work")
    assert "quickstart: 3 runs, 252 trainings" in says(
        "snakemake", "--profile", "profiles/local", "-n"
    )
    config = copy.deepcopy(TINY)
    config["strategies"]["gp"]["search"] = {"waves": 2, "slots": 2, "lag": 1, "finalists": 1}
    (work / "tiny.yaml").write_text(yaml.safe_dump(config))
    said = says("gp-cells", "run", "tiny.yaml")
    assert "best evolved cell" in said and "--snakefile" not in said
    assert (work / "results/report/tiny/index.html").is_file()
    assert "Nothing to be done" in says(
        "snakemake", "--profile", "profiles/local", "--configfile", "tiny.yaml"
    )
    assert "identical" in says("gp-cells", "rerun", "tiny-bach-gp-s1/w001-00")
