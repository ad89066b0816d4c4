"""Architectures as formulas: language, text, canonical form, and variation."""
