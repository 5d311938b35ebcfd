"""`kelaspay bench`: the service measured beside what bounds it and beside what a user would pick instead, in one run on
one machine. Figures are ratios of medians of interleaved rounds, for machines are noisy; whoever is not measured is not
running, or idle.
"""
