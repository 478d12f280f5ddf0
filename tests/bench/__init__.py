"""Figures of whole runs, printed beside their bars; ratios are taken within one run. Started by `make bench`.

What is measured of plugins is imported from where Airflow finds them.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "plugins"))
