"""Many coins of a folder or the store at once: rows in every format, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import json

import msgspec
import pytest
from imbalance_cli.formats import Format
from imbalance_cli.render import render
from imbalance_cli.render.parts import Line, Table
from imbalance_cli.render.signal_views import MANY, study
from imbalance_cli.render.trial_views import validations

from imbalance.report import tree
from tests.cli.test_cli import run
from tests.cli.test_studies import outcome
from tests.library.store.test_past_bars import put as store_put
from tests.library.test_map_history import JANUARY_MS, bars, put
from tests.support.maps import HEAD, MOMENT

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bars")
    for seed, symbol in enumerate(("AAA", "BBB")):
        frame = bars(JANUARY_MS, 24 * 16, seed)
        frame["long_liquidations_base"] = 500 * (frame["open"] / frame["low"] - 1)
        frame["short_liquidations_base"] = 500 * (frame["high"] / frame["open"] - 1)
        put(place, symbol, "2026-01", frame)
    put(place, "CCC", "2026-01", frame).write_bytes(b"damaged")
    return place


def test_a_row_a_coin(folder):
    found = json.loads(run("validate", "--all", "--bars", folder, "--jobs", "1", "--json", check=0).stdout)
    document = msgspec.convert(found, tree.ValidateCoinsReport)
    assert (document.schema, document.symbol) == ("imbalance.validate-coins/1", "AAA BBB CCC")
    alone = json.loads(run("validate", "BBB", "--bars", folder, "--json", check=0).stdout)
    assert alone["schema"] == "imbalance.validate/1"
    same = ("methods", "members", "reliability", "verdict", "bars_tested", "inside_range_share", "venues", "as_of")
    assert {name: found["rows"][1][name] for name in same} == {name: alone[name] for name in same}
    rows = list(csv.DictReader(io.StringIO(render(document, Format.CSV, None))))
    assert [(row["symbol"], bool(row["failed"])) for row in rows] == [("AAA", False), ("BBB", False), ("CCC", True)]
    assert float(rows[1]["spearman"]) == next(m["spearman"] for m in alone["methods"] if m["name"] == "model")
    assert (rows[2]["spearman"], rows[2]["as_of"], rows[2]["bars_tested"]) == ("", "", "")


def coin(symbol, **fields):
    return tree.ValidatedCoin(symbol, **fields)


def test_rows_of_scores_and_of_none():
    model = tree.MethodScore("model", 0.5, None, 0.1, 0.05, 0.15, 0.02, -0.01, 0.03)
    move = tree.MethodScore("move alone", 0.1, 0.1, 0.0, None, None, None, None, None)
    yes, unknown = tree.TrialVerdict(True, "Beats."), tree.TrialVerdict(None, "Too few days.")  # noqa: FBT003
    scored = {"bars_tested": 1234, "inside_range_share": 0.9, "methods": [move, model], "verdict": yes}
    table, *lines = validations(
        tree.ValidateCoinsReport(
            schema="imbalance.validate-coins/1", sources=[], gaps=[],
            rows=[
                coin("A", notes=["short"], **scored),
                coin("B", bars_tested=0, verdict=unknown),
                coin("C", failed="damaged"),
            ],
            **{name: value for name, value in HEAD.items() if name not in {"sources", "gaps"}},
        )
    )  # fmt: skip
    assert isinstance(table, Table)
    assert table.rows == [
        ["A", "1,234", "0.500", "-", "+0.020 (-0.010 to +0.030)", "90 %", "yes"],
        ["B", "0", "-", "-", "-", "-", "cannot be told"],
        ["C", "-", "-", "-", "-", "-", "failed"],
    ]
    assert table.styles == ["", "", "warn"]
    assert [line.text for line in lines[:-1]] == ["A: short", "B: Too few days.", "C: damaged"]


def test_more_markets_than_fit_have_a_row_each_and_only_evidence_beneath():
    def shown(many, evidence):
        markets = [tree.StudiedMarket(f"C{i}", "x", "1h", MOMENT, MOMENT, 1_440, 30, 0, []) for i in range(many)]
        outcomes = [outcome(symbol=m.symbol, adjusted_p=0.2 + i / 10) for i, m in enumerate(markets)]
        outcomes[1:2] = [outcome(symbol="C1", evidence=evidence, adjusted_p=0.03 if evidence else None)]
        return study(tree.BacktestReport(
            schema="imbalance.backtest/1", signal="sweep", meaning="lows", verdict=tree.StudyVerdict(None, "V"),
            markets=markets, outcomes=outcomes, **HEAD,
        ))  # fmt: skip

    few = [block for block in shown(MANY, evidence=True) if isinstance(block, Table)]
    assert [len(table.rows) for table in few] == [MANY]
    coins, outcomes = (block for block in shown(MANY + 1, evidence=True) if isinstance(block, Table))
    assert coins.rows[:2] == [
        ["C0", "1,440 of 1h", "2026-01-30 to 2026-01-30", "30", "0.200", "0 of 1"],
        ["C1", "1,440 of 1h", "2026-01-30 to 2026-01-30", "30", "0.030", "1 of 1"],
    ]
    assert [row[0] for row in outcomes.rows] == ["C1"]
    (coins,) = (block for block in shown(MANY + 1, evidence=False) if isinstance(block, Table))
    assert coins.rows[1][4:] == ["-", "0 of 1"]
    assert not any("events in" in block.text for block in shown(MANY + 1, evidence=True) if isinstance(block, Line))


def test_a_study_of_many_coins_of_a_folder(folder):
    done = run("backtest", "sweep", "BBB", "CCC", "--bars", folder, "--jobs", "1", "--json", check=0)
    found = json.loads(done.stdout)
    assert ([m["symbol"] for m in found["markets"]], found["symbol"]) == (["BBB"], "BBB")
    assert [(gap["source"], gap["what"]) for gap in found["gaps"]] == [("CCC", "bars")]
    assert "imbalance: gap: CCC bars: " in done.stderr
    alone = json.loads(run("backtest", "sweep", "BBB", "--bars", folder, "--json", check=0).stdout)
    assert found | {"gaps": []} == alone


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["validate", "AAA", "BBB", "--replay", "article"], 2, "several coins are validated on stored bars"),
        (["validate", "--all", "--no-store"], 2, "several coins are validated on stored bars"),
        (["validate", "AAA", "BBB"], 2, "there is no store yet"),
        (["validate", "AAA", "--all", "--bars", "{bars}"], 2, "some are named"),
        (["validate", "AAA", "BBB", "--bars", "{bars}", "-o", "x.png"], 2, "validate-coins draws no picture"),
        (["validate", "--cluster", "tcp://127.0.0.1:1"], 2, "an SQLite store is a file of this machine"),
        (["backtest", "sweep", "--cluster", "tcp://127.0.0.1:1"], 2, "an SQLite store is a file of this machine"),
        (["map-history", "-o", "x", "--cluster", "tcp://127.0.0.1:1"], 2, "an SQLite store is a file of this machine"),
        (["validate", "--all", "--bars", "no/bars"], 2, "no/bars: no such folder"),
        (["backtest", "sweep", "--all", "--bars", "no/bars"], 2, "no/bars: no such folder"),
        (["validate", "CCC", "CCC2", "--bars", "{bars}", "--jobs", "1"], 3, "no coin could be validated\n  CCC: "),
        (["validate", "ZZ1", "ZZ2", "--bars", "{bars}", "--jobs", "1"], 3, "\n  ZZ2: "),
    ],
)
def test_what_cannot_be(folder, words, code, told):
    done = run(*(str(folder) if word == "{bars}" else word for word in words), check=code)
    assert told in done.stderr
    assert done.stdout == ""


def test_the_schema_is_that_of_what_is_asked():
    assert "ValidateReport" in json.loads(run("validate", "--json-schema", check=0).stdout)["$ref"]
    assert "ValidateCoins" in json.loads(run("validate", "A", "B", "--json-schema", check=0).stdout)["$ref"]


def test_the_store_is_read_where_no_folder_is_named(tmp_path):
    file = tmp_path / "history.db"
    for seed, symbol in enumerate(("AAA", "BBB")):
        store_put(str(file), symbol, bars(JANUARY_MS, 24 * 4, seed))
    env = {"IMBALANCE_DB": str(file)}
    asked = ("--interval", "1h", "--json")
    made = json.loads(run("map-history", "AAA", "-o", tmp_path / "m", "--jobs", "1", *asked, env=env, check=0).stdout)
    assert (made["mode"], [p["state"] for p in made["partitions"]]) == ("store", ["written"])
    told = run("map-history", "AAA", "-o", tmp_path / "m", "--interval", "1h", env=env, check=0).stdout
    assert "local history" in told
    assert "as it was known then" not in told
    found = json.loads(run("backtest", "sweep", "--all", "--jobs", "1", *asked, env=env, check=0).stdout)
    assert ([m["symbol"] for m in found["markets"]], found["mode"]) == (["AAA", "BBB"], "store")
    none = run("validate", "--all", "--jobs", "1", *asked, env=env, check=3).stderr
    assert "AAA: no observed liquidations to validate against" in none
