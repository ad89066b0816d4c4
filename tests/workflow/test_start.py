from pathlib import Path

import pytest

from gp_cells.config.choose import SettingError
from gp_cells.workflow.start import command_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("options", "profile", "rest"),
    [
        ([], "profiles/local", []),
        (["-n"], "profiles/local", ["-n"]),
        (["--profile", "slurm"], None, ["--profile", "slurm"]),
        (["--workflow-profile=slurm", "-n"], None, ["--workflow-profile=slurm", "-n"]),
        (["results/a.json"], "profiles/local", ["--", "results/a.json"]),
    ],
)
def test_the_command_is_the_one_that_a_person_would_type(monkeypatch, options, profile, rest):
    monkeypatch.chdir(ROOT)

    command = command_of("config/quickstart.yaml", "profiles/local", options)

    profiled = [] if profile is None else ["--profile", profile]
    assert command == ["snakemake", *profiled, "--configfile", "config/quickstart.yaml", *rest]


def test_elsewhere_the_workflow_is_that_of_the_checkout(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").touch()

    command = command_of("my.yaml", "profiles/local", [])

    profile, snakefile = str(ROOT / "profiles/local"), str(ROOT / "Snakefile")
    assert command[1:] == [
        *("--profile", profile, "--snakefile", snakefile),
        *("--configfile", "my.yaml"),
    ]


def test_a_config_that_is_not_there_is_refused_in_a_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingError, match=r"expected a config file, got 'my\.yaml'"):
        command_of("my.yaml", "profiles/local", [])
