"""The packages that `make quickstart` installs are enough for it, from the config to the page."""

from __future__ import annotations

import copy
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from support.benchmark import ROOT, said_in, start
from support.tiny import TINY


def test_the_quickstart_needs_no_package_that_it_does_not_install(tmp_path: Path) -> None:
    environment = link_environment(tmp_path / "environment", ["gp-cells", "music21"])
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


def link_environment(folder: Path, names: list[str]) -> Path:
    """Make an environment of some packages and what they need, each a link to the one installed here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for package in needed(names):
        tops = {Path(file).parts[0] for file in package.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            installed = Path(str(package.locate_file(top)))
            if installed.exists() and not (packages / top).exists():
                (packages / top).symlink_to(installed.resolve())
    (packages / "gp_cells.pth").write_text(f"{ROOT}\n")
    program = folder / "bin/gp-cells"
    program.write_text(
        f"#!{folder}/bin/python\nfrom gp_cells.__main__ import main\nraise SystemExit(main())\n"
    )
    program.chmod(0o755)
    return folder


def needed(names: list[str]) -> list[Distribution]:
    """Return the packages of these names and all that they require on this machine."""
    found: dict[tuple[str, str], Distribution] = {}
    wanted = [(name, "") for name in names]
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) in found:
            continue
        found[name, extra] = distribution(name)
        for line in found[name, extra].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted += [(requirement.name, extra) for extra in {"", *requirement.extras}]
    return list(found.values())
