"""What a sum lacks is told by the venues chosen, not by those that had something to be asked for."""

from __future__ import annotations

import json
import shutil

import pytest

from imbalance import service
from imbalance.collect import Options
from imbalance.errors import MissingDataError
from imbalance.fetch.recording import find
from imbalance.fetch.settings import SourceSettings
from imbalance.venues import VENUES


def document(command, **options):
    return getattr(service, command)(Options(**options), SourceSettings(), 0, lambda _h: None)


@pytest.mark.parametrize("scenario", ["article", "article-keyless"])
def test_a_command_lacks_what_the_report_lacks(scenario):
    report = document("report", replay=scenario)
    for command in ("open_interest", "volume", "liquidations"):
        found = document(command, replay=scenario)
        assert getattr(found, command).missing == getattr(report, command).missing
    silent = [(g.source, g.message) for g in report.gaps if g.what == "liquidations"]
    assert {"binance", "bybit"} <= {source for source, _message in silent}
    assert [(g.source, g.message) for g in found.gaps if g.what == "liquidations"] == silent


def test_every_venue_is_in_a_sum_or_missing():
    found = document("liquidations", replay="article-keyless").liquidations
    assert sorted(found.of + found.missing) == sorted(v.name for v in VENUES)
    chosen = document("liquidations", replay="article-keyless", venues=("okx", "binance")).liquidations
    assert (chosen.of, chosen.missing) == (["okx"], ["binance"])


def test_a_venue_that_the_recording_lacks_is_missing_and_told_once(tmp_path):
    (tmp_path / "article").symlink_to(find("article"))
    case = shutil.copytree(find("article-keyless"), tmp_path / "case")
    index = json.loads((case / "recording.json").read_text())
    index["without"].append("gate")
    (case / "recording.json").write_text(json.dumps(index))
    found = document("open_interest", replay=str(case))
    assert found.open_interest.missing == ["gate"]
    assert [g.message for g in found.gaps if g.source == "gate"] == ["not in the recording"]


def test_venues_that_publish_no_liquidations_are_told_as_such():
    for names in (("binance",), ("binance", "hyperliquid")):
        with pytest.raises(MissingDataError) as caught:
            document("liquidations", replay="article-keyless", venues=names)
        assert "binance: available over WebSocket only" in caught.value.hint
        assert "connection" not in caught.value.hint
    assert "hyperliquid: publishes none for the whole market" in caught.value.hint
