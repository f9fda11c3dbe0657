"""The prior's distances of liquidation against those of real positions: large accounts of Hyperliquid.

    python -m tests.bench.prior

Read: open positions of the public leaderboard's accounts in BTC, ETH and SOL, at the liquidation prices that the venue
gave (data/ beside this folder, see its index). Distance: from the entry, as the prior has it, with a row for those that
lie past their entry and one for those farther than the grid or without a price. Opened: what the prior says of all that
is opened; standing: of what stands at a time, lifetimes weighing in. Shares are of notional at the mark.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.density import distance_edges
from imbalance.engine.leverage import prior_weights
from imbalance.engine.venue import Venue
from imbalance.venues import ladders
from tests.conftest import SHARED

COINS = ("BTC", "ETH", "SOL")
SIZES = (0.0, 1e6, 1e7, np.inf)
WHALES = "hyperliquid_whale_positions_*.json.gz"
MAPS = "hyperliquid_top_traders_liqmap_*.tar.xz"
HALF = 0.5
NEAR = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)  # from the price: what the maps by price hold nearly all of


class Held(msgspec.Struct, frozen=True):
    """A position: its notional at the mark [USD], its distance from entry and from the mark, inf without a price."""

    coin: str
    notional_usd: float
    from_entry: float
    from_mark: float


def held(document: dict) -> list[Held]:
    """Return the positions of a snapshot, an account's position in a coin once however many lists it stands in."""
    lists = document["whaleTracker"]
    rows = {(a["address"], p["coin"]): p for name in ("daily", "weekly") for a in lists[name] for p in a["positions"]}
    rows |= {(p["traderAddress"], p["coin"]): p for p in lists["biggestPositions"]}
    found = []
    for (_address, coin), p in rows.items():
        notional, sign = float(p["positionValue"]), -1 if p["direction"] == "Long" else 1
        if coin in COINS and notional > 0:
            mark = notional / abs(float(p["size"]))
            away = [np.inf, np.inf]
            if p["liquidationPx"] is not None:
                away = [sign * (float(p["liquidationPx"]) / at - 1) for at in (float(p["entryPx"]), mark)]
            found.append(Held(coin, notional, *away))
    return found


def shares(distance: Sequence[float], notional: Sequence[float], edges: np.ndarray) -> np.ndarray:
    """Return shares of notional below the first edge, in each cell, and beyond the last."""
    cell = np.searchsorted(edges, distance, side="right")
    return np.bincount(cell, notional, minlength=edges.size + 1) / np.sum(notional)


def standing(prior: np.ndarray, lives: Lives, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the prior's shares by distance of what is opened and of what stands, the rest beyond, (distances + 1,).

    A class that closes h of itself a day and is opened at share p of the flow holds p / h of what stands.
    """
    part = (weight / weight.sum())[lives.structure]
    found = []
    for mass in (part * lives.share, part * lives.share / lives.hazard_a_day):
        cells = prior @ (mass / mass.sum())
        found.append(np.append(cells, 1 - cells.sum()))
    return found[0], found[1]


def prior(coin: str, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the prior's shares for a coin, on the ladder that the venue has for it."""
    a, none = Assumptions(), np.full(1, np.nan)
    tiers = sorted(ladders.stored("hyperliquid", coin)[0], key=lambda t: t.cap)
    venue = Venue(
        name="hyperliquid",
        complete_feed=False,
        volume=none,
        open_interest=none,
        long_liquidations=none,
        short_liquidations=none,
        cap_usd=np.array([t.cap for t in tiers]),
        rate=np.array([t.rate for t in tiers]),
        deduction_usd=np.array([t.deduction_usd for t in tiers]),
        most_leverage=max((t.max_leverage for t in tiers), default=125.0),
    )
    weights = prior_weights(a, [venue], np.ones((1, 1)), edges, 1.0)
    return standing(weights, a.lives(), np.array([s.weight for s in a.structures]))


def mixed_prior(rows: Sequence[Held], edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the prior's shares over coins, each weighted by the notional read in it."""
    total = sum(r.notional_usd for r in rows)
    parts = {coin: sum(r.notional_usd for r in rows if r.coin == coin) / total for coin in COINS}
    each = {coin: prior(coin, edges) for coin in COINS}
    return tuple(sum(parts[coin] * each[coin][i] for coin in COINS) for i in (0, 1))


def near_shares(document: dict) -> np.ndarray:
    """Return shares of a map by price, by distance from the price, of all within the last of `NEAR`."""
    away, worth = [], []
    for coin in COINS:
        data = document["data"][coin]
        for row in (*data["longLiquidations"], *data["shortLiquidations"]):
            away.append(abs(row["price"] / data["currentPrice"] - 1))
            worth.append(row["value"])
    cells, _edges = np.histogram(away, NEAR, weights=worth)
    return cells / cells.sum()


def near_prior(edges: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the prior's shares within `NEAR`, cells cut in proportion to their logarithm."""
    total = np.concatenate([[0.0], np.cumsum(cells[:-1])])
    at = np.interp(np.log(np.maximum(NEAR, edges[0])), np.log(edges), total)
    return np.diff(at) / (at[-1] - at[0])


def median(edges: np.ndarray, cells: np.ndarray) -> str:
    """Return the distance that half of the notional lies within, as a bound where it is beyond the grid.

    Parameters
    ----------
    cells : shares past the entry, in each cell and beyond, shape (cells + 2,).
    """
    total = np.cumsum(cells[:-1])
    return f"> {edges[-1] * 100:.0f} %" if total[-1] < HALF else f"{np.interp(HALF, total, edges) * 100:.0f} %"


def table(names: Iterable[str], heads: Sequence[str], columns: Sequence[np.ndarray]) -> None:
    print("| distance | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(heads))
    for i, name in enumerate(names):
        print(f"| {name} | " + " | ".join(f"{c[i] * 100:.1f} %" for c in columns) + " |")


def snapshots(folder: Path) -> dict[str, list[Held]]:
    """Return the positions of each day."""
    files = sorted(folder.glob(WHALES)) if folder.is_dir() else []
    return {_day(file.name): held(json.loads(gzip.decompress(file.read_bytes()))) for file in files}


def maps_by_price(folder: Path) -> dict[str, np.ndarray]:
    """Return `near_shares` of each day, the mean of its maps."""
    found: dict[str, list[np.ndarray]] = {}
    for file in sorted(folder.glob(MAPS)):
        with tarfile.open(file) as archive:
            for member in archive:
                if member.isfile():
                    document = json.load(archive.extractfile(member))
                    found.setdefault(_day(member.name), []).append(near_shares(document))
    return {day: np.mean(found[day], axis=0) for day in sorted(found)}


def _day(name: str) -> str:
    return re.sub(r".*?(\d{4})(\d{2})(\d{2})T\d{6}.*", r"\1-\2-\3", name)


def from_entry(days: dict[str, list[Held]], edges: np.ndarray) -> np.ndarray:
    """Print shares by distance from the entry and return the prior's, standing."""
    rows = [r for day in days.values() for r in day]
    priors = mixed_prior(rows, edges)
    sizes = [[r for r in rows if low <= r.notional_usd < high] for low, high in itertools.pairwise(SIZES)]
    columns = [np.insert(cells, 0, 0.0) for cells in priors]
    columns += [
        shares([r.from_entry for r in part], [r.notional_usd for r in part], edges) for part in (*days.values(), *sizes)
    ]
    names = [f"{a * 100:.2g}-{b * 100:.2g} %" for a, b in itertools.pairwise(edges)]
    total = sum(r.notional_usd for r in rows)
    print(f"{len(rows)} positions in {', '.join(COINS)}, {total / 1e9:.1f}B; by distance from the entry\n")
    heads = ("prior, opened", "prior, standing", *days, "below 1M", "1M-10M", "above 10M")
    table(["past the entry", *names, "farther or none"], heads, columns)
    print("| half within | " + " | ".join(median(edges, c) for c in columns) + " |")
    return priors[1]


def main() -> None:
    folder, edges = SHARED / "data", distance_edges(Assumptions().distances)
    days = snapshots(folder)
    if not days:
        print("the recorded positions are not here: nothing to compare")
        return
    stands, maps = from_entry(days, edges), maps_by_price(folder)
    print(f"\nby distance from the price, of all within {NEAR[-1] * 100:.0f} %; days before are of maps by price\n")
    near = [near_prior(edges, stands), *maps.values()]
    for rows in days.values():
        cells = shares([r.from_mark for r in rows], [r.notional_usd for r in rows], np.array(NEAR))[1:-1]
        near.append(cells / cells.sum())
    names = [f"{a * 100:g}-{b * 100:g} %" for a, b in itertools.pairwise(NEAR)]
    table(names, ("prior, standing", *maps, *days), near)


if __name__ == "__main__":
    main()
