"""The checkout that this package runs from: rules, licence and history, which no wheel holds."""

from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
