"""The venues, one module each: endpoint table on top, pure parsers below."""

from __future__ import annotations

from imbalance.venues.binance import BINANCE
from imbalance.venues.bybit import BYBIT
from imbalance.venues.gate import GATE
from imbalance.venues.okx import OKX
from imbalance.wire import Source

VENUES: tuple[Source, ...] = (BINANCE, BYBIT, OKX, GATE)
