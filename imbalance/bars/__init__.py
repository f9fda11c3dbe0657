"""Bars files: bytes to a table, the table's cells, and what they are held against."""
