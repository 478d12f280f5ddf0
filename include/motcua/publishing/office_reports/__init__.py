"""Reports to the offices: what is wrong with their data, and what to do. It reads no personal column, and has none.

A page and a table behind each office's own address (`links`), and one digest by mail a day.
"""
