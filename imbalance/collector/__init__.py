"""Collecting: liquidations as the venues print them, recorded in the local history for as long as one likes."""
