"""The metrics table, the signals and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from imbalance import signals
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.records import LiquidationLevel, LongShort, OrderBook
from imbalance.report import mapping, tree, words
from imbalance.report.bars_sections import FROM_BARS
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest, in_time

DEPTH_WITHIN = 0.01
MOST_VOLUMES = 3
BY = "imbalance"


def quoted_bands(harvests: Sequence[Harvest], price: float) -> dict[str, tuple[float, tree.Band]]:
    """Return CoinGlass's sum and the span of its levels for each side of the price."""
    levels = [r for h in harvests for r in h.at(Kind.LIQUIDATION_MAP, LiquidationLevel) if r.usd > 0]
    found = {}
    for side, inside in (
        ("long", [r for r in levels if r.price < price]),
        ("short", [r for r in levels if r.price > price]),
    ):
        if inside:
            found[side] = (sum(r.usd for r in inside), (inside[0].price, inside[-1].price))
    return found


def _quoted(side: str, quotes: dict[str, tuple[float, tree.Band]], found: LiquidationMap) -> list[tree.Quoted]:
    if side not in quotes:
        return []
    value, band = quotes[side]
    own = mapping.band(found, *band)
    mine = own.short if side == "short" else own.long
    return [tree.Quoted("coinglass", value, band, mine.usd, mine.low, mine.high, mine.exposed_usd)]


def _risk_row(side: str, risk: tree.WindowRisk, as_of: str, quoted: list[tree.Quoted]) -> tree.Metric:
    mine = risk.short if side == "short" else risk.long
    pressure = "buying" if side == "short" else "selling"
    return tree.Metric(
        id=f"{side}_liquidation_risk",
        label=f"{side.capitalize()} liquidation risk",
        value=mine.usd,
        low=mine.low,
        high=mine.high,
        unit="usd",
        significance=f"{pressure} pressure {words.band(*mine.band)}" if mine.band else f"{pressure} pressure",
        detail=f"forced within {risk.window_pct:g} % of the price, out of {words.usd(mine.exposed_usd)} exposed",
        kind="estimated",
        source=BY,
        as_of=as_of,
        band=mine.band,
        quoted=quoted,
    )


def _ratio_row(risk: tree.WindowRisk, as_of: str) -> tree.Metric:
    told, more = "no ratio implied by the path", ""
    if risk.path_implied_ratio is not None and risk.lift is not None:
        told = f"price path implies {words.ratio(risk.path_implied_ratio)}"
        more = (
            f"{words.ratio(risk.lift)} times that ({words.ratio(risk.lift_low)}-{words.ratio(risk.lift_high)}); "
            "assumes equal leverage on both sides"
        )
    return tree.Metric(
        id="short_long_ratio",
        label=f"Short : long in {risk.window_pct:g} %",
        value=risk.ratio,
        low=risk.ratio_low,
        high=risk.ratio_high,
        unit="ratio",
        significance=told,
        detail=more,
        kind="estimated",
        source=BY,
        as_of=as_of,
    )


def _interest_row(interest: tree.OpenInterest, as_of: str, since: str) -> tree.Metric:
    change = interest.change
    told, more = since or "no long history", ""
    if change is not None:
        told = f"from {words.month(change.low_date)} low"
        more = f"{words.coins(change.now_base)} now on {change.of}"
        if change.source not in {change.of, FROM_BARS}:
            more += f", low by {words.name(change.source)}"
        more += f"; {since}" if since else ""
    return tree.Metric(
        id="open_interest_change",
        label=f"Open interest {'decrease' if change and change.value < 0 else 'increase'}",
        value=change.value if change else None,
        unit="fraction",
        significance=told,
        detail=more,
        kind="observed",
        source=change.source if change else "-",
        as_of=as_of,
    )


def _liquidations_row(seen: tree.Liquidations, as_of: str, since_then: str) -> tree.Metric:
    quoted_from = next((row.source for row in seen.observed if row.quoted and row.source in seen.of), None)
    doubtful = [row for row in seen.observed if row.doubtful]
    more = ""
    if seen.usd is None:
        told = "not known for 24 hours"
    elif seen.largest_since is not None and (seen.largest_since.date or not since_then):
        since = seen.largest_since
        told = (
            f"largest since {words.month(since.date)}" if since.date else f"largest since before {since.history_from}"
        )
        more = f"by {words.name(since.source)}"
    elif since_then:
        told, more = since_then, f"{'by' if quoted_from else 'on'} {', '.join(map(words.name, seen.of))}"
    else:
        told = f"{'by' if quoted_from else 'on'} {', '.join(map(words.name, seen.of))}"
        if seen.missing and not quoted_from:
            more = f"not seen: {', '.join(seen.missing)}"
    told += "".join(f"; {row.source}'s {words.usd(row.long_usd + row.short_usd)} is doubtful" for row in doubtful)
    return tree.Metric(
        id="liquidations_24h",
        label="Liquidations 24h",
        value=seen.usd,
        unit="usd",
        significance=told,
        detail=more,
        kind="observed",
        source=", ".join(seen.of) or "-",
        as_of=as_of,
        quoted_from=quoted_from,
    )


def mood_told(mood: tree.Sentiment | None) -> str:
    """Return the publisher's word, with its date where that is not today's."""
    if mood is None:
        return "not read"
    return f"{mood.label} on {mood.date}, not now: {mood.old}" if mood.old else mood.label


def rows(
    found: LiquidationMap,
    risk: tree.WindowRisk,
    interest: tree.OpenInterest,
    seen: tree.Liquidations,
    mood: tree.Sentiment | None,
    quotes: dict[str, tuple[float, tree.Band]],
    as_of: str,
    since: Mapping[str, str] = MappingProxyType({}),
) -> list[tree.Metric]:
    """Build the metrics table: both risks, their ratio, open interest, mood, liquidations.

    Parameters
    ----------
    since : what is told of figures against stored history, by the row's id.
    """
    return [
        _risk_row("short", risk, as_of, _quoted("short", quotes, found)),
        _risk_row("long", risk, as_of, _quoted("long", quotes, found)),
        _ratio_row(risk, as_of),
        _interest_row(interest, as_of, since.get("open_interest_change", "")),
        tree.Metric(
            id="fear_greed",
            label="Fear & Greed index",
            value=mood.value if mood else None,
            unit="index",
            significance=", ".join(filter(None, (mood_told(mood), since.get("fear_greed")))),
            kind="observed",
            source=mood.source if mood else "-",
            as_of=f"{mood.date}T00:00:00Z" if mood else as_of,
        ),
        _liquidations_row(seen, as_of, since.get("liquidations_24h", "")),
    ]


def gauges(
    harvests: Sequence[Harvest],
    found: LiquidationMap,
    price: tree.Price,
    funding: tree.Funding,
    volume: tree.Volume,
    quotes: dict[str, tuple[float, tree.Band]],
    since: Mapping[str, str] = MappingProxyType({}),
) -> list[tree.Signal]:
    """Build the signals: fall since the high, funding, volumes, positioning, depth, quoted bands."""
    days = f"{price.days_since_high:.0f}"
    fall = f"{words.fraction(price.change_since_high)} in {days} days from {words.price(price.high)}"
    result = [
        tree.Signal(
            "change_24h",
            "Price, 24 h",
            price.change_24h,
            "fraction",
            words.fraction(price.change_24h),
            group="Price",
            name="24 h",
        ),
        tree.Signal(
            "drawdown",
            "Price since its high",
            price.change_since_high,
            "fraction",
            f"{fall}; low {words.price(price.low)}",
            group="Price",
        ),
        tree.Signal(
            "funding_8h",
            "Funding, 8 h",
            funding.rate_8h,
            "fraction",
            ", ".join(filter(None, (words.fraction(funding.rate_8h, 3), since.get("funding_8h")))),
            group="Funding",
            name="8 h",
        ),
        *_volumes(volume, since.get("month_volume", "")),
    ]
    for harvest in harvests:
        shares = in_time([r for r in harvest.of(LongShort) if r.kind == "accounts"])
        if shares:
            value = shares[-1].long_share
            label = f"Accounts long, {harvest.name}"
            text = f"{value * 100:.0f} %"
            result.append(
                tree.Signal(
                    f"long_accounts_{harvest.name}", label, value, "fraction", text, "Accounts long", harvest.name
                )
            )
    result += _depth(harvests, found.price)
    if {"short", "long"} <= set(quotes):
        result.append(_unequal(found, quotes))
    return result


def _volumes(volume: tree.Volume, since: str) -> list[tree.Signal]:
    """Return the month's volume of all venues and of the largest."""
    if volume.total_month_usd is None:
        return []
    month = words.month(volume.month + "-01")
    group = f"{month.split()[0]} volume"
    told = words.usd(volume.total_month_usd)
    if volume.month_missing:
        told += f" without {', '.join(volume.month_missing)}, of which days are missing"
    told += f"; {since}" if since else ""
    rows = [tree.Signal("month_volume", f"{month} volume, all read", volume.total_month_usd, "usd", told, group)]
    for row in volume.venues[:MOST_VOLUMES]:
        if row.month_usd is not None:
            label = f"{month} volume, {row.name}"
            told = words.usd(row.month_usd)
            rows.append(tree.Signal(f"month_volume_{row.name}", label, row.month_usd, "usd", told, group, row.name))
    return rows


def _depth(harvests: Sequence[Harvest], price: float) -> list[tree.Signal]:
    rows = []
    for harvest in harvests:
        for book in harvest.of(OrderBook)[-1:]:
            middle = (book.bids[0][0] + book.asks[0][0]) / 2 if book.bids and book.asks else price
            sides = [signals.depth_usd(levels, middle, DEPTH_WITHIN) for levels in (book.bids, book.asks)]
            label = f"Book within 1 %, {harvest.name}"
            both = None if None in sides else sum(s for s in sides if s is not None)
            text = (
                f"bids {words.usd(sides[0])}, asks {words.usd(sides[1])}"
                if both is not None
                else "book too shallow to tell"
            )
            group = "Book within 1 %" if both is not None else ""
            rows.append(tree.Signal(f"depth_1pct_{harvest.name}", label, both, "usd", text, group, harvest.name))
    return rows


def _unequal(found: LiquidationMap, quotes: dict[str, tuple[float, tree.Band]]) -> tree.Signal:
    """Say what the quoted bands compare: they seldom lie at equal distances."""
    (short, above), (long, below) = quotes["short"], quotes["long"]
    own, path = found.ratio_between(above, below)
    near = (above[0] / found.price - 1, 1 - below[1] / found.price)
    return tree.Signal(
        "quoted_bands",
        "CoinGlass's bands",
        short / long if long else None,
        "ratio",
        f"short : long {words.ratio(short / long if long else None)} by CoinGlass, {words.ratio(own)} by us, "
        f"{words.ratio(path)} from the path alone; the bands start {near[0] * 100:.1f} % above and "
        f"{near[1] * 100:.1f} % below the price, so no two of these say which side is heavier",
    )
