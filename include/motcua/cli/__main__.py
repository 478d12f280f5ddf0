"""`python -m motcua.cli`."""

from motcua.cli import main

main()
