"""One trial: train a candidate, measure it, and write its record."""
