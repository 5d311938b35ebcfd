"""Programs for whoever works on Kelaspay; no part of what is installed."""
