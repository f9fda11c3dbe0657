"""``python -m imbalance``: the same as the command."""

from imbalance_cli.app import program

if __name__ == "__main__":
    program()
