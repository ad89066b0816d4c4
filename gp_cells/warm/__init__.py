"""A warm start: commands run in forks of a process that has imported torch once.

One server a Snakemake, started by the Snakefile on this machine alone; `client` asks it, `server` answers,
`request` is what they say to each other. Wherever anything does not fit, the command runs by itself.
"""
