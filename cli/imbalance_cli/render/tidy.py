"""A document as tidy CSV: one figure a line.

Columns: section, name, field, value, low, high, unit, kind, source, as_of.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from imbalance.report import figures, tree
from imbalance.units import plain

COLUMNS = ("section", "name", "field", "value", "low", "high", "unit", "kind", "source", "as_of")
_NAMES = ("name", "id", "source", "side")


def to_csv(document: tree.Document) -> str:
    """Write a document as CSV; missing values are empty."""
    if isinstance(document, tree.ValidateReport):
        return _every_bar(document)
    if isinstance(document, tree.HeatmapReport):
        return _every_cell(document)
    if isinstance(document, tree.ScanReport):
        return _every_coin(document)
    if isinstance(document, tree.ValidateCoinsReport):
        return _every_trial(document)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in _rows(document):
        writer.writerow({"as_of": document.as_of} | row)
    return stream.getvalue()


def _every_cell(document: tree.HeatmapReport) -> str:
    """Write the cells that hold anything: time, low and high price, long and short USD."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("time", "low", "high", "long_usd", "short_usd"))
    for time, longs, shorts in zip(document.time, document.long_usd, document.short_usd, strict=True):
        for i, (long, short) in enumerate(zip(longs, shorts, strict=True)):
            if long or short:
                writer.writerow((time, document.edges[i], document.edges[i + 1], long, short))
    return stream.getvalue()


def _every_coin(document: tree.ScanReport) -> str:
    """Write a line a coin: every figure by its name, and why what is missing is."""
    names = list(figures.known())
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("symbol", "as_of", *names, "failed", "missing"))
    for row in document.rows:
        missing = "; ".join(f"{name}: {why}" for name, why in row.missing.items())
        writer.writerow((row.symbol, row.as_of, *(row.figures.get(name) for name in names), row.failed, missing))
    return stream.getvalue()


def _every_trial(document: tree.ValidateCoinsReport) -> str:
    """Write a line a coin: the scores of the model, or why there are none."""
    scores = [name for name in tree.MethodScore.__struct_fields__ if name != "name"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("symbol", "from", "as_of", "beats_path", "bars_tested", "inside_range_share", *scores, "failed"))
    for row in document.rows:
        beats = None if row.verdict is None else row.verdict.beats_path
        head = (row.symbol, row.start, row.as_of, beats, row.bars_tested, row.inside_range_share)
        writer.writerow((*head, *(getattr(row.model, name, None) for name in scores), row.failed))
    return stream.getvalue()


def _every_bar(document: tree.ValidateReport) -> str:
    """Write what was predicted and observed of every bar: the columns of a score, nothing else."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, tree.BarPrediction.__struct_fields__, lineterminator="\n")
    writer.writeheader()
    writer.writerows(msgspec.to_builtins(document.bars))
    return stream.getvalue()


def _rows(document: tree.Document) -> Iterator[dict[str, Any]]:
    for m in getattr(document, "metrics", []):
        found = {k: getattr(m, k) for k in ("value", "low", "high", "unit", "kind", "source", "as_of")}
        found["kind"] = "quoted" if m.quoted_from else m.kind
        yield {"section": "metrics", "name": m.id, "field": "value"} | found
        for q in m.quoted:
            row = {"section": "quoted", "name": m.id, "unit": m.unit, "source": q.source}
            yield row | {"field": "value", "value": q.value, "kind": "quoted"}
            yield row | {
                "field": "own",
                "value": q.own_value,
                "low": q.own_low,
                "high": q.own_high,
                "kind": "estimated",
            }
    told = {"metrics", "map", "schema", "version", "mode", "scenario", "symbol", "as_of"}
    if isinstance(document, tree.ClustersReport):
        yield from _map(document.map)
    if isinstance(document, tree.SignalsReport):
        yield from _signals(document)
        told |= {"signals", "sweeps", "checklists"}
    for section, value in msgspec.to_builtins(document).items():
        if section not in told:
            yield from _flat(section, "", "", value)


def _signals(document: tree.SignalsReport) -> Iterator[dict[str, Any]]:
    """Yield signals with their evidence, sweeps by when they were won back, and conditions by their checklist."""
    for s in document.signals:
        row: dict[str, Any] = {"section": "signals", "name": s.id, "kind": s.kind, "source": s.source, "as_of": s.as_of}
        yield row | {"field": "value", "value": s.value, "unit": s.unit}
        yield row | {"field": "text", "value": s.text}
        yield from (row | {"field": f"evidence.{name}", "value": value} for name, value in s.evidence.items())
        if s.base_rate is not None:
            yield from _named(row, s.base_rate, "base_rate.")
    for event in document.sweeps:
        yield from _named({"section": "sweeps", "name": f"{event.side} {event.reclaimed}"}, event)
    for c in document.checklists:
        for one in c.conditions:
            row = {"section": "checklists", "name": f"{c.id}.{one.id}"}
            yield row | {"field": "state", "value": one.state}
            yield row | {"field": "text", "value": one.text}
            yield from (row | {"field": f"evidence.{name}", "value": value} for name, value in one.evidence.items())
        yield from _named({"section": "checklists", "name": c.id}, c.base_rate, "base_rate.")


def _named(row: dict[str, Any], part: msgspec.Struct, before: str = "") -> Iterator[dict[str, Any]]:
    """Yield the fields of a part of a document, one a line; of a list each value."""
    for name, value in msgspec.structs.asdict(part).items():
        for one in value if isinstance(value, list) else [value]:
            yield row | {"field": f"{before}{name}", "value": one}


def _map(m: tree.Map) -> Iterator[dict[str, Any]]:
    for i, edges in enumerate(itertools.pairwise(m.edges)):
        for side in ("long", "short"):
            base = {
                "section": "map",
                "name": "-".join(plain(price, thousands="") for price in edges),
                "unit": "usd",
                "kind": "estimated",
            }
            value, low, high = (getattr(m, f"{side}_usd{end}")[i] for end in ("", "_low", "_high"))
            if value or high:
                yield base | {"field": f"{side}_usd", "value": value, "low": low, "high": high}
                yield base | {"field": f"{side}_exposed_usd", "value": getattr(m, f"{side}_exposed_usd")[i]}


def _flat(section: str, name: str, field: str, value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  plain JSON
    if isinstance(value, dict):
        name = next((str(value[k]) for k in _NAMES if value.get(k)), name)
        for key, inner in value.items():
            if key not in _NAMES:
                yield from _flat(section, name, f"{field}.{key}" if field else key, inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _flat(section, name or str(i), field, inner)
    else:
        yield {"section": section, "name": name, "field": field or "value", "value": value}
