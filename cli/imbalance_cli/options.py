"""Options that every command takes, declared once and added to each command's signature."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imbalance.errors import UsageError
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS, SECOND_MS, parse_time_ms
from imbalance_cli.formats import SUFFIXES, Format

if TYPE_CHECKING:
    from imbalance.collect import Options

PICTURE_CELLS = 200
LONGEST_LOOKBACK_MS = 400 * DAY_MS
# No coin is, or was, outside; what is computed from a price far outside leaves what numbers can hold.
LOWEST_PRICE, HIGHEST_PRICE = 1e-12, 1e12
_SPAN = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)$")
_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
_UNITS_MS = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


@dataclass(frozen=True)
class Settings:
    """The shared options as given; None where neither flag, environment nor configuration says.

    `format` is the default: what a flag asked for is in `asked_format`.
    """

    symbol: str
    format: Format
    asked_format: Format | None
    output: Path | None
    venues: tuple[str, ...]
    replay: str | None
    record: Path | None
    bars: Path | None
    as_of: str | None
    interval: str
    lookback: str
    window: float
    bands: tuple[str, ...]
    timeout_s: float
    strict: bool
    max_age: str | None
    color: bool | None
    ascii: bool
    width: int | None
    quiet: bool
    verbose: bool
    debug: bool
    json_schema: bool
    horizon: str | None = None
    shock: str | None = None
    to: str | None = None
    columns: int | None = None
    bins: int | None = None
    probe: bool = False
    coin: str | None = None
    address: tuple[str, ...] = ()
    addresses: Path | None = None

    def service(self) -> Options:
        """Return the service's options, checked.

        Raises
        ------
        UsageError
            Naming the option whose value cannot be.
        """
        from imbalance.collect import Options

        if self.interval not in INTERVALS_MS:
            raise UsageError(f"--interval {self.interval!r} is not one of {', '.join(INTERVALS_MS)}")
        lookback_ms = span_ms("--lookback", self.lookback)
        if not INTERVALS_MS[self.interval] * 10 <= lookback_ms <= LONGEST_LOOKBACK_MS:
            raise UsageError("--lookback must hold at least ten bars and at most 400 days")
        if self.bars is not None and (self.replay is not None or self.record is not None):
            raise UsageError("--bars reads no network: it cannot be combined with --replay or --record")
        if self.as_of is not None and self.bars is None:
            raise UsageError("--as-of needs --bars: exchanges cannot be asked for the past as it was")
        return Options(
            symbol=self.symbol.upper(),
            venues=self.venues,
            replay=self.replay,
            record=self.record,
            bars=self.bars,
            as_of_ms=None if self.as_of is None else _time_ms(self.as_of),
            interval=self.interval,
            lookback_ms=lookback_ms,
            window_pct=self.window,
            bands=tuple(band(text) for text in self.bands),
            horizons_days=_horizons(self.horizon),
            shock=_shock(self.shock, self.to),
            columns=self.columns or PICTURE_CELLS,
            bins=self.bins or PICTURE_CELLS,
            to_price=None if self.to is None else _price("--to", self.to),
            timeout_s=self.timeout_s,
            strict=self.strict,
            probe=self.probe,
            accounts=accounts(self.address, self.addresses),
            max_age_s=None if self.max_age is None else span_ms("--max-age", self.max_age) / SECOND_MS,
        )


def span_ms(option: str, text: str) -> int:
    """Return a span such as 90s, 15m, 4h, 30d in milliseconds."""
    found = _SPAN.match(text.strip())
    length_ms = float(found[1]) * _UNITS_MS[found[2]] if found else math.inf
    if length_ms == math.inf:
        raise UsageError(f"{option} {text!r} is no span of time", "Write a number and s, m, h, d or w: 15m, 30d.")
    return round(length_ms)


def _named(text: str) -> str:
    if not text:
        raise typer.BadParameter("it is empty: name a file or folder")
    return text


def _path(text: str) -> Path:
    return Path(_named(text))


def band(text: str) -> tuple[float, float]:
    """Return a band LOW:HIGH of prices; K stands for thousands."""
    try:
        low, high = (_price("--band", part) for part in text.split(":"))
    except ValueError:
        raise UsageError(f"--band {text!r} is not LOW:HIGH", "Write two prices: 85000:92000 or 85K:92K.") from None
    if low >= high:
        raise UsageError(f"--band {text!r}: the low price must be below the high one")
    return low, high


def accounts(given: Sequence[str], file: Path | None) -> tuple[str, ...]:
    """Return the accounts of options and file, each once.

    Raises
    ------
    UsageError
        Naming the option or line that is no address.
    """
    named = [("--address", text) for text in given]
    if file is not None:
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--addresses {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
        bare = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)]
        named += [(f"{file}, line {number}", line) for number, line in bare if line]
    for where, text in named:
        if not _ADDRESS.match(text):
            raise UsageError(f"{where}: {text[:60]!r} is no address", "Write 0x and 40 hexadecimal digits.")
    return tuple(dict.fromkeys(text.lower() for _where, text in named))


def _shock(text: str | None, to: str | None) -> float | None:
    if text is None:
        return None
    if to is not None:
        raise UsageError("--shock and --to say the same thing: give one")
    try:
        return float(text.strip().removesuffix("%")) / 100
    except ValueError:
        raise UsageError(f"--shock {text!r} is no per cent", "Write +5% or -8%.") from None


def _price(option: str, text: str) -> float:
    plain = text.replace(",", "")
    try:
        value = float(plain[:-1]) * 1000 if plain[-1:] in {"k", "K"} else float(plain)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no price", "Write 85000 or 85K.") from None
    if not LOWEST_PRICE <= value <= HIGHEST_PRICE:
        raise UsageError(f"{option} {text!r}: a price lies between {LOWEST_PRICE:g} and {HIGHEST_PRICE:g}")
    return value


def _horizons(text: str | None) -> tuple[float, ...]:
    parts = text.split(",") if text else []
    return tuple(span_ms("--horizon", part) / DAY_MS for part in parts)


def _time_ms(text: str) -> int:
    try:
        return parse_time_ms(text)
    except (ValueError, OverflowError):
        message = f"--as-of {text!r} is neither ISO-8601 nor epoch milliseconds"
        raise UsageError(message, "Write 2026-01-30T12:00:00Z.") from None


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
                help=f"Write to a file, whole or not at all; {', '.join(SUFFIXES)} (heatmap) say the format.",
                rich_help_panel=_DRAW,
            ),
        ],
        None,
    ),
    "venue": (
        Annotated[
            list[str] | None,
            typer.Option("--venue", "-x", metavar="NAME", help="Only this venue (repeatable).", rich_help_panel=_READ),
        ],
        None,
    ),
    "replay": (
        Annotated[
            str | None,
            typer.Option(
                parser=_named,
                metavar="DIR|NAME",
                help="Serve a recording, or a bundled scenario.",
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
    "interval": (
        Annotated[
            str | None,
            typer.Option(metavar="BAR", help="Bar length, 1m to 1d.  [default: 15m]", rich_help_panel=_READ),
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
            Path | None,
            typer.Option(
                parser=_path,
                metavar="FILE",
                help="Run on your own table instead of the network.",
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
                help="Cut the bars there: nothing later counts.",
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
                metavar="PCT", help="Push the price by so much: +5%, -8%.  [default: +5%]", rich_help_panel=_READ
            ),
        ],
        None,
    ),
    "to": (
        Annotated[
            str | None, typer.Option("--to", metavar="PRICE", help="Push the price there.", rich_help_panel=_READ)
        ],
        None,
    ),
}
COIN: dict[str, tuple[Any, Any]] = {
    "coin": (
        Annotated[str | None, typer.Argument(metavar="[COIN]", help="Ignored: there is one index for all coins.")],
        None,
    ),
}
SYMBOL = Annotated[
    str,
    typer.Argument(metavar="[SYMBOL]", help="Base coin, such as BTC, ETH or SOL.  [default: BTC]", show_default=False),
]


def shared(
    *, symbol: bool = True, bars: bool = False, own: dict[str, tuple[Any, Any]] | None = None
) -> Callable[[Callable[[Settings], None]], Callable[..., None]]:
    """Give a command that takes `Settings` all shared options, and a symbol and bars where it has them."""
    declared: dict[str, tuple[Any, Any]] = {"symbol": (SYMBOL, "BTC")} if symbol else {}
    declared |= (own or {}) | (BARS if bars else {}) | _DECLARED

    def decorate(command: Callable[[Settings], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**given: Any) -> None:  # noqa: ANN401  what Typer parsed
            command(_settings(given))

        kind = inspect.Parameter.KEYWORD_ONLY
        wrapper.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(n, kind, default=default, annotation=a) for n, (a, default) in declared.items()]
        )
        wrapper.__annotations__ = {n: a for n, (a, _default) in declared.items()}
        del wrapper.__wrapped__
        return wrapper

    return decorate


def _agree(given: dict[str, Any]) -> None:
    """Raise a `UsageError` for flags that contradict each other."""
    for one, other in (("color", "no_color"), ("quiet", "verbose")):
        if given[one] and given[other]:
            raise UsageError(f"--{one} and --{other.replace('_', '-')} contradict each other: give one")
    for flag, is_given in (("--json", given["json_"]), ("--json-schema", given["json_schema"])):
        if is_given and given["format_"] not in {None, Format.JSON}:
            raise UsageError(f"{flag} and --format {given['format_']} contradict each other: give one")


def _settings(given: dict[str, Any]) -> Settings:
    from imbalance_cli.configuration import filled

    _agree(given)
    if given["no_color"]:
        given = given | {"color": False}
    chosen = filled(given)
    return Settings(
        symbol=given.get("symbol", "BTC"),
        format=Format(chosen["format"]),
        asked_format=Format.JSON if given["json_"] or given["json_schema"] else given["format_"],
        output=given["output"],
        venues=tuple(chosen["venue"] or ()),
        replay=given["replay"],
        record=given["record"],
        bars=given.get("bars"),
        as_of=given.get("as_of"),
        interval=chosen["interval"],
        lookback=chosen["lookback"],
        window=chosen["window"],
        bands=tuple(chosen["band"] or ()),
        timeout_s=chosen["timeout"],
        strict=chosen["strict"],
        max_age=chosen["max_age"],
        color=chosen["color"],
        ascii=chosen["ascii"],
        width=chosen["width"],
        quiet=given["quiet"],
        verbose=given["verbose"],
        debug=given["debug"],
        json_schema=given["json_schema"],
        horizon=given.get("horizon"),
        shock=given.get("shock"),
        to=given.get("to"),
        columns=given.get("columns"),
        bins=given.get("bins"),
        probe=given.get("probe", False),
        coin=given.get("coin"),
        address=tuple(given.get("address") or ()),
        addresses=given.get("addresses"),
    )
