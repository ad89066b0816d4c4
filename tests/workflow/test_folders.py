from pathlib import Path

import pytest

from gp_cells.cli import main


def tree(folder: Path) -> set[str]:
    """Return the files below a folder, a link by its name."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or (path.is_file() and "slurm/" not in f"{path.parent.name}/")
    }


def test_a_new_folder_has_what_a_benchmark_needs(tmp_path, capsys):
    folder = tmp_path / "below" / "mine"

    assert main(["init", str(folder)]) == 0

    profiles = {f"profiles/{name}/config.yaml" for name in ("flux", "local", "lsf")}
    assert tree(folder) == {"Snakefile", "config.yaml", "slurm", "profiles/README.md", *profiles}
    assert (folder / "slurm/config.yaml").is_file()
    assert "](../" not in (folder / "profiles/README.md").read_text()
    assert f"next: cd {folder}" in capsys.readouterr().out
    assert main(["check", str(folder / "config.yaml"), "--start"]) == 0


def test_an_empty_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["init", "."]) == 0

    assert (tmp_path / "config.yaml").is_file()


@pytest.mark.parametrize("place", ["full", "file", "file/below"])
@pytest.mark.parametrize("plugin", [[], ["--plugin", "my_search"]], ids=str)
def test_a_place_that_is_taken_or_cannot_be_written_is_refused_in_a_line(
    tmp_path, capsys, place, plugin
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    (tmp_path / "file").touch()
    before = tree(tmp_path)

    assert main(["init", str(tmp_path / place), *plugin]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert str(tmp_path / place) in line
    assert "new or empty" in line or "cannot be written" in line
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["", "My_search", "my-search", "2nd", "class", "json", "gp_cells"])
def test_a_name_that_no_new_package_can_have_is_refused_in_a_line(tmp_path, capsys, name):
    assert main(["init", str(tmp_path / "new"), "--plugin", name]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gp-cells init: --plugin: ") and repr(name) in line
    assert not (tmp_path / "new").exists()
