"""The config as runs with a fixed number of candidates, PLAN, and which jobs run when and together.

REQUIRED INPUTS: none; the config is Snakemake's, whose files are looked at for a key that is there twice.
OUTPUTS: none.
"""

import sys

from gp_cells.config.choose import SettingError
from gp_cells.config.given import refuse_twins_in
from gp_cells.config.plan import read_plan, wave_of_place
from gp_cells.workflow.limits import limit_jobs

try:
    refuse_twins_in(workflow.configfiles)
    PLAN = read_plan(config)
    PLAN.refuse_missing_files()
except SettingError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

# A late wave asked for alone stands on all waves before it.
sys.setrecursionlimit(100_000)


# No other machine trains, and this is no job of a cluster: as many trials start together as have room.
IS_LOCAL = workflow.is_main_process and workflow.resource_settings.nodes is None
if IS_LOCAL:
    limit_jobs(workflow)


wildcard_constraints:
    run="[a-z0-9_]+-[a-z0-9_]+-[a-z0-9_]+-s[0-9]+",
    data="[a-z0-9_]+-[a-z0-9_]+",
    wave="[0-9]{3}",
    place="waves/[0-9]{3}/[0-9]{2}|replicates/[0-9]{2}-[0-9]-[0-9]",


# Of the jobs that could start, Snakemake picks in no order. With a lag, jobs of several waves can, and
# the next wave to breed waits for the oldest of them.
def oldest_wave_first(wildcards):
    wave = wildcards.get("wave") or wave_of_place(wildcards.place)
    return -int(wave or 0)
