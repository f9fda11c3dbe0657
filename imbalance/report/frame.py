"""What every document has around its sections."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from imbalance import __version__
from imbalance.report import tree
from imbalance.units import iso

D = TypeVar("D", bound=tree.Head)


class Frame(msgspec.Struct, frozen=True):
    """Where a document's figures are from, of what moment, what must be read first and what went wrong on the way."""

    mode: tree.Mode
    scenario: str | None
    symbol: str
    as_of_ms: int
    notes: tuple[str, ...] = ()
    sources: tuple[tree.SourceState, ...] = ()
    gaps: tuple[tree.Gap, ...] = ()

    def document(self, kind: type[D], **sections: Any) -> D:  # noqa: ANN401  each section has a type of its own
        """Return a document of a kind with its sections."""
        # Every kind has these, after the sections of its own.
        ends: dict[str, Any] = {"sources": list(self.sources), "gaps": list(self.gaps)}
        return kind(
            schema=tree.schema_name(kind),
            version=__version__,
            mode=self.mode,
            scenario=self.scenario,
            symbol=self.symbol,
            as_of=iso(self.as_of_ms),
            notes=list(self.notes),
            **sections,
            **ends,
        )
