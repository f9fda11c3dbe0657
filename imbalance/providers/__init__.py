"""The sources that are no venue, one module each."""

from __future__ import annotations

from imbalance.providers.cftc import CFTC
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.coinglass import COINGLASS
from imbalance.providers.coinmetrics import COINMETRICS
from imbalance.providers.cryptoquant import CRYPTOQUANT
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.wire import Source

PROVIDERS: tuple[Source, ...] = (FEAR_GREED, CFTC, COINMETRICS, COINGLASS, CRYPTOQUANT, COINALYZE)
