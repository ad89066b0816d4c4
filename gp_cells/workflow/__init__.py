"""The steps of a run, from files to files, and what watches, predicts and repeats them."""
