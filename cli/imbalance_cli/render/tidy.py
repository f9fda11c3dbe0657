"""A document as tidy CSV: one figure a line.

Columns: section, name, field, value, low, high, unit, kind, source, as_of.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from imbalance.report import tree

COLUMNS = ("section", "name", "field", "value", "low", "high", "unit", "kind", "source", "as_of")
_NAMES = ("name", "id", "source", "side")


def to_csv(document: tree.Document) -> str:
    """Write a document as CSV; missing values are empty."""
    if isinstance(document, tree.ValidateReport):
        return _every_bar(document)
    if isinstance(document, tree.HeatmapReport):
        return _every_cell(document)
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
    if isinstance(document, tree.ClustersReport):
        yield from _map(document.map)
    for section, value in msgspec.to_builtins(document).items():
        if section not in {"metrics", "map", "schema", "version", "mode", "scenario", "symbol", "as_of"}:
            yield from _flat(section, "", "", value)


def _map(m: tree.Map) -> Iterator[dict[str, Any]]:
    for i, edge in enumerate(m.edges[:-1]):
        for side in ("long", "short"):
            base = {
                "section": "map",
                "name": f"{edge:g}-{m.edges[i + 1]:g}",
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
