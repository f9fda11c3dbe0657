"""The report tree and its builder: one typed result, from which every format is rendered."""
