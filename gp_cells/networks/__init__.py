"""From formulas to fast torch modules. Importing this package imports no torch."""
