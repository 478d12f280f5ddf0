"""Everything on one machine: embedded PostgreSQL, the stand-in city and Airflow's four components, started and stopped.

It starts programs and reads what they publish; it imports neither motcua nor Airflow.
"""

from sandbox.stack.processes import StackError
from sandbox.stack.stack import Plan, Stack, running

__all__ = ["Plan", "Stack", "StackError", "running"]
