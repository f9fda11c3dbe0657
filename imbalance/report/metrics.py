"""The metrics table, the signals and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance import signals
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.records import LiquidationLevel, LongShort, OrderBook
from imbalance.report import tree, words
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
    own = found.band(*band)
    mine = own.short if side == "short" else own.long
    return [tree.Quoted("coinglass", value, band, mine.usd, mine.low, mine.high, mine.exposed_usd)]


def _risk_row(side: str, risk: tree.WindowRisk, as_of: str, quoted: list[tree.Quoted]) -> tree.Metric:
    mine = risk.short if side == "short" else risk.long
    pressure = "buying" if side == "short" else "selling"
    where = f", most {words.band(*mine.band)}" if mine.band else ""
    return tree.Metric(
        id=f"{side}_liquidation_risk",
        label=f"{side.capitalize()} liquidation risk",
        value=mine.usd,
        low=mine.low,
        high=mine.high,
        unit="usd",
        significance=(
            f"forced {pressure} within {risk.window_pct:g} %{where}; of {words.usd(mine.exposed_usd)} exposed"
        ),
        kind="estimated",
        source=BY,
        as_of=as_of,
        band=mine.band,
        quoted=quoted,
    )


def _ratio_row(risk: tree.WindowRisk, as_of: str) -> tree.Metric:
    told = "path alone -"
    if risk.path_implied_ratio is not None and risk.lift is not None:
        told = (
            f"path alone {words.ratio(risk.path_implied_ratio)}; lift {words.ratio(risk.lift)}"
            f" ({words.ratio(risk.lift_low)}-{words.ratio(risk.lift_high)}); assumes equal leverage on both sides"
        )
    return tree.Metric(
        id="short_long_ratio",
        label=f"Short : long within {risk.window_pct:g} %",
        value=risk.ratio,
        low=risk.ratio_low,
        high=risk.ratio_high,
        unit="ratio",
        significance=told,
        kind="estimated",
        source=BY,
        as_of=as_of,
    )


def _interest_row(interest: tree.OpenInterest, as_of: str) -> tree.Metric:
    change = interest.change
    told = "no history that reaches back far enough"
    if change is not None:
        told = f"from {words.month(change.low_date)} low, {words.coins(change.now_base)} on {change.of}"
        if change.source not in {change.of, FROM_BARS}:
            told += f" (low by {words.name(change.source)})"
    return tree.Metric(
        id="open_interest_change",
        label="Open interest change",
        value=change.value if change else None,
        unit="fraction",
        significance=told,
        kind="observed",
        source=change.source if change else "-",
        as_of=as_of,
    )


def _liquidations_row(seen: tree.Liquidations, as_of: str) -> tree.Metric:
    quoted_from = next((row.source for row in seen.observed if row.quoted and row.source in seen.of), None)
    doubtful = [row for row in seen.observed if row.doubtful]
    if seen.usd is None:
        told = "not known for these 24 hours"
    elif seen.largest_since is not None:
        since = seen.largest_since
        told = (
            f"largest since {words.month(since.date)}" if since.date else f"largest since before {since.history_from}"
        )
        told += f", by {words.name(since.source)}"
    else:
        told = f"{'seen by' if quoted_from else 'observed on'} {', '.join(map(words.name, seen.of))}"
        if seen.missing and not quoted_from:
            told += f"; {', '.join(seen.missing)} not seen"
    told += "".join(f"; {row.source}'s {words.usd(row.long_usd + row.short_usd)} is doubtful" for row in doubtful)
    return tree.Metric(
        id="liquidations_24h",
        label="Liquidations 24h",
        value=seen.usd,
        unit="usd",
        significance=told,
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
) -> list[tree.Metric]:
    """Build the metrics table: both risks, their ratio, open interest, mood, liquidations."""
    return [
        _risk_row("short", risk, as_of, _quoted("short", quotes, found)),
        _risk_row("long", risk, as_of, _quoted("long", quotes, found)),
        _ratio_row(risk, as_of),
        _interest_row(interest, as_of),
        tree.Metric(
            id="fear_greed",
            label="Fear & Greed index",
            value=mood.value if mood else None,
            unit="index",
            significance=mood_told(mood),
            kind="observed",
            source=mood.source if mood else "-",
            as_of=f"{mood.date}T00:00:00Z" if mood else as_of,
        ),
        _liquidations_row(seen, as_of),
    ]


def gauges(
    harvests: Sequence[Harvest],
    found: LiquidationMap,
    price: tree.Price,
    funding: tree.Funding,
    volume: tree.Volume,
    quotes: dict[str, tuple[float, tree.Band]],
) -> list[tree.Signal]:
    """Build the signals: fall since the high, funding, volumes, positioning, depth, quoted bands."""
    days = f"{price.days_since_high:.0f}"
    result = [
        tree.Signal("change_24h", "Price, 24 h", price.change_24h, "fraction", words.fraction(price.change_24h)),
        tree.Signal(
            "drawdown",
            "Price since its high",
            price.change_since_high,
            "fraction",
            f"{words.fraction(price.change_since_high)} in {days} days from {words.price(price.high)};"
            f" low {words.price(price.low)}",
        ),
        tree.Signal("funding_8h", "Funding, 8 h", funding.rate_8h, "fraction", words.fraction(funding.rate_8h, 3)),
    ]
    if volume.total_month_usd is not None:
        label = f"{words.month(volume.month + '-01')} volume, all read"
        told = words.usd(volume.total_month_usd)
        if volume.month_missing:
            told += f" without {', '.join(volume.month_missing)}, of which days are missing"
        result.append(tree.Signal("month_volume", label, volume.total_month_usd, "usd", told))
    for row in volume.venues[:MOST_VOLUMES]:
        if row.month_usd is not None:
            label = f"{words.month(volume.month + '-01')} volume, {row.name}"
            result.append(
                tree.Signal(f"month_volume_{row.name}", label, row.month_usd, "usd", words.usd(row.month_usd))
            )
    for harvest in harvests:
        shares = in_time([r for r in harvest.of(LongShort) if r.kind == "accounts"])
        if shares:
            value = shares[-1].long_share
            label = f"Accounts long, {harvest.name}"
            result.append(
                tree.Signal(f"long_accounts_{harvest.name}", label, value, "fraction", f"{value * 100:.0f} %")
            )
    result += _depth(harvests, found.price)
    if {"short", "long"} <= set(quotes):
        result.append(_unequal(found, quotes))
    return result


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
            rows.append(tree.Signal(f"depth_1pct_{harvest.name}", label, both, "usd", text))
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


def verdict(risk: tree.WindowRisk, *, comparable: bool = True) -> tree.Verdict:
    """Say whether a side is heavier, and whether it is heavier than its path; neither where not `comparable`."""
    if not comparable:
        told = "With a day or less of history the sides are not compared. A map shows where, not whether."
        return tree.Verdict(None, beyond_path=False, text=told)
    beyond = risk.lift_low is not None and risk.lift_high is not None and not risk.lift_low <= 1 <= risk.lift_high
    within = f"within {risk.window_pct:g} %"
    if risk.heavier is None:
        first = f"Neither side is clearly heavier {within}."
    else:
        first = f"The {risk.heavier} side is heavier {within}."
    if beyond and risk.lift is not None:
        more = "short" if risk.lift > 1 else "long"
        second = f"The {more} side is heavier than the price path alone gives."
    else:
        second = "The balance cannot be told from what the path alone gives."
    return tree.Verdict(risk.heavier, beyond, f"{first} {second} A map shows where, not whether.")
