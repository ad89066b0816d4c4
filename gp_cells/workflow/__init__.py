"""The steps of a run, from files to files, and what watches, predicts and repeats them."""

# In the order of the workflow; each is a rule, and `gp-cells step` by the same name.
STEPS = {
    "prepare": "Read a task's source and write its splits.",
    "settings": "Write a run's settings with all defaults, and the part of them that its trials read.",
    "breed": "Propose a wave's genomes.",
    "train": "Train one candidate.",
    "score": "Add a wave's outcomes to the history.",
    "replicate": "Write what the finalists' trials are to do.",
    "conclude": "Choose each finalist's learning rate.",
    "test": "Measure the chosen trials on the test split.",
    "tabulate": "Write a run's tables.",
    "compare": "Compare the cells and strategies of a benchmark's runs.",
    "report": "Write the report of a benchmark.",
    "digest": "Write a comparison's table and figure for a README.",
}
