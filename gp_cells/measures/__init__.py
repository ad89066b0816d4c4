"""Measures: what is recorded of a trained network besides its loss; one file each.

Importing this package imports no torch, since tables take their columns from it.
"""

from collections.abc import Mapping

from gp_cells.measures.hidden_covariance import HiddenCovariance
from gp_cells.measures.introspectability import Introspectability
from gp_cells.measures.jacobian_covariance import JacobianCovariance
from gp_cells.measures.latency import Latency
from gp_cells.measures.measure import Column, Measure, Subject
from gp_cells.measures.synflow import Synflow

MEASURES: Mapping[str, type[Measure]] = {
    "synflow": Synflow,  # zero-cost: Tanaka et al. 2020
    "jacobian_covariance": JacobianCovariance,  # zero-cost: Mellor et al. 2021
    "hidden_covariance": HiddenCovariance,  # zero-cost: Serianni & Kalita 2023
    "latency": Latency,  # of a batch of 1 and of 64
    "introspectability": Introspectability,  # as XNAS has it
}

# Those of a benchmark whose config names none. Another set would be another protocol of its trials.
DEFAULT = (
    "synflow",
    "jacobian_covariance",
    "hidden_covariance",
    "latency",
    "introspectability",
)


def cost_column(measure: str) -> Column:
    """Return the column that has what a measure took."""
    return Column(f"{measure}_s", "s", f"CPU time of the measure {measure}")


def table_columns() -> list[Column]:
    """Return the columns that table `trials` has of all measures here: values and cost."""
    return [
        column
        for name, measure in MEASURES.items()
        for column in (*measure.columns, cost_column(name))
    ]


__all__ = ["DEFAULT", "MEASURES", "Column", "Measure", "Subject", "cost_column", "table_columns"]
