"""One short module a command: parse, call the service, render."""
