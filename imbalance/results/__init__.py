"""What the library returns: the engine's results, with a short print, as tables and as pictures."""
