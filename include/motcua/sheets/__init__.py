"""Files of rows (CSV, XLSX) to rows of text, read in a child process with bounds; knows no source and no dossier.

Nothing is imported here: the child starts with every file's first reading, and must start fast.
"""
