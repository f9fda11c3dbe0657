"""The command line of imbalance: arguments in, rendered report out."""
