"""Measurements: `python -m bench` runs them all and prints the figures; each module runs by itself too."""
