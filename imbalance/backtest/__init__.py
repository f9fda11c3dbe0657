"""What followed a signal, against what follows any time: an event study, and how far chance explains it."""
