"""Options that every command takes, declared once and added to each command's signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from imbalance_cli import completion
from imbalance_cli.formats import SUFFIXES, Format
from imbalance_cli.settings import Settings, settings_of


def _named(text: str) -> str:
    if not text:
        raise typer.BadParameter("it is empty: name a file or folder")
    return text


def _path(text: str) -> Path:
    return Path(_named(text))


_READ, _DRAW, _SAY = "Reading", "Writing", "Telling"
_DECLARED: dict[str, tuple[Any, Any]] = {
    "format_": (
        Annotated[
            Format | None,
            typer.Option(
                "--format",
                "-f",
                help="How to write the answer; may not contradict the suffix of --output.",
                rich_help_panel=_DRAW,
            ),
        ],
        None,
    ),
    "json_": (
        Annotated[bool, typer.Option("--json", help="Same as --format json.", rich_help_panel=_DRAW)],
        False,
    ),
    "output": (
        Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                parser=_path,
                metavar="FILE",
                help=f"Write to a file, whole or not at all; {', '.join(SUFFIXES)} say the format.",
                rich_help_panel=_DRAW,
            ),
        ],
        None,
    ),
    "venue": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--venue",
                "-x",
                metavar="NAME",
                help="Only this venue (repeatable).",
                autocompletion=completion.venues,
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "replay": (
        Annotated[
            str | None,
            typer.Option(
                parser=_named,
                metavar="DIR|NAME",
                autocompletion=completion.recordings,
                help="Replay a recording or bundled scenario instead of the network.",
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "record": (
        Annotated[
            Path | None,
            typer.Option(parser=_path, metavar="DIR", help="Store every response there.", rich_help_panel=_READ),
        ],
        None,
    ),
    "no_store": (
        Annotated[
            bool | None,
            typer.Option("--no-store", help="Save nothing of this run in the local history.", rich_help_panel=_READ),
        ],
        None,
    ),
    "interval": (
        Annotated[
            str | None,
            typer.Option(
                metavar="BAR",
                help="Bar length, 1m to 1d.  [default: 15m]",
                autocompletion=completion.intervals,
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "lookback": (
        Annotated[
            str | None,
            typer.Option(metavar="SPAN", help="How far back to read.  [default: 30d]", rich_help_panel=_READ),
        ],
        None,
    ),
    "window": (
        Annotated[
            float | None,
            typer.Option(metavar="PCT", help="Window of the risk, per cent.  [default: 15]", rich_help_panel=_DRAW),
        ],
        None,
    ),
    "band": (
        Annotated[
            list[str] | None,
            typer.Option(
                metavar="LOW:HIGH",
                help="Also estimate this band of prices (repeatable).",
                rich_help_panel=_DRAW,
            ),
        ],
        None,
    ),
    "timeout": (
        Annotated[
            float | None,
            typer.Option(metavar="SECONDS", help="Deadline of each source.  [default: 15]", rich_help_panel=_READ),
        ],
        None,
    ),
    "strict": (
        Annotated[bool | None, typer.Option("--strict", help="Exit 5 if any source fails.", rich_help_panel=_READ)],
        None,
    ),
    "max_age": (
        Annotated[
            str | None,
            typer.Option(metavar="SPAN", help="Exit 4 if the data is older.", rich_help_panel=_READ),
        ],
        None,
    ),
    "color": (
        Annotated[bool | None, typer.Option("--color", help="Colour, wherever it goes.", rich_help_panel=_DRAW)],
        None,
    ),
    "no_color": (
        Annotated[bool, typer.Option("--no-color", help="No colour.", rich_help_panel=_DRAW)],
        False,
    ),
    "ascii_": (
        Annotated[bool | None, typer.Option("--ascii", help="ASCII characters only.", rich_help_panel=_DRAW)],
        None,
    ),
    "width": (
        Annotated[
            int | None,
            typer.Option(metavar="COLUMNS", min=40, help="Columns to fill.", rich_help_panel=_DRAW),
        ],
        None,
    ),
    "json_schema": (
        Annotated[bool, typer.Option("--json-schema", help="Print the JSON schema and stop.", rich_help_panel=_DRAW)],
        False,
    ),
    "quiet": (
        Annotated[
            bool,
            typer.Option("--quiet", "-q", help="On stderr errors alone: no progress, no gaps.", rich_help_panel=_SAY),
        ],
        False,
    ),
    "verbose": (
        Annotated[
            bool,
            typer.Option(
                "--verbose", "-v", help="Show all there is; requests and spans of each source.", rich_help_panel=_SAY
            ),
        ],
        False,
    ),
    "debug": (
        Annotated[bool, typer.Option("--debug", help="Tracebacks of bugs.", rich_help_panel=_SAY)],
        False,
    ),
}
BARS: dict[str, tuple[Any, Any]] = {
    "bars": (
        Annotated[
            str | None,
            typer.Option(
                parser=_named,
                metavar="FILE|URL",
                help="Run on your own table or folder instead of the network.",
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "as_of": (
        Annotated[
            str | None,
            typer.Option(
                "--as-of",
                metavar="TIME",
                help="Ignore what ended, or was learned, after this time.",
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
}
HORIZON: dict[str, tuple[Any, Any]] = {
    "horizon": (
        Annotated[
            str | None,
            typer.Option(metavar="SPANS", help="Also score maps kept for 1d,3d,7d.", rich_help_panel=_READ),
        ],
        None,
    ),
}
CELLS: dict[str, tuple[Any, Any]] = {
    name: (
        Annotated[
            int | None,
            typer.Option(metavar="N", min=1, max=5000, help=f"{what}.  [default: 200]", rich_help_panel=_DRAW),
        ],
        None,
    )
    for name, what in (("columns", "Columns of time"), ("bins", "Bins of price"))
}
DRAWING: dict[str, tuple[Any, Any]] = {
    "dark": (
        Annotated[bool, typer.Option("--dark", help="Draw the picture on a dark ground.", rich_help_panel=_DRAW)],
        False,
    ),
}
ACCOUNTS: dict[str, tuple[Any, Any]] = {
    "address": (
        Annotated[
            list[str] | None,
            typer.Option("--address", metavar="0x...", help="An account (repeatable).", rich_help_panel=_READ),
        ],
        None,
    ),
    "addresses": (
        Annotated[
            Path | None,
            typer.Option(
                parser=_path, metavar="FILE", help="Accounts, one a line; # starts a comment.", rich_help_panel=_READ
            ),
        ],
        None,
    ),
}
PROBE: dict[str, tuple[Any, Any]] = {
    "probe": (
        Annotated[bool, typer.Option("--probe", help="Check whether each source responds.", rich_help_panel=_READ)],
        False,
    ),
}
PUSH: dict[str, tuple[Any, Any]] = {
    "shock": (
        Annotated[
            str | None,
            typer.Option(
                metavar="PCT", help="Move the price by this much: +5%, -8%.  [default: +5%]", rich_help_panel=_READ
            ),
        ],
        None,
    ),
    "to": (
        Annotated[
            str | None, typer.Option("--to", metavar="PRICE", help="Move the price there.", rich_help_panel=_READ)
        ],
        None,
    ),
}
CHECK: dict[str, tuple[Any, Any]] = {
    "when": (
        Annotated[
            str | None,
            typer.Option("--when", metavar="EXPR", help="What to wait for: 'ratio.low > 1 and fear_greed <= 20'."),
        ],
        None,
    ),
    "alert": (
        Annotated[
            str | None, typer.Option("--alert", metavar="NAME", help="Wait for what the configuration calls so.")
        ],
        None,
    ),
    "cooldown": (
        Annotated[str | None, typer.Option("--cooldown", metavar="SPAN", help="Once true, stay quiet this long: 6h.")],
        None,
    ),
    "notify": (
        Annotated[
            list[str] | None,
            typer.Option("--notify", metavar="URL", help="Tell there when true, through Apprise (repeatable)."),
        ],
        None,
    ),
    "nagios": (
        Annotated[bool, typer.Option("--nagios", help="Answer in one line, and exit with 0, 2 or 3, as Nagios wants.")],
        False,
    ),
    "list_figures": (
        Annotated[bool, typer.Option("--list", help="Name every figure that a condition may hold.")],
        False,
    ),
}
WATCH: dict[str, tuple[Any, Any]] = {
    "every": (
        Annotated[
            str | None, typer.Option("--every", metavar="SPAN", help="How often to look, 10s at least.  [default: 1m]")
        ],
        None,
    ),
    "rounds": (
        Annotated[int | None, typer.Option("--rounds", metavar="N", min=1, help="End after so many looks.")],
        None,
    ),
}


def _coins(told: str) -> tuple[Any, Any]:
    argument = typer.Argument(metavar="[SYMBOL]...", help=told, show_default=False, autocompletion=completion.coins)
    return Annotated[list[str] | None, argument], None


SCAN: dict[str, tuple[Any, Any]] = {
    "symbols": _coins("Base coins; without any, the 10 largest."),
    "top": (
        Annotated[int | None, typer.Option("--top", metavar="N", min=1, help="The N largest coins.  [default: 10]")],
        None,
    ),
    "all_coins": (Annotated[bool, typer.Option("--all", help="Every coin that a venue lists.")], False),
    "by": (
        Annotated[
            str | None,
            typer.Option("--by", metavar="WHAT", help="Largest by open-interest or volume.  [default: open-interest]"),
        ],
        None,
    ),
    "sort": (
        Annotated[
            str | None,
            typer.Option("--sort", metavar="COLUMN", help="Largest figure first; -COLUMN: smallest first."),
        ],
        None,
    ),
    "when": (
        Annotated[
            str | None,
            typer.Option("--when", metavar="EXPR", help="Only coins of which this is true, as in check."),
        ],
        None,
    ),
}
COINS_OF_BARS: dict[str, tuple[Any, Any]] = {
    "symbols": _coins("Base coins; without any, all that there are."),
}
FOLDERS: dict[str, tuple[Any, Any]] = {
    "bars": (
        Annotated[
            str | None,
            typer.Option(
                parser=_named,
                metavar="FOLDER|URL",
                help="Bars by coin and month; the local history where none is given.",
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "output": (
        Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                parser=_path,
                metavar="FOLDER",
                help="Fill this folder; a later run goes on where this one ended.",
                rich_help_panel=_DRAW,
            ),
        ],
        None,
    ),
}
ALL_OF_BARS: dict[str, tuple[Any, Any]] = {
    "all_": (
        Annotated[
            bool,
            typer.Option("--all", help="Every coin of the folder, or of the local history.", rich_help_panel=_READ),
        ],
        False,
    ),
}
COINS: dict[str, tuple[Any, Any]] = {
    "symbols": _coins("Base coin; several: of a folder of bars, or stored.  [default: BTC]"),
} | ALL_OF_BARS
EVERY: dict[str, tuple[Any, Any]] = {
    "step": (Annotated[str | None, typer.Option("--every", metavar="SPAN", help="1h or 1d.  [default: 1d]")], None),
}
WORK: dict[str, tuple[Any, Any]] = {
    "jobs": (
        Annotated[
            int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes.  [default: as many as cores]")
        ],
        None,
    ),
    "cluster": (
        Annotated[str | None, typer.Option("--cluster", metavar="tcp://HOST:8786", help="Run on a Dask scheduler.")],
        None,
    ),
}
COIN: dict[str, tuple[Any, Any]] = {
    "coin": (
        Annotated[str | None, typer.Argument(metavar="[COIN]", help="Ignored: there is one index for all coins.")],
        None,
    ),
}
# The signals that have events; the library, which has them too, loads only when a command runs.
EVENTS = (
    "sweep", "sweep-high", "spring", "upthrust", "new-longs", "short-covering", "new-shorts", "long-exit", "fear",
    "greed", "rally", "fall",
)  # fmt: skip
STUDY: dict[str, tuple[Any, Any]] = {
    "signal": (
        Annotated[
            str,
            typer.Argument(metavar="SIGNAL", help=f"One of {', '.join(EVENTS)}.", autocompletion=completion.signals),
        ],
        ...,
    ),
    "symbols": (
        Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[SYMBOL]...",
                help="Base coins, of one folder or in the order of --bars.",
                autocompletion=completion.coins,
            ),
        ],
        None,
    ),
    "files": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--bars",
                parser=_named,
                metavar="FILE|URL",
                help="Your own table or folder (repeatable); the local history where none is given.",
                rich_help_panel=_READ,
            ),
        ],
        None,
    ),
    "as_of": BARS["as_of"],
} | ALL_OF_BARS
# What a study of bars that are known has no use for.
NOT_ASKING = frozenset(
    {"venue", "replay", "record", "no_store", "lookback", "window", "band", "timeout", "strict", "max_age"}
)
# Maps of the past have a span of their own, and a place of their own to go to.
NOT_MAPPING = (NOT_ASKING | {"output"}) - {"lookback"}
SYMBOL = Annotated[
    str,
    typer.Argument(
        metavar="[SYMBOL]",
        help="Base coin, such as BTC, ETH or SOL.  [default: BTC]",
        show_default=False,
        autocompletion=completion.coins,
    ),
]


COLLECT: dict[str, tuple[Any, Any]] = {
    "symbols": (
        Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[SYMBOL]...", help="Base coins, such as BTC ETH SOL.", autocompletion=completion.coins
            ),
        ],
        None,
    ),
    "all_": (
        Annotated[bool, typer.Option("--all", help="Every coin that a venue lists.", rich_help_panel=_READ)],
        False,
    ),
    "once": (
        Annotated[
            bool,
            typer.Option(
                "--once",
                help="Stop after one round: each stream has been subscribed or has failed, each snapshot is taken.",
                rich_help_panel=_READ,
            ),
        ],
        False,
    ),
    "for_": (
        Annotated[
            str | None,
            typer.Option(
                "--for", metavar="SPAN", help="Stop after 10m, 6h, 1d; else at a signal.", rich_help_panel=_READ
            ),
        ],
        None,
    ),
    "snapshots": (
        Annotated[
            bool,
            typer.Option(
                "--snapshots",
                help="Also read open interest and mark price each minute.",
                rich_help_panel=_READ,
            ),
        ],
        False,
    ),
}
# What reading streams has no use for.
NOT_COLLECTING = frozenset({"replay", "record", "no_store", "interval", "lookback", "window", "band", "max_age"})


def shared(
    *,
    symbol: bool = True,
    bars: bool = False,
    own: dict[str, tuple[Any, Any]] | None = None,
    without: frozenset[str] = frozenset(),
) -> Callable[[Callable[[Settings], None]], Callable[..., None]]:
    """Give a command that takes `Settings` the shared options, and a symbol and bars where it has them."""
    declared: dict[str, tuple[Any, Any]] = {"symbol": (SYMBOL, None)} if symbol else {}
    declared |= (own or {}) | (BARS if bars else {})
    declared |= {name: option for name, option in _DECLARED.items() if name not in without}
    left_out = {name: _DECLARED[name][1] for name in without}

    def decorate(command: Callable[[Settings], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**given: Any) -> None:  # noqa: ANN401  what Typer parsed
            command(settings_of(left_out | given))

        kind = inspect.Parameter.KEYWORD_ONLY
        wrapper.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(n, kind, default=default, annotation=a) for n, (a, default) in declared.items()]
        )
        wrapper.__annotations__ = {n: a for n, (a, _default) in declared.items()}
        del wrapper.__wrapped__
        return wrapper

    return decorate
