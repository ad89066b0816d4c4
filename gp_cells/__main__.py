"""`gp-cells …`, also as `python -m gp_cells …`: a step of the rules by the warm process, if there is one.

Imports next to nothing by itself: on one machine this is how every trial starts.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command that this process was called with and return its exit status."""
    name = os.environ.get("GP_CELLS_WARM", "off")
    if sys.argv[1:2] == ["step"] and name != "off" and sys.platform == "linux":
        from gp_cells.warm.client import run_warm

        status = run_warm(name, sys.argv[1:])
        if status is not None:
            return status

    from gp_cells.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
