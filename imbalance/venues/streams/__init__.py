"""The venues' streams of liquidations, one module each: what is sent, and pure parsers of what comes.

Hyperliquid has none: its trades carry no mark, and only fills of known accounts tell that they were liquidations.
"""

from __future__ import annotations

from imbalance.venues.streams.binance import BINANCE
from imbalance.venues.streams.binance_coinm import BINANCE_COINM
from imbalance.venues.streams.bitget import BITGET
from imbalance.venues.streams.bybit import BYBIT
from imbalance.venues.streams.deribit import DERIBIT
from imbalance.venues.streams.gate import GATE
from imbalance.venues.streams.htx import HTX
from imbalance.venues.streams.kraken import KRAKEN
from imbalance.venues.streams.okx import OKX
from imbalance.wire.streams import Stream

STREAMS: dict[str, Stream] = {
    stream.source: stream for stream in (BINANCE, BYBIT, OKX, GATE, BITGET, HTX, DERIBIT, KRAKEN, BINANCE_COINM)
}
