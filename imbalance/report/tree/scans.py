"""Many coins beside each other."""

from __future__ import annotations

from imbalance.report.tree.common import Gap, Head, SourceState


class ScanRow(Head, kw_only=True):
    """``imbalance.scan/1``: one coin of a scan.

    `figures` go by the names that conditions and ``--sort`` take, null where they are `missing` and why. A coin that
    could not be read has none, and says why in `failed`. `gaps` are what failed or is doubted of it.
    """

    figures: dict[str, float | str | None]
    missing: dict[str, str]
    failed: str
    gaps: list[Gap]


class ScanReport(Head, kw_only=True):
    """The rows of a scan together, as tables show them.

    `ranked` says by what the coins were chosen, where they were not named; `unknown` are those of which it is not known
    whether `when` holds: they have no row.
    """

    ranked: str | None
    when: str | None
    sort: str | None
    rows: list[ScanRow]
    unknown: list[str]
    sources: list[SourceState]
    gaps: list[Gap]
