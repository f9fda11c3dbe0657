"""Local history: what live runs read, kept in SQLite or, where a team shares one, in PostgreSQL.

Each row belongs to a series, which names source, venue, symbol and instrument. When it was learned stands with the row,
and what is known of a series, and what was asked for and is missing, are rows of their own: that a table has no
liquidations of an hour says nothing unless a span says that the hour is known.

Importing this package loads no database library; its modules do.
"""
