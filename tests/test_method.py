"""The method page says what the engine computes, and of all that it computes."""

from __future__ import annotations

import re

import pytest
from imbalance_cli.commands.explain import LABELS
from markdown_it import MarkdownIt

from imbalance.backtest import outcomes, study
from imbalance.engine import (
    assimilate,
    assumptions,
    calibrate,
    calibration,
    cascade,
    clock,
    cohorts,
    density,
    ensemble,
    features,
    frozen,
    lean,
    leverage,
    likelihood,
    liquidation_map,
    ranges,
    scores,
    walk,
)
from imbalance.glossary import TERMS, lookup
from imbalance.signals import checklist, levels, past, quadrant, springs, sweeps
from imbalance.units import DAY_MS, HOUR_MS
from tests.method import PACKAGE, PAGE, PARTS, modules, page
from tests.readme import README

ON_PAGE = [lookup(name) for names in PARTS.values() for name in names]
# Arrays that go in, what keeps nonsense out of them, and two threads.
WITHOUT_FORMULA = {
    "engine/__init__.py",
    "engine/venue.py",
    "engine/bounds.py",
    "engine/at_once.py",
    "backtest/__init__.py",
}
# Two sides as one, and what is not the method's but the data's.
GLUE = {"signals/sided.py"}
A = assumptions.Assumptions()
ONE, TWO = A.structures


def test_the_page_is_the_glossary():
    assert PAGE.read_text() == page(), "run python -m tests.method"


def test_every_module_that_computes_is_on_the_page():
    named = {module for term in ON_PAGE for module in modules(term)}
    there = {str(p.relative_to(PACKAGE)) for d in ("engine", "signals", "backtest") for p in (PACKAGE / d).glob("*.py")}
    assert there - named == WITHOUT_FORMULA | GLUE


def test_every_module_that_is_named_exists_and_terms_that_name_one_are_on_the_page():
    assert [m for term in TERMS for m in modules(term) if not (PACKAGE / m).is_file()] == []
    assert [term.name for term in TERMS if term.code and term not in ON_PAGE] == []


def test_every_term_of_the_page_has_a_formula_and_its_place():
    assert [t.name for t in ON_PAGE if not (t.formula and t.code)] == ["price path"]
    assert len({t.name for t in ON_PAGE}) == len(ON_PAGE)


def test_what_is_shown_is_what_explain_prints():
    shown = [t.content for t in MarkdownIt("gfm-like", {"linkify": False}).parse(page()) if t.type == "inline"]
    plain = [re.sub(r"\*\*(.+?:)\*\*|\[([^\]]+)\]\([^)]+\)", lambda m: m[1] or m[2], text) for text in shown]
    for term in ON_PAGE:
        rows = [f"{label}: {getattr(term, field)}" for field, label in LABELS.items() if getattr(term, field)]
        at = plain.index(term.name)
        assert plain[at + 1 : at + 2 + len(rows)] == [term.meaning, *rows]


def test_formulas_hold_no_mark_that_markdown_would_take():
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page()):
        kinds = {child.type for child in token.children or ()}
        assert kinds <= {"text", "strong_open", "strong_close", "link_open", "link_close", "code_inline", "softbreak"}
        assert token.type != "html_block"
    assert page().count("`") == 4  # of the head alone


def means(structure):
    return ", ".join(f"{1 / h:.2g}" for h in structure.hazard_a_day[:-1]) + f" and {1 / structure.hazard_a_day[-1]:.2g}"


def medians(structure):
    return "/".join(f"{v:g}" for v in structure.leverage)


NUMBERS = {
    "opened and closed": [f"k = {A.turnover_share:g}"],
    "activity clock": [f"so far, {clock.MOST_ACTIVITY:g})^p"],
    "lifetimes": [means(ONE), means(TWO), "{:g}, {:g}, {:g} and {:g}".format(*ONE.share)],
    "old inventory": [
        f"{cohorts.OLD_POINTS} even quantiles",
        f"first {cohorts.FIRST_DAYS:g} days", f"sqrt({cohorts.OLD_AGE_DAYS:g} d",
        f"leaves out {calibration.SKIPPED_DAYS} ",
    ],
    "entry points": [
        f"n is {density.entry_points(HOUR_MS)} for bars of an hour",
        f"usually spans ({density.sum_points(HOUR_MS - 1)} where",
    ],
    "maintenance margin rate": [f"{A.typical_notional_usd:,.0f} USD", f"{leverage.UNKNOWN_RATE * 100:g} %"],
    "distance to liquidation": [
        "{} cells from {:.2f} % to {:.0f} %".format(A.distances, *(100 * density.distance_edges(A.distances)[[0, -1]])),
        f"{density.distance_edges(A.distances)[1] / density.distance_edges(A.distances)[0]:.2f} times",
    ],
    "leverage prior": [
        f"log-sd {ONE.leverage_log_sd:g}, medians {medians(ONE)}", medians(TWO), f"factor of {A.leverage_span:g}",
    ],
    "price bins": [f"{density.BIN_LOG_WIDTH:g} wide", f"{density.REACH_LOG:g} of it"],
    "quasi-likelihood": [f"f is {likelihood.FLOOR_SHARE:g} times"],
    "dispersion": [f"largest {100 * (1 - likelihood.TRIMMED):.0f} %"],
    "calibrated": [
        f"(a = {calibrate.CLASS_STRENGTH:g} events, {calibrate.CLASS_STEPS} steps)",
        f"(a = {calibrate.PRIOR_STRENGTH:g}, {calibrate.STEPS} steps)",
        f"first {calibration.SKIPPED_DAYS} days", f"{A.least_events:g} effective",
    ],
    "capture": [f"{A.capture:g} with a factor of {A.capture_span:g}"],
    "structures": [
        f"exp({ensemble.TEMPER:g} x", f"medians {medians(ONE)} (weight {ONE.weight:g})",
        f"medians {medians(TWO)} (weight {TWO.weight:g})",
    ],
    "recent level": [
        f"({2 * assimilate.PRIOR_EVENTS:g} + O of both)", f"({assimilate.DIFFERENCE_EVENTS:g} + O)",
        f"every {assimilate.HALF_LIFE_DAYS:g} days",
    ],
    "opening days": [
        f"mean {lean.FOLLOWING:g} z, deviation {lean.LOG_SD:g}", f"e^-1 over {lean.MEMORY_DAYS:g} days",
        f"every {lean.TREND_HALF_LIFE_DAYS:g} days", f"within {lean.MOST_TREND:g}", f"from {features.AGES} days on",
    ],
    "resampled days": [f"at most {calibrate.FARTHEST:g} either way"],
    "forced": [f"prior x {A.forced_share:g}", f"a factor of {A.forced_span:g}"],
    "form of the model": [
        "exp({:g} z + {:g} z_side + {:g} z'_side".format(*A.structure_log_sd), f"ln({ranges.PIVOT:g} / distance)",
        f"0 to {ranges.FARTHEST:g}", "clip(m / {:g}, {:g}, {:g})".format(ranges.USUAL_MOVE, *ranges.MOVES),
    ],
    "draws": [f"end at {ranges.FARTHEST:g} standard"],
    "90 % range": [f"{100 * liquidation_map.LOW:g} % and {100 * liquidation_map.HIGH:g} % quantiles"],
    "within": [f"holds {100 * liquidation_map.BAND_SHARE:g} %"],
    "cascade": [f"log-sd {cascade.IMPACT_LOG_SD:g}"],
    "impact law": [f"Y = {cascade.IMPACT_COEFFICIENT:g}"],
    "own-bar flow": ["sqrt("] if features.OWN_BAR_POWER == 0.5 else [str(features.OWN_BAR_POWER)],
    "walk forward": [f"first {walk.WARM_DAYS} days"],
    "move alone": [f"penalty {scores.RIDGE:g}", f"{scores.FLOOR_USD:,.0f} USD"],
    "fixed leverages": ["{:g}, {:g}, {:g}, {:g}, {:g} and {:g}".format(*walk.FIXED_LEVERAGES)],
    "inside": [f"at most {walk.RELIABILITY_BINS} classes of at least {walk.LEAST_IN_BIN} bars"],
    "|ln error|": [f"{frozen.FLOOR_USD:,.0f} USD"],
    "percentile": [f"fewer than {past.LEAST_PAST} "],
    "price and interest": ["half a standard deviation"] if quadrant.LEAST_Z == 0.5 else [str(quadrant.LEAST_Z)],
    "liquidity sweep": [
        f"the {levels.REACH_DAYS} days before", f"{levels.LIVES_MS // DAY_MS} days",
        f"{100 * sweeps.DEEPEST:.0f} % below",
        f"within {sweeps.RECLAIM_MS // HOUR_MS} h", f"the {sweeps.PAST_MS // DAY_MS} days before",
    ],
    "cleared": [f"{100 * sweeps.CLEARED_FROM:g} % and more", f"{sweeps.PAST_MS // DAY_MS} days before"],
    "Wyckoff spring": [f"{100 * springs.WIDEST:g} % (log)"],
    "rally checklist": [f"at {checklist.EXTREME} or below", f"within {checklist.RECENT_MS // DAY_MS} days"],
    "base rate": [
        f"fewer than {study.LEAST_EVENTS} events", f"blocks of {study.BLOCK_DAYS} days",
        "h of {:g}, {:g}, {:g} hours".format(*(h / HOUR_MS for h in outcomes.HORIZONS_MS[:3])),
        "{:g}, {:g} and {:g} days".format(*(h / DAY_MS for h in outcomes.HORIZONS_MS[3:])),
    ],
    "p adjusted": [f"{study.DRAWS:,} placebo dates", f"asks {study.LEVEL:g} of it"],
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_the_code(name):
    term = lookup(name)
    text = f"{term.meaning} {term.formula} {term.inputs} {term.assumptions} {term.known_errors}"
    for number in NUMBERS[name]:
        assert number in text


def test_what_was_measured_stands_in_the_readme():
    trust = README.read_text().split("## How far to trust it")[1].split("\n## ")[0]
    known = set(re.findall(r"\d+(?:\.\d+)?", trust))
    told = [t.known_errors.split("measured: ", 1)[1] for t in TERMS if "measured: " in t.known_errors]
    assert len(told) >= 8
    for text in told:
        figures = re.findall(r"\d+(?:\.\d+)?", text)
        assert figures
        assert set(figures) <= known, text
