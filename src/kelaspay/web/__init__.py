"""The HTTP face: which path runs which function, and nothing else."""
