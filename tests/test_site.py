"""The documentation site builds, its links lead somewhere, and nothing in it comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert built.stderr == ""
    return folder


@pytest.mark.slow
def test_the_site_has_every_command_and_setting_and_loads_nothing_from_elsewhere(
    site: Path,
) -> None:
    commands = (site / "reference/commands.html").read_text()
    settings = (site / "reference/settings.html").read_text()
    loaded = [
        address
        for page in site.rglob("*.html")
        for address in re.findall(
            r"<(?:script|img|link rel=.stylesheet.)[^>]*(?:src|href)=.(https?:[^\"']*)",
            page.read_text(),
        )
    ]

    assert all(f'id="{name}"' in commands for name in ("run", "rerun", "publish", "step-train"))
    assert "active_species" in settings
    assert loaded == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_a_test_that_a_page_of_the_documentation_names_is_there(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", page.read_text())

    assert [name for name in named if not (ROOT / name).is_file()] == []
