"""Files that exchanges publish of their past: what each is called, and pure parsers of what it holds."""
