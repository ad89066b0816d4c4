"""A config as it is named on the command line: a YAML file, or the config itself as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import Plan, read_plan


def plan_of(config: str) -> Plan:
    """Return the plan of a config file, or of a config given as JSON.

    Raises:
        SettingError: it cannot be read, or is refused.
    """
    import yaml

    if config.lstrip().startswith("{"):
        return read_plan(json.loads(config))
    try:
        read = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingError(f"{config} cannot be read: {' '.join(str(error).split())}") from error
    return read_plan(read, config)
