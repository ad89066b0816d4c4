"""Stored results as a tabular benchmark: searches played on them, nothing trained."""
