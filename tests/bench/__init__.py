"""Figures of whole runs, printed beside their bars; ratios are taken within one run. Started by `make bench`."""
