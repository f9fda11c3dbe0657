"""Filling the store with the past: what is missing of each series, read from files and APIs, page by page.

What is asked for is told by the spans that the store has: a file or page of which all is known, or was found missing,
is not asked for again. Its rows and the spans that they cover are stored in one transaction, so that a run which is
killed at any moment goes on where it was.
"""
