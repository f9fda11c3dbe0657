"""The venues, one module each: endpoint table at the end, pure parsers above it."""

from __future__ import annotations

from imbalance.venues.binance import BINANCE
from imbalance.venues.binance_coinm import BINANCE_COINM
from imbalance.venues.bitget import BITGET
from imbalance.venues.bybit import BYBIT
from imbalance.venues.deribit import DERIBIT
from imbalance.venues.gate import GATE
from imbalance.venues.htx import HTX
from imbalance.venues.hyperliquid import HYPERLIQUID
from imbalance.venues.kraken import KRAKEN
from imbalance.venues.okx import OKX
from imbalance.wire import Source

VENUES: tuple[Source, ...] = (
    BINANCE, BYBIT, OKX, GATE, BITGET, HYPERLIQUID, HTX, DERIBIT, KRAKEN, BINANCE_COINM,
)  # fmt: skip
