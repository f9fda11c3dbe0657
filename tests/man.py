"""The manual page and the help as it is printed, made of the program's own: ``python -m tests.man`` writes both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from imbalance_cli.commands import whole

if TYPE_CHECKING:
    from click import Command, Group, Parameter

PAGE = Path(__file__).parents[1] / "cli" / "man" / "imbalance.1"
HELP = Path(__file__).parents[1] / "cli" / "imbalance_cli" / "help.txt"
FILES = """
.TP
.I config.toml
Defaults of options, in the user's configuration folder: \\fBimbalance config path\\fR tells where,
\\fBimbalance config init\\fR starts one.
.TP
.I history.db
What live runs read, in the user's data folder: \\fBimbalance db info\\fR tells what it holds.
"""
ENVIRONMENT = """
Every option that config.toml may hold is also read from a variable: IMBALANCE_INTERVAL, IMBALANCE_VENUE and so on.
Flags beat the environment, which beats the file.
.TP
.B IMBALANCE_COINGLASS_KEY, IMBALANCE_CRYPTOQUANT_KEY, IMBALANCE_COINALYZE_KEY
Keys of services that ask for one. None is needed.
.TP
.B IMBALANCE_BINANCE_URL
And so on for each source: where it is reached in place of its own address.
.TP
.B IMBALANCE_DB
Another file for the local history, or the address of a PostgreSQL database: postgresql://USER@HOST/NAME.
"""


def escaped(text: str) -> str:
    """Return text as roff: backslashes and hyphens as they are, no line that begins as a request."""
    text = text.replace("\\", "\\\\").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def _option(parameter: Parameter) -> str:
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    value = "" if getattr(parameter, "is_flag", False) else f" \\fI{escaped(parameter.metavar or 'VALUE')}\\fR"
    told = escaped(getattr(parameter, "help", "") or "")
    return f".TP\n\\fB{escaped(names)}\\fR{value}\n{told}\n"


def _own(command: Command, common: set[str]) -> list[Parameter]:
    return [p for p in command.params if p.param_type_name == "option" and p.name not in common]


def page() -> str:
    """Return the page."""
    group: Group = typer.main.get_command(whole())  # type: ignore[assignment]
    report = group.commands["report"]
    shared = {p.name for p in report.params}
    lines = [
        '.TH IMBALANCE 1 "" "imbalance" "User Commands"',
        ".SH NAME\nimbalance \\- who gets liquidated if price moves, how much, and on which side it is lopsided",
        ".SH SYNOPSIS\n.B imbalance\n.I COMMAND\n[\\fISYMBOL\\fR] [\\fIOPTIONS\\fR]",
        f".SH DESCRIPTION\n{escaped(' '.join((group.help or '').split()))}",
        ".SH COMMANDS",
    ]
    for name, command in group.commands.items():
        lines.append(f".TP\n.B {escaped(name)}\n{escaped((command.help or '').splitlines()[0])}")
        lines += [f".RS\n{_option(p)}.RE" for p in _own(command, shared)]
    lines += [".SH OPTIONS\nAfter any command that reads a market:"]
    lines += [_option(p).rstrip() for p in _own(report, set())]
    lines += [
        f".SH EXIT STATUS\n{escaped((group.epilog or '').removeprefix('Exit codes: '))}",
        f".SH ENVIRONMENT{ENVIRONMENT.rstrip()}",
        f".SH FILES{FILES.rstrip()}",
    ]
    return "\n".join(lines) + "\n"


def help_text() -> str:
    """Return the help of the program, 80 columns wide."""
    group = typer.main.get_command(whole())
    with group.make_context("imbalance", ["--help"], resilient_parsing=True, terminal_width=80) as context:
        return group.get_help(context) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    HELP.write_text(help_text())
