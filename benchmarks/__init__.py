"""Measurements: ratios taken side by side in one run. Each folder has a README, a program and what it printed last."""
