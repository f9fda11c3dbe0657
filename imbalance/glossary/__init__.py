"""The terms that screens, help and documents use: each owned here, once."""

from __future__ import annotations

import calendar
import difflib
import re

from imbalance.errors import UsageError
from imbalance.glossary import engine_terms, learning_terms, map_terms, market_terms, score_terms, signal_terms
from imbalance.glossary.term import Term

_MONTHS = "|".join(calendar.month_name[1:]).lower()
_ADDED = re.compile(rf"^(?:{_MONTHS})(?: \d{{4}})? | in [0-9.]+ %$|, .*$|(?<=^member) \d+$|\.(?:low|high)$")
TERMS = (
    *map_terms.TERMS,
    *engine_terms.TERMS,
    *learning_terms.TERMS,
    *market_terms.TERMS,
    *score_terms.TERMS,
    *signal_terms.TERMS,
)


def lookup(text: str) -> Term:
    """Return the term of a name or alias, whatever its case, and whatever a screen or a condition adds to it.

    Raises
    ------
    UsageError
        With names like it.
    """
    names = {name.lower(): term for term in TERMS for name in (term.name, *term.aliases)}
    wanted = " ".join(text.lower().split())
    for asked in (wanted, _ADDED.sub("", wanted)):
        if asked in names:
            return names[asked]
    near = difflib.get_close_matches(wanted, names, 3, 0.5) or [term.name for term in TERMS]
    raise UsageError(f"no term {text!r}", f"Did you mean {', '.join(near)}?")
