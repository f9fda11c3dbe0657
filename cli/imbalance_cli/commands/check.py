"""Hold a condition against the market: for cron, monitoring and alerts."""

from __future__ import annotations

import decimal
from typing import TYPE_CHECKING

import msgspec
import typer

from imbalance.errors import MissingDataError, UsageError
from imbalance.units import DAY_MS, iso
from imbalance_cli import configuration, context, cooldown, notifying, safe, values
from imbalance_cli.commands.run import run
from imbalance_cli.exits import Exit
from imbalance_cli.options import CHECK, shared
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    import apprise

    from imbalance.report.tree import CheckReport, Document

LONGEST_COOLDOWN_MS = 400 * DAY_MS
FIGURE_DIGITS = 6


@shared(bars=True, own=CHECK)
def check(settings: Settings) -> None:
    """Wait for a condition: exit 10 when true, 0 when false."""
    settings = _of_alert(settings)
    if settings.list_figures or settings.json_schema:
        if settings.when is not None:
            raise UsageError("--list and --json-schema need no condition")
        run("check", settings)
        return
    _require_answerable(settings)
    ways = notifying.addressed(settings.notify)
    span_ms = _cooldown_ms(settings.cooldown)
    known = _asked(settings)
    found: list[CheckReport] = []
    reached: list[bool] = []

    def judged(document: Document) -> bool:
        """Keep the answer, told whether it was told before; there is nothing to write of what is quiet."""
        from imbalance.report import tree

        if not isinstance(document, tree.CheckReport):
            raise TypeError(type(document))
        found.append(document)
        last_ms = cooldown.told_ms(known) if span_ms else None
        if document.holds and last_ms is not None and last_ms <= context.now_ms() < last_ms + span_ms:
            document.quiet_until = iso(last_ms + span_ms)
        fires = document.holds is True and document.quiet_until is None
        reached.append(fires and _notified(document, ways))  # first: it does not hang on who reads stdout
        return not settings.nagios and document.holds is not None and (fires or not settings.quiet)

    run("check", settings, judged)
    document = found[0]
    if settings.nagios and document.holds is not None:
        context.answer(_line(document) + "\n")
    if document.holds is None:
        raise MissingDataError(f"whether {document.when} is not known", "\n".join(_missing(document)))
    if document.holds and document.quiet_until is None:
        if span_ms and reached[0]:
            _note(known)
        raise typer.Exit(Exit.TRUE)


def _require_answerable(settings: Settings) -> None:
    if settings.when is None:
        raise UsageError("nothing to wait for", "Give --when EXPR or --alert NAME; --list names every figure.")
    if settings.nagios and (settings.output is not None or settings.asked_format is not None):
        raise UsageError("--nagios answers in its one line on stdout: it takes no --output, --format or --json")


def _cooldown_ms(span: str | None) -> int:
    span_ms = 0 if span is None else values.span_ms("--cooldown", span)
    if span_ms > LONGEST_COOLDOWN_MS:
        raise UsageError(f"--cooldown {span}: at most 400 days are kept")
    return span_ms


def _asked(settings: Settings) -> str:
    """Return what is waited for, where: what is true of a recording was never told of the market."""
    where = (settings.replay, settings.bars, settings.venues, settings.window, settings.interval, settings.lookback)
    return f"{settings.alert} {settings.symbol.upper()} {settings.when} {where}"


def _of_alert(settings: Settings) -> Settings:
    """Return the settings with what the configuration says of the alert that is named."""
    if settings.alert is None:
        return settings
    if settings.when is not None:
        raise UsageError("--when and --alert say the same thing: give one")
    found = configuration.alert(settings.alert)
    symbol = found.get("symbol", settings.symbol)
    if settings.asked_symbol is not None and settings.asked_symbol.upper() != symbol.upper():
        raise UsageError(f"alert {settings.alert} is about {symbol}, not {settings.asked_symbol}")
    return msgspec.structs.replace(
        settings,
        symbol=symbol,
        when=found["when"],
        cooldown=settings.cooldown or found.get("cooldown"),
        notify=settings.notify or tuple(found.get("notify", ())),
    )


def _missing(document: CheckReport) -> list[str]:
    return [f"{figure.name}: {figure.missing}" for figure in document.figures if figure.missing]


def _line(document: CheckReport) -> str:
    """Return the one line that Nagios shows, with the figures as its performance data."""
    from imbalance.report import words
    from imbalance_cli.render.plain import where

    state = "CRITICAL" if document.holds and document.quiet_until is None else "OK"
    told = f"{document.when} is {'true' if document.holds else 'false'}"
    quiet = f", told before and quiet until {document.quiet_until}" if document.quiet_until else ""
    read = ", ".join(f"{f.name} {words.figure(f.value, f.unit)}" for f in document.figures)
    data = " ".join(f"{f.name}={_plain(f.value)}" for f in document.figures if isinstance(f.value, float | int))
    line = safe.line(f"IMBALANCE {state} - {document.symbol}{where(document)}: {told}{quiet}; {read}")
    return line.replace("|", "/") + (f" | {data}" if data else "")


def _plain(value: float) -> str:
    """Return a number without an exponent: monitors read digits and a point alone."""
    return format(decimal.Decimal(f"{value:.{FIGURE_DIGITS}g}"), "f")


def _notified(document: CheckReport, ways: list[apprise.Apprise]) -> bool:
    """Tell the addresses; return whether any of them was told, or there are none."""
    from imbalance_cli.formats import Format
    from imbalance_cli.render import render

    screen = context.screen(width=None, color=False, ascii_only=False, to_file=True)
    title = f"imbalance: {document.symbol}: {document.alert or document.when}"
    failed = notifying.told(ways, safe.line(title), render(document, Format.TEXT, screen)) if ways else []
    for number in failed:
        context.say(f"imbalance: --notify: address {number} could not be told")
    return not ways or len(failed) < len(ways)


def _note(known: str) -> None:
    """Keep what was told quiet from now on."""
    now_ms = context.now_ms()
    try:
        cooldown.note(known, now_ms, now_ms - LONGEST_COOLDOWN_MS)
    except OSError as error:
        context.say(f"imbalance: note: the cooldown is not kept: {error.strerror}")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("check")(check)
