"""The options of a command as given, and what the library is asked with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from imbalance.errors import UsageError
from imbalance.units import DAY_MS, INTERVALS_MS, SECOND_MS
from imbalance_cli import context, values
from imbalance_cli.formats import Format

if TYPE_CHECKING:
    from imbalance.collect import Options
    from imbalance.collector.options import Options as CollectionOptions

PICTURE_CELLS = 200
LONGEST_LOOKBACK_MS = 400 * DAY_MS


class Settings(msgspec.Struct, frozen=True):
    """The shared options as given; None where neither flag, environment nor configuration says.

    `format` is the default: what a flag asked for is in `asked_format`, and a symbol that was given in `asked_symbol`.
    """

    symbol: str
    format: Format
    asked_format: Format | None
    output: Path | None
    venues: tuple[str, ...]
    replay: str | None
    record: Path | None
    bars: str | None
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
    no_store: bool
    horizon: str | None = None
    shock: str | None = None
    to: str | None = None
    columns: int | None = None
    bins: int | None = None
    dark: bool = False
    probe: bool = False
    coin: str | None = None
    address: tuple[str, ...] = ()
    addresses: Path | None = None
    signal: str = ""
    files: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    every_coin: bool = False
    once: bool = False
    duration: str | None = None
    snapshots: bool = False
    when: str | None = None
    alert: str | None = None
    asked_symbol: str | None = None
    cooldown: str | None = None
    nagios: bool = False
    notify: tuple[str, ...] = ()
    list_figures: bool = False
    every: str = "1m"
    rounds: int | None = None
    top: int | None = None
    all_coins: bool = False
    by: str = "open-interest"
    sort: str | None = None
    step: str = "1d"
    jobs: int | None = None
    cluster: str | None = None

    def screen(self, *, to_file: bool = False) -> context.Screen:
        """Return the screen that the options and the terminal make."""
        return context.screen(
            width=self.width, color=self.color, ascii_only=self.ascii, to_file=to_file, full=self.verbose
        )

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
        lookback_ms = values.span_ms("--lookback", self.lookback)
        if not INTERVALS_MS[self.interval] * 10 <= lookback_ms <= LONGEST_LOOKBACK_MS:
            raise UsageError("--lookback must hold at least ten bars and at most 400 days")
        if self.bars is not None and (self.replay is not None or self.record is not None):
            raise UsageError("--bars reads no network: it cannot be combined with --replay or --record")
        if (
            self.as_of is not None
            and self.bars is None
            and not self.signal
            and (self.no_store or self.replay or self.record)
        ):
            raise UsageError(
                "--as-of needs local history or --bars: exchanges cannot be asked for the past as it was",
                "Give it without --no-store, --replay and --record.",
            )
        return Options(
            symbol=self.symbol.upper(),
            venues=self.venues,
            replay=self.replay,
            record=self.record,
            bars=self.bars,
            as_of_ms=None if self.as_of is None else values.time_ms(self.as_of),
            interval=self.interval,
            lookback_ms=lookback_ms,
            window_pct=self.window,
            bands=tuple(values.band(text) for text in self.bands),
            horizons_days=values.horizons(self.horizon),
            shock=values.shock(self.shock, self.to),
            columns=self.columns or PICTURE_CELLS,
            bins=self.bins or PICTURE_CELLS,
            to_price=None if self.to is None else values.price("--to", self.to),
            timeout_s=self.timeout_s,
            strict=self.strict,
            probe=self.probe,
            when=self.when,
            alert=self.alert,
            top=self.top,
            by=self.by,
            sort=self.sort,
            accounts=values.accounts(self.address, self.addresses),
            signal=self.signal,
            symbols=tuple(symbol.upper() for symbol in self.symbols),
            every_coin=self.every_coin,
            files=self.files,
            max_age_s=None if self.max_age is None else values.span_ms("--max-age", self.max_age) / SECOND_MS,
        )

    def collection(self) -> CollectionOptions:
        """Return what to collect, checked.

        Raises
        ------
        UsageError
            Naming the option whose value cannot be.
        """
        from imbalance.collector.options import Options

        if self.every_coin == bool(self.symbols):
            raise UsageError("name the coins to collect, or give --all", "Such as: imbalance collect BTC ETH.")
        for_s = None if self.duration is None else values.span_ms("--for", self.duration) / SECOND_MS
        if for_s == 0:
            raise UsageError("--for must be longer than nothing")
        return Options(
            symbols=tuple(dict.fromkeys(symbol.upper() for symbol in self.symbols)),
            venues=self.venues,
            once=self.once,
            for_s=for_s,
            snapshots=self.snapshots,
            strict=self.strict,
            timeout_s=self.timeout_s,
        )


def _agree(given: dict[str, Any]) -> None:
    """Raise a `UsageError` for flags that contradict each other."""
    for one, other in (("color", "no_color"), ("quiet", "verbose")):
        if given[one] and given[other]:
            raise UsageError(f"--{one} and --{other.replace('_', '-')} contradict each other: give one")
    for flag, is_given in (("--json", given["json_"]), ("--json-schema", given["json_schema"])):
        if is_given and given["format_"] not in {None, Format.JSON}:
            raise UsageError(f"{flag} and --format {given['format_']} contradict each other: give one")


def settings_of(given: dict[str, Any]) -> Settings:
    """Return the settings of what Typer parsed, filled in from the environment and the configuration."""
    from imbalance_cli.configuration import filled

    _agree(given)
    if given["no_color"]:
        given = given | {"color": False}
    chosen = filled(given)
    return Settings(
        symbol="BTC" if given.get("symbol") is None else given["symbol"],
        asked_symbol=given.get("symbol"),
        format=Format(chosen["format"]),
        asked_format=Format.JSON if given["json_"] or given["json_schema"] else given["format_"],
        # As everywhere, - is stdout.
        output=None if given["output"] == Path("-") else given["output"],
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
        no_store=chosen["no_store"],
        horizon=given.get("horizon"),
        shock=given.get("shock"),
        to=given.get("to"),
        columns=given.get("columns"),
        bins=given.get("bins"),
        dark=given.get("dark", False),
        probe=given.get("probe", False),
        coin=given.get("coin"),
        address=tuple(given.get("address") or ()),
        addresses=given.get("addresses"),
        signal=given.get("signal", ""),
        files=tuple(given.get("files") or ()),
        symbols=tuple(given.get("symbols") or ()),
        every_coin=given.get("all_", False),
        once=given.get("once", False),
        duration=given.get("for_"),
        snapshots=given.get("snapshots", False),
        when=given.get("when"),
        alert=given.get("alert"),
        cooldown=given.get("cooldown"),
        nagios=given.get("nagios", False),
        notify=tuple(given.get("notify") or ()),
        list_figures=given.get("list_figures", False),
        every=given.get("every") or "1m",
        rounds=given.get("rounds"),
        top=given.get("top"),
        all_coins=given.get("all_coins", False),
        by=given.get("by") or "open-interest",
        sort=given.get("sort"),
        step=given.get("step") or "1d",
        jobs=given.get("jobs"),
        cluster=given.get("cluster"),
    )
