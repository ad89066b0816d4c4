"""Print the digest of a strategy's made-up search: what `check_processes` starts in other processes."""

import json
import sys

from gp_cells.testing.strategies import digest, spelt_out

if __name__ == "__main__":
    strategy, space, widths = json.loads(sys.argv[1])
    print(digest(spelt_out(*strategy), spelt_out(*space), widths))
