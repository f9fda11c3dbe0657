"""A market of agents whose liquidation map is known: bars as public sources would show them, and the truth.

Written from a description of such worlds, and drawn wider: volatility and activity wander, shocks are heavy-tailed,
sides follow momentum, positions have venue-like or continuous leverage, lives of four lengths, perhaps a stop, and a
size; liquidations and stops move the price by a square-root law and cascade within the minute. Nothing of the truth
reaches the bars but through price, volume, open interest and printed liquidations.

Worlds of a second kind differ in what an estimator may take for granted: lives run on activity time to a drawn degree,
the shortest use more leverage by a drawn tilt, and one side's distances to liquidation are not the other's.
"""

from __future__ import annotations

import msgspec
import numpy as np

from imbalance.market import MarketData, VenueBars, frozen
from imbalance.records import Contract, Feed

MINUTE_MS = 60_000
BAR_MINUTES = 5
BARS_A_DAY = 288
CAPACITY = 16_000
ROUNDS = 6
EDGES = np.arange(-160, 161) * 0.0025
GRID = np.array([2.0, 3, 5, 10, 15, 20, 25, 40, 50, 75, 100, 125])
RATE = 0.005
USUAL_ACTIVITY = 0.3  # log of mean activity: half the variance of the process below


class Truth(msgspec.Struct, frozen=True):
    """The true map at a moment: forced USD by side and log-distance bin, shape (sides, bins)."""

    bars: int
    price: float
    forced: np.ndarray


def _cumulated(shares: np.ndarray) -> np.ndarray:
    """Return cumulated shares that end at 1: where uniform numbers fall among them is a draw."""
    sums = shares.cumsum(axis=-1)
    return sums / sums[..., -1:]


class World:
    """One market; every parameter is drawn from the seed."""

    def __init__(self, seed: int, days: int = 40, *, second_kind: bool = False) -> None:
        self.g = g = np.random.default_rng([seed, 77])
        self.days = days
        self.day_sd = g.uniform(0.018, 0.045)
        self.tail = g.uniform(3, 6)
        self.momentum = g.uniform(0.0, 0.8)
        self.venues = (
            ["bybit", "binance", "okx"][: int(g.integers(1, 4))] if g.random() < 0.4 else ["bybit", "binance", "okx"]
        )
        self.complete = np.array([name == "bybit" for name in self.venues]) & (g.random() < 0.85)
        share = g.dirichlet(np.full(len(self.venues), 4.0))
        self.venue_share = share
        self.life_days = np.array([0.08, 0.7, 5.0, 25.0]) * np.exp(g.normal(0, 0.3, 4))
        self.life_share = g.dirichlet([10.0, 7.0, 3.5, 1.5])
        self.grid_weights = g.dirichlet(np.full(GRID.size, 1.2), 4)
        tilt = np.array([[GRID.size - i - 1 if k > 1 else i for i in range(GRID.size)] for k in range(4)]) / GRID.size
        self.grid_weights *= np.exp(-g.uniform(0, 2.5) * (1 - tilt))
        self.grid_weights /= self.grid_weights.sum(axis=1, keepdims=True)
        self.cross_share = g.uniform(0.3, 0.7)
        self.cross_median = g.uniform(3.5, 10.0)
        self.cross_sd = g.uniform(0.5, 0.9)
        self.stop_share = g.uniform(0.2, 0.6)
        self.opens_a_minute = g.uniform(1.5, 4.0)
        self.maker_share = g.uniform(0.5, 2.0)
        self.impact = g.uniform(0.3, 0.9)
        self.slots = 12
        # Of the second kind, drawn apart so that a seed of the first keeps its world.
        self.clock_exponent, self.tilt, self.side_factor = 0.0, np.zeros(4), np.ones(2)
        if second_kind:
            own = np.random.default_rng([seed, 78])
            self.clock_exponent = own.uniform(0.0, 1.2)
            self.tilt = own.uniform(0.0, 0.6) * np.array([1.5, 0.5, -0.5, -1.0])
            self.side_factor = np.exp(own.normal(0, 0.2) * np.array([-0.5, 0.5]))

    def run(self, instants: int = 3) -> tuple[MarketData, list[Truth]]:
        """Return the bars of the whole span and the truth at `instants` moments of its second half."""
        minutes = self.days * 1440
        bars = minutes // BAR_MINUTES
        n = len(self.venues)
        ohlc = np.zeros((4, bars))
        series = {name: np.zeros((n, bars)) for name in ("volume", "taker", "interest", "long", "short")}
        self.trigger = np.stack([np.full(CAPACITY, -np.inf), np.full(CAPACITY, np.inf)])
        self.liquidation = np.zeros((2, CAPACITY))
        self.size = np.zeros((2, CAPACITY))
        self.venue = np.zeros((2, CAPACITY), dtype=np.intp)
        self.ends = np.full((2, CAPACITY), np.inf)
        self.held = np.zeros((2, n))
        self.life_shares, self.venue_shares, self.grid_shares = map(
            _cumulated, (self.life_share, self.venue_share, self.grid_weights)
        )
        when = set(np.linspace(bars // 2, bars, instants, dtype=int).tolist())
        truths = []
        price, sd, activity, drift, day_flow = 60_000.0, 0.0, 0.0, 0.0, self.opens_a_minute * 1440.0
        minute_sd = self.day_sd / np.sqrt(1440)
        now = 0.0  # [minutes] of the clock that lives run on
        for bar in range(bars):
            opened, high, low = price, price, price
            for _ in range(BAR_MINUTES):
                sd += -sd / 2880 + 0.02 * self.g.normal()
                activity += -activity / 1440 + 0.03 * self.g.normal()
                shock = self.g.standard_t(self.tail) * minute_sd * np.exp(0.6 * sd)
                if self.g.random() < 0.00008:
                    shock += self.g.normal(0, 0.02)
                price *= np.exp(np.clip(shock, -0.1, 0.1))
                drift = 0.998 * drift + 0.002 * shock / minute_sd
                volume = np.zeros(n)
                price = self._take(price, day_flow, volume, series, bar)
                self._close(now, volume)
                self._open(now, price, np.exp(activity), drift, volume)
                series["volume"][:, bar] += volume * (1 + self.maker_share)
                high, low = max(high, price), min(low, price)
                now += np.exp(self.clock_exponent * (activity - USUAL_ACTIVITY))
            ohlc[:, bar] = opened, high, low, price
            series["interest"][:, bar] = self.held.max(axis=0)
            if bar + 1 in when:
                truths.append(Truth(bar + 1, price, self._truth(price)))
        series["taker"] = series["volume"] / 2
        return self._market(ohlc, series), truths

    def _take(self, price: float, flow: float, volume: np.ndarray, series: dict[str, np.ndarray], bar: int) -> float:
        """Fire what the price has reached: stops and liquidations, each moving it further."""
        for _ in range(ROUNDS):
            fired = 0.0
            for side, sign in ((0, -1.0), (1, 1.0)):
                hit = np.flatnonzero(self.trigger[0] >= price if side == 0 else self.trigger[1] <= price)
                if not hit.size:
                    continue
                sizes, venues = self.size[side, hit], self.venue[side, hit]
                at = self.trigger[side, hit]
                forced = at == self.liquidation[side, hit]
                np.add.at(volume, venues, sizes)
                np.add.at(self.held[side], venues, -sizes)
                self._print(side, venues[forced], sizes[forced], series, bar)
                self._free(side, hit)
                fired += sign * sizes.sum()
            if fired == 0.0:
                break
            price *= np.exp(np.sign(fired) * self.impact * self.day_sd * np.sqrt(abs(fired) / flow) * 0.3)
        return price

    def _print(self, side: int, venues: np.ndarray, sizes: np.ndarray, series: dict[str, np.ndarray], bar: int) -> None:
        """Print liquidations: all on a complete feed, the last of each slot of five seconds on a censored one."""
        out = series["long" if side == 0 else "short"]
        for v in np.unique(venues):
            mine = sizes[venues == v]
            if not self.complete[v]:
                slots = self.g.integers(0, self.slots, mine.size)
                mine = np.array([mine[slots == s][-1] for s in np.unique(slots)])
            out[v, bar] += mine.sum()

    def _free(self, side: int, ids: np.ndarray) -> None:
        self.trigger[side, ids] = -np.inf if side == 0 else np.inf
        self.size[side, ids] = 0.0
        self.ends[side, ids] = np.inf

    def _close(self, now: float, volume: np.ndarray) -> None:
        for side in (0, 1):
            over = np.flatnonzero(self.ends[side] <= now)
            np.add.at(volume, self.venue[side, over], self.size[side, over])
            np.add.at(self.held[side], self.venue[side, over], -self.size[side, over])
            self._free(side, over)

    def _open(self, now: float, price: float, activity: float, drift: float, volume: np.ndarray) -> None:
        g = self.g
        count = g.poisson(self.opens_a_minute * activity)
        lean = 0.5 + 0.35 * np.tanh(self.momentum * drift * 3)
        for side, part in ((0, g.binomial(count, lean)), (1, None)):
            many = part if part is not None else count - self._longs
            self._longs = many if side == 0 else self._longs
            if not many:
                continue
            free = np.flatnonzero(self.size[side] == 0.0)[:many]
            many = free.size
            life = self.life_shares.searchsorted(g.random(many), side="right")
            leverage = GRID[(self.grid_shares[life] <= g.random((many, 1))).sum(axis=1)]
            cross = g.random(many) < self.cross_share
            leverage = np.where(cross, self.cross_median * np.exp(g.normal(0, self.cross_sd, many)), leverage)
            leverage = np.clip(leverage * np.exp(self.tilt[life]) / self.side_factor[side], 1.05, 125)
            sign = -1.0 if side == 0 else 1.0
            liquidation = price * (1 + sign / leverage) / (1 + sign * RATE)
            gap = np.abs(liquidation / price - 1)
            stopped = g.random(many) < self.stop_share
            stop = price * (1 + sign * gap * g.uniform(0.25, 0.95, many))
            size = np.minimum(g.pareto(1.5, many) + 0.2, 60.0)
            self.trigger[side, free] = np.where(stopped, stop, liquidation)
            self.liquidation[side, free] = liquidation
            self.size[side, free] = size
            self.venue[side, free] = self.venue_shares.searchsorted(g.random(many), side="right")
            self.ends[side, free] = now + 1 + np.floor(g.exponential(self.life_days[life]) * 1440)
            np.add.at(volume, self.venue[side, free], size)
            np.add.at(self.held[side], self.venue[side, free], size)

    def _truth(self, price: float) -> np.ndarray:
        out = np.zeros((2, EDGES.size - 1))
        for side in (0, 1):
            alive = (self.size[side] > 0) & (self.trigger[side] == self.liquidation[side])
            at = self.liquidation[side, alive]
            out[side], _ = np.histogram(np.log(at / price), EDGES, weights=self.size[side, alive] * at)
        return out

    def _market(self, ohlc: np.ndarray, series: dict[str, np.ndarray]) -> MarketData:
        bars = ohlc.shape[1]
        start = 1_767_225_600_000
        return MarketData(
            symbol="BTC",
            interval_ms=BAR_MINUTES * MINUTE_MS,
            time_ms=start + np.arange(bars, dtype=np.int64) * BAR_MINUTES * MINUTE_MS,
            open=frozen(ohlc[0]),
            high=frozen(ohlc[1]),
            low=frozen(ohlc[2]),
            close=frozen(ohlc[3]),
            price=float(ohlc[3, -1]),
            venues=tuple(
                VenueBars(
                    name,
                    Contract.LINEAR,
                    Feed.COMPLETE if self.complete[v] else Feed.CENSORED,
                    *(frozen(series[k][v]) for k in ("volume", "taker", "interest", "long", "short")),
                )
                for v, name in enumerate(self.venues)
            ),
        )
