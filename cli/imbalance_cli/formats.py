"""What an answer can be written as, and what the suffix of a file says of it: one table for all commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from imbalance.errors import UsageError


class Format(StrEnum):
    """How a document is written."""

    TABLE = "table"
    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"


class Picture(StrEnum):
    """How a document is drawn."""

    PNG = "png"
    SVG = "svg"


# What each suffix may hold; the first is written where --format does not say.
SUFFIXES: dict[str, tuple[Format | Picture, ...]] = {
    ".txt": (Format.TEXT, Format.TABLE),
    ".json": (Format.JSON,),
    ".csv": (Format.CSV,),
    ".md": (Format.MARKDOWN,),
    ".html": (Format.HTML,),
    ".htm": (Format.HTML,),
    ".png": (Picture.PNG,),
    ".svg": (Picture.SVG,),
}
DRAWN: dict[str, frozenset[Picture]] = dict.fromkeys(("heatmap", "clusters", "validate"), frozenset(Picture))
# Formats that are not written: an answer under such a name would be taken for what it is not.
UNWRITTEN = frozenset({
    ".avif", ".bmp", ".docx", ".eps", ".feather", ".gif", ".gz", ".jpeg", ".jpg", ".ndjson",
    ".ods", ".parquet", ".pdf", ".pkl", ".ps", ".rst", ".tif", ".tiff", ".toml", ".tsv", ".webp", ".xls", ".xlsx",
    ".xml", ".yaml", ".yml", ".zip", ".zst",
})  # fmt: skip


def writable(command: str) -> str:
    """Return the suffixes that a command can write, in words."""
    drawn = DRAWN.get(command, frozenset())
    return ", ".join(s for s, kinds in SUFFIXES.items() if isinstance(kinds[0], Format) or kinds[0] in drawn)


def chosen(command: str, output: Path | None, asked: Format | None, default: Format) -> Format | Picture:
    """Return how to write a command's answer: `asked` by option, else as the file is called, else the default.

    Raises
    ------
    UsageError
        If the file's suffix contradicts what was asked, or names what the command does not write.
    """
    suffix = output.suffix.lower() if output is not None else ""
    kinds = SUFFIXES.get(suffix, ())
    if suffix in UNWRITTEN:
        raise UsageError(f"--output {output}: {suffix} is not written", f"{command} writes {writable(command)}.")
    if asked is not None and kinds and asked not in kinds:
        raise UsageError(f"--output {output} contradicts --format {asked}", "Give one of the two, or make them agree.")
    if kinds and isinstance(kinds[0], Picture) and kinds[0] not in DRAWN.get(command, ()):
        raise UsageError(f"--output {output}: {command} draws no picture", f"It writes {writable(command)}.")
    return asked or (kinds[0] if kinds else default)
