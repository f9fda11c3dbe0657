"""What a report says in sentences: the answer that stands first."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.report import tree, words

# A cluster counts as large from this share of its side's largest on.
LARGE_SHARE = 0.5


def verdict(risk: tree.WindowRisk, clusters: Sequence[tree.Cluster], *, comparable: bool = True) -> tree.Verdict:
    """Say which side is heavier and by how much, whether its path alone explains that, and what lies nearest.

    Parameters
    ----------
    risk : of the window asked for.
    clusters : of both sides.
    comparable : whether there is history enough to compare sides.
    """
    near = _nearest(clusters)
    if not comparable:
        told = "With a day or less of history the sides are not compared."
        return tree.Verdict(None, beyond_path=False, text=words.sentences(told, near))
    beyond = risk.lift_low is not None and risk.lift_high is not None and not risk.lift_low <= 1 <= risk.lift_high
    return tree.Verdict(risk.heavier, beyond, words.sentences(_heavier(risk), _against_path(risk, beyond=beyond), near))


def trial_verdict(model: tree.MethodScore | None, least_days: int) -> tree.TrialVerdict:
    """Say whether the map beats its path on this market, and by how much.

    Parameters
    ----------
    model : its scores; None where too few bars were both predicted and observed.
    least_days : how many days must be tested for an interval.
    """
    if model is None or model.over_null is None:
        return tree.TrialVerdict(None, "Too few bars were both predicted and observed to score the map.")
    gain = f"R2 over it {model.over_null:+.3f}"
    if model.over_null_low is None or model.over_null_high is None:
        told = f"Whether the map beats its path cannot be told from fewer than {least_days} days: {gain}."
        return tree.TrialVerdict(None, told)
    beats = model.over_null_low > 0
    whether = "cannot be told from" if model.over_null_high >= 0 else "does worse than"
    told = f"On this market the map {'beats' if beats else whether} its path: {gain}"
    return tree.TrialVerdict(beats, f"{told} (90 % {model.over_null_low:+.3f} to {model.over_null_high:+.3f}).")


def _heavier(risk: tree.WindowRisk) -> str:
    amounts = f"{words.usd(risk.long.usd)} of longs, {words.usd(risk.short.usd)} of shorts would be force-closed"
    who = "No side is clearly heavier" if risk.heavier is None else f"{risk.heavier.capitalize()}s are heavier"
    return f"{who}: est. {amounts} within {risk.window_pct:g} %{f' ({risk.note})' if risk.note else ''}."


def _against_path(risk: tree.WindowRisk, *, beyond: bool) -> str:
    if risk.path_implied_ratio is None or risk.lift is None or risk.ratio is None:
        return ""
    ratios = f"short : long {words.ratio(risk.ratio)}; price path implies {words.ratio(risk.path_implied_ratio)}"
    if not beyond:
        return f"Any market after such a move would look alike ({ratios})."
    side, times = ("shorts", risk.lift) if risk.lift > 1 else ("longs", 1 / risk.lift)
    return f"That is more than such a move explains: {words.ratio(times)} times the weight on {side} ({ratios})."


def _nearest(clusters: Sequence[tree.Cluster]) -> str:
    """Name the nearest large cluster of each side."""
    parts = []
    for side in ("long", "short"):
        own = [c for c in clusters if c.side == side]
        large = [c for c in own if c.usd >= LARGE_SHARE * max(c.usd for c in own)]
        if large:
            c = min(large, key=lambda c: abs(c.distance_pct))
            parts.append(f"{side}s {words.band(c.low, c.high)} ({c.distance_pct:+.0f} %, {words.usd(c.usd)})")
    return f"Nearest large clusters: {', '.join(parts)}." if parts else ""
