"""The packages that `make quickstart` installs are enough for it, from the config to the page."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path

import yaml
from support.benchmark import ROOT, said_in, start
from support.environment import link_environment, needed
from support.tiny import TINY


def test_the_quickstart_needs_no_package_that_it_does_not_install(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    site = link_environment(environment, needed(["gp-cells", "music21"]))
    (site / "gp_cells.pth").write_text(f"{ROOT}\n")
    program = environment / "bin/gp-cells"
    program.write_text(
        f"#!{environment}/bin/python\nfrom gp_cells.__main__ import main\nraise SystemExit(main())\n"
    )
    program.chmod(0o755)
    missing = subprocess.run(
        [environment / "bin/python", "-c", "import pytest"], capture_output=True
    )
    assert b"No module named 'pytest'" in missing.stderr

    config = copy.deepcopy(TINY)
    config["strategies"]["gp"]["search"]["waves"] = 2
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [
        *(
            str(environment / "bin/python"),
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
        ),
        *("--profile", str(ROOT / "profiles/local"), "--configfile", "config.yaml"),
    ]
    path = f"{environment}/bin:/usr/bin:/bin"
    ended = start(tmp_path, *command, PATH=path, PYTHONPATH="").wait(timeout=300)
    assert ended == 0, said_in(tmp_path)
    ended = start(tmp_path, str(environment / "bin/gp-cells"), "summary", "config.yaml").wait(60)
    assert ended == 0, said_in(tmp_path)
    assert "best evolved cell" in said_in(tmp_path)
