"""What pyproject.toml cannot say: a wheel has the workflow too, in `gp_cells/shipped/`."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ("Snakefile", "LICENSE", "rules", "profiles", "envs", "config", "template")


def shipped() -> list[Path]:
    """Return the files of the checkout that a wheel has beside the package, relative to it."""
    found = [path for name in SHIPPED for path in (ROOT / name, *(ROOT / name).rglob("*"))]
    files = [path.relative_to(ROOT) for path in found if path.is_file()]
    return sorted(path for path in files if not path.name.endswith(".pyc") and _is_shown(path))


def _is_shown(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


class WithWorkflow(build_py):
    """Build the package, and put the workflow into it unless it is used from the checkout."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            for path in shipped():
                target = Path(self.build_lib) / "gp_cells/shipped" / path
                self.mkpath(str(target.parent))
                self.copy_file(str(ROOT / path), str(target))


setup(cmdclass={"build_py": WithWorkflow})
