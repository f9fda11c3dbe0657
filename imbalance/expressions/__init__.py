"""Expressions over named figures, such as ``ratio >= 4 and fear_greed <= 20``: what `check` waits for.

Nothing but the grammar below is ever evaluated. Logic is three-valued (Kleene 1938): what is missing makes a
comparison unknown, and an unknown part leaves the whole unknown unless the other parts decide it alone.
"""

from __future__ import annotations

from imbalance.expressions.parsing import parse
from imbalance.expressions.tree import Expression, Value

__all__ = ["Expression", "Value", "parse"]
