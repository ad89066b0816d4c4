"""`python -m gp_cells …` is `gp-cells …`."""

import sys

from gp_cells.cli import main

sys.exit(main())
