"""The command line: every stage without Airflow. Output is for people (or `--json`); logs go to standard error."""

from motcua.cli.entry import main

__all__ = ["main"]
