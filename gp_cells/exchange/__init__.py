"""What comes in from other benchmarks and what goes out to others: cells, networks, releases."""
