"""A stopping rule on the page, beside the front of all plain cuts."""

from __future__ import annotations

from typing import Any

from gp_cells.report.stopping import draw_stopping


def cut(epochs: int, tau: float, front: bool) -> dict[str, Any]:
    return {"epochs": epochs, "tau": tau, "regret": 0.1, "recall": 1.0} | {
        f"front_of_{name}": front for name in ("tau", "regret")
    }


def test_a_rule_stands_beside_every_cut_of_its_control_group() -> None:
    cuts = [cut(1, 0.5, front=True), cut(2, 0.4, front=False), cut(3, 1.0, front=True)]
    row = {"rule": "ensemble", "epochs": 1.5, "tau": 0.9, "regret": 0.2, "cuts": cuts}
    spec = draw_stopping({"stopping": [row], "loss_unit": "nats per frame"})["stopping-tau"]
    assert spec is not None
    front, dots, rule = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"])
    assert [(of["epochs"], of["tau"]) for of in dots] == [(1, 0.5), (2, 0.4), (3, 1.0)]
    assert [of["epochs"] for of in front] == [1, 3]
    assert [(of["rule"], of["epochs"], of["tau"]) for of in rule] == [("ensemble", 1.5, 0.9)]


def test_without_a_control_group_to_speak_of_nothing_is_drawn() -> None:
    small = {"rule": "ensemble", "epochs": 1.5, "tau": None, "regret": None, "cuts": []}
    for rows in ([], [small]):
        drawn = draw_stopping({"stopping": rows, "loss_unit": "nats per frame"})
        assert set(drawn.values()) == {None}
