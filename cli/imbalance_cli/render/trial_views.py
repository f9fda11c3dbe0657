"""The cascade and the validation as blocks."""

from __future__ import annotations

from collections.abc import Callable

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table

NOMINAL_COVERAGE = 0.9


# Even the fewest bars that are scored, 130 of two sides, tell a coverage to 0.02 (one standard error).
COVERAGE_OFF = 0.05
BEYOND_DAY = "> day's volume"
SMALLEST = "<0.001"  # USD; below it figures are none that anybody could tell apart


def _ranged(r: tree.Range | None, show: Callable[[float], str]) -> list[str]:
    return [words.MISSING, ""] if r is None else [show(r.value), f"{show(r.low)}-{show(r.high)}"]


def cascade(r: tree.CascadeReport) -> list[Block]:
    """Show what it takes to reach the target by each impact law."""
    kind, forced = "buying" if r.side == "short" else "selling", r.forced
    told = (
        f"price {words.price(r.price)}   to {words.price(r.target)} ({words.fraction(r.shock)}): "
        f"forced {kind} on the way {words.usd(forced.value)} est ({words.span(forced.low, forced.high, 'usd')}) "
        f"of {words.usd(r.exposed_usd)} exposed"
    )
    lines: list[Block] = [Line(told)]
    rows = [
        [
            law.name,
            *_ranged(law.push_needed, words.share),
            *([BEYOND_DAY, ""] if law.beyond_day else _ranged(law.cost_usd, words.usd)),
            *_ranged(law.carried, words.share),
            *_ranged(law.reach, words.short_price),
            *_ranged(law.reproduction, words.ratio),
        ]
        for law in r.laws
    ]
    heads = [Column("Impact law")]
    for name, drop in (("Push needed", 0), ("Cost", 2), ("From liquidations", 0), ("Ends at", 1), ("Largest R", 3)):
        heads += [Column(name, right=True, drop=drop), Column("90 %", right=True, drop=4 + drop)]
    lines.append(Table(heads, rows))
    told = (
        "Push needed: what others must move for the target to be reached; From liquidations: the share of "
        "the way that they do; Ends at: where a push of the whole way ends (the map itself ends 34 % below and "
        "52 % above the price); R above 1: the move feeds itself."
    )
    lines.append(Line(told, "dim"))
    if any(law.reach is None and "book" in law.name for law in r.laws):
        lines.append(Line("no order book was read: the book laws are missing", "warn"))
    if r.volume_day_usd is None:
        lines.append(Line("no volume is known: the square-root law is missing", "warn"))
    elif not r.volatility_day:
        lines.append(Line("the price does not move in these bars: the square-root law is missing", "warn"))
    return lines


def _gain(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return ""
    return f"{value:+.3f}" if low is None or high is None else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _class(c: tree.Reliability) -> str:
    """Return the predictions of a class, as one amount where they do not differ."""
    low, high = _usd(c.predicted_low_usd), _usd(c.predicted_high_usd)
    return low if low == high else f"{low}-{high}"


def _usd(value: float) -> str:
    return SMALLEST if 0 < value < float(SMALLEST[1:]) else words.usd(value)


def _observed(c: tree.Reliability) -> str:
    """Return the mean of what was observed in a class with its range, where it has one."""
    if c.observed_low_usd is None or c.observed_high_usd is None:
        return _usd(c.observed_usd)
    return f"{_usd(c.observed_usd)} ({_usd(c.observed_low_usd)}-{_usd(c.observed_high_usd)})"


def _coverage(inside: float | None) -> list[Block]:
    """Say where the 90 % ranges did not hold about 90 %."""
    if inside is None or abs(inside - NOMINAL_COVERAGE) <= COVERAGE_OFF:
        return []
    way = "too narrow" if inside < NOMINAL_COVERAGE else "too wide"
    return [Line(f"The 90 % ranges are {way} here: they held {inside * 100:.0f} %.", "warn")]


def validation(r: tree.ValidateReport) -> list[Block]:
    """Show whether the map beats its path, scores by method, reliability by size of prediction, and maps kept."""
    if not r.methods:
        return [Line(r.verdict.text, "warn")]
    found: list[Block] = [Line(r.verdict.text, "verdict"), *_methods(r)]
    if r.reliability:
        found += _reliability(r.reliability)
    if r.horizons:
        found += _horizons(r.horizons)
    return found


BEATS = {True: "yes", False: "no", None: "cannot be told"}


def validations(r: tree.ValidateCoinsReport) -> list[Block]:
    """Show a row a coin: how well the model predicts, and beneath them why some have no scores."""
    columns = [
        Column("Coin"),
        Column("Bars tested", right=True, drop=3),
        Column("Rank", right=True),
        Column("Partial", right=True),
        Column("over path null (90 %)", right=True, drop=1),
        Column("in 90 % range", right=True, drop=2),
        Column("Beats its path"),
    ]
    styles = ["warn" if row.failed else "" for row in r.rows]
    told = [Line(f"{row.symbol}: {text}", "warn") for row in r.rows for text in (*_why_none(row), *row.notes)]
    note = (
        "Of the model: Rank, Spearman of observed against predicted, bar by bar; Partial: the same given the bar's own "
        "move. One coin by itself tells more."
    )
    kept = tuple(range(len(r.rows)))
    return [Table(columns, [_scores(row) for row in r.rows], styles, kept), *told, Line(note, "dim")]


def _why_none(row: tree.ValidatedCoin) -> list[str]:
    if row.failed:
        return [row.failed]
    return [] if row.model or row.verdict is None else [row.verdict.text]


def _scores(row: tree.ValidatedCoin) -> list[str]:
    model = row.model
    beats = "failed" if row.verdict is None else BEATS[row.verdict.beats_path]
    bars = words.MISSING if row.bars_tested is None else f"{row.bars_tested:,}"
    if model is None:
        return [row.symbol, bars, *[words.MISSING] * 4, beats]
    return [
        row.symbol,
        bars,
        f"{model.spearman:.3f}",
        words.MISSING if model.partial_spearman is None else f"{model.partial_spearman:.3f}",
        _gain(model.over_null, model.over_null_low, model.over_null_high) or words.MISSING,
        words.MISSING if row.inside_range_share is None else words.share(row.inside_range_share),
        beats,
    ]


def _methods(r: tree.ValidateReport) -> list[Block]:
    rows = [
        [
            m.name,
            f"{m.spearman:.3f}",
            words.MISSING if m.partial_spearman is None else f"{m.partial_spearman:.3f}",
            _gain(m.r2_gain, m.r2_gain_low, m.r2_gain_high),
            _gain(m.over_null, m.over_null_low, m.over_null_high),
        ]
        for m in r.methods
    ]
    columns = [
        Column("Predicts by"),
        Column("Rank", right=True),
        Column("Partial", right=True),
        Column("R2 over move (90 %)", right=True, drop=1),
        Column("over path null (90 %)", right=True, drop=2),
    ]
    inside = words.MISSING if r.inside_range_share is None else f"{r.inside_range_share * 100:.0f} %"
    told = f"{r.bars_tested:,} bars tested, walking forward; {inside} of what was observed lies in its 90 % range"
    styles = ["short" if m.name == "model" else "" for m in r.methods]
    kept = tuple(i for i, m in enumerate(r.methods) if m.name == "model")
    note = "Rank: Spearman, observed against predicted. Partial: the same given the bar's own move."
    blocks: list[Block] = [Table(columns, rows, styles, kept), Line(told), *_coverage(r.inside_range_share)]
    return [*blocks, Line(note, "dim"), Line(f"The model mixes {'; '.join(map(_member, r.members))}.", "dim")]


def _member(m: tree.Member) -> str:
    """Return in words what a member supposes and how much of the mixture it came to be."""
    leverage = "/".join(f"{x:g}" for x in m.leverage)
    return f"{m.name} (clock {m.clock_exponent:g}, leverage {leverage}) {m.weight_learnt * 100:.0f} %"


def _reliability(classes: list[tree.Reliability]) -> list[Block]:
    columns = [Column("Predicted"), Column("Bars", right=True), Column("Mean", right=True, drop=2)]
    columns.append(Column("Observed (90 %)", right=True, drop=1))
    columns += [Column(name, right=True) for name in ("below", "inside", "above")]
    rows = [
        [
            _class(c),
            str(c.cases),
            _usd(c.predicted_usd),
            _observed(c),
            *(words.share(share) for share in (c.below, c.inside, c.above)),
        ]
        for c in classes
    ]
    told = (
        "Each bar counts for longs and for shorts: below, inside or above its prediction's 90 % interval. Observed: "
        "the mean of the class; predictions are to be relied on where their mean lies in its range."
    )
    return [Table(columns, rows), Line(told, "dim")]


def _horizons(horizons: list[tree.HorizonScore]) -> list[Block]:
    rows = []
    for h in horizons:
        rows.append(
            [
                f"{h.days:g} d",
                str(h.maps),
                str(h.bands),
                f"{h.spearman:.3f}",
                f"{h.width_spearman:.3f}",
                f"{h.ln_error:.2f}",
                f"{h.level_ln_error:.2f}",
            ]
        )
        rows += [[f"  {o.name}", "", "", f"{o.spearman:.3f}", "", f"{o.ln_error:.2f}", ""] for o in h.others]
    names = ("Maps", "Bands", "Rank", "by width", "|ln error|", "level error")
    columns = [Column("Map kept"), *(Column(name, right=True) for name in names)]
    told = (
        "Bands of 1 % that price came to cross: what the map held there against what was liquidated then; by "
        "width: the rank correlation of the width crossed alone, a map without shape; level error: |ln error| of a "
        "map's sum, without any scale. Beneath, over the same bands: each member by itself, and the path alone."
    )
    return [Table(columns, rows), Line(told, "dim")]
