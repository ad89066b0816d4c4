"""What an architecture is judged by beside its fitness: the names, as settings and files have them.

All are minimised.
"""

FITNESS = "fitness"  # best validation loss
COUNTED = (  # from the genome alone; see `Space.count`
    "parameters",
    "multiply_adds",
    "network_parameters",
    "network_multiply_adds",
)
OBJECTIVES = (FITNESS, *COUNTED)
