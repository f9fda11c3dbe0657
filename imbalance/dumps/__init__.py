"""Files that exchanges publish of their past: what each is called, and pure parsers of its content.

A parser takes the bytes of a file and returns columns; reading and checking thousands of them is what pandas is for, so
this package is imported where files are read alone.
"""
