"""The smallest real benchmark, which the tests build on: two epochs on a twentieth of the chorales."""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "benchmark": "tiny",
    "seeds": [1],
    "space": {"name": "recurrent"},
    "tasks": {
        "bach": {
            "name": "bach_chorales",
            "settings": {"part": 0.05, "recipe": {"units": 8, "epochs": 2}},
        }
    },
    "strategies": {
        "gp": {
            "name": "gp",
            "search": {"waves": 3, "slots": 4, "lag": 1, "finalists": 1},
        }
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101]},
    "stopping": {"name": "never"},
    "training": {
        "device": "cpu",
        "engine": "compiled",
        "precision": "float32",
        "threads": 1,
        "time_limit_s": 600,
    },
}
