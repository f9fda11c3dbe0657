"""The sources that are no venue, one module each."""

from __future__ import annotations

from imbalance.providers.coinglass import COINGLASS
from imbalance.providers.cryptoquant import CRYPTOQUANT
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.wire import Source

PROVIDERS: tuple[Source, ...] = (FEAR_GREED, COINGLASS, CRYPTOQUANT)
