"""Terms of the map's own examination."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
    Term(
        "predicts by",
        "What a prediction of a bar's liquidations rests on: the map and the bar's own path, or something simpler.",
        aliases=("model",),
    ),
    Term(
        "member",
        "One of the structures that the model mixes, by itself: a clock that positions close by, lifetimes, leverage.",
        inputs="observed liquidations up to the day before",
        known_errors="members differ in what they suppose, not in data: all may err alike",
    ),
    Term(
        "move alone",
        "Liquidations predicted from how far price moved in the bar, volume and open interest.",
        "ridge regression (penalty 5) of ln(1 + y / 10,000 USD) on the log move against the side, its square and cube, "
        "the other side's, ranges of a day and 5 days, volume, open interest; refitted daily on all days before",
        reference="Hoerl & Kennard, Technometrics 12, 1970, doi:10.1080/00401706.1970.10488634",
        code="engine/walk.py, engine/scores.py",
    ),
    Term(
        "fixed leverages",
        "Liquidations predicted as popular maps do: a few fixed leverages, positions kept for ever.",
        "equal shares at 5, 10, 20, 25, 50 and 100, maintenance rate 0.5 %, swept by price, never closed",
        known_errors="on simulated markets, measured: W1 of the shape 1.71 percentage points of price, the map's 1.06",
        code="engine/walk.py, engine/leverage.py",
    ),
    Term(
        "rank",
        "Whether bars with more liquidations were told from those with fewer; 1 is the perfect order, 0 is chance.",
        "Spearman's rank correlation of observed and predicted, both sides",
        "bars with observed liquidations",
        known_errors="on real hourly liquidations of summer 2024, measured: 0.86 for SOL and 0.83 for BTC, of the move "
        "alone 0.74",
        aliases=("spearman",),
        reference="Spearman, Am. J. Psychol. 15, 1904, doi:10.2307/1412159",
        code="engine/scores.py",
    ),
    Term(
        "partial",
        "The same, of what is left once the bar's own move is known: what the map adds to it.",
        "Spearman's rank correlation of the residuals on a cubic of the move's rank",
        code="engine/scores.py",
    ),
    Term(
        "R2 over move",
        "How much more of the variance of log liquidations is told out of sample than by the move alone.",
        "(squared errors of the move's ridge - those with the prediction added) / total variance",
        "the range is over days drawn with replacement",
        known_errors="on real hourly liquidations of summer 2024, measured: 0.162 for SOL and 0.092 for BTC, of the "
        "path alone 0.131 and 0.073",
        aliases=("r2 over move (90 %)", "over path null (90 %)", "over path null"),
        code="engine/scores.py, engine/validate.py",
    ),
    Term(
        "inside",
        "The share of bars whose observed liquidations lay inside their 90 % interval; below and above are the rest.",
        "interval: prediction x the 5 % and 95 % quantiles of observed / predicted in past bars predicted alike, in at "
        "most 8 classes of at least 30 bars",
        "bars predicted and observed before the day",
        known_errors="90 % would be right; the report says so where it is less",
        aliases=("below", "above"),
        code="engine/walk.py",
    ),
    Term("predicted", "Bars classed by how much was predicted for them, so that each class can be examined."),
    Term(
        "mean",
        "What a bar of the class was predicted to print, on average.",
    ),
    Term(
        "observed",
        "What a bar of the class printed, on average; a prediction to be relied on lies inside its range.",
        "mean of observed USD; the range is over days drawn with replacement",
        aliases=("observed (90 %)",),
        code="engine/scores.py, engine/validate.py",
    ),
    Term(
        "bars",
        "How many bars were examined; in classes of predictions each counts for longs and for shorts.",
        aliases=("bars tested",),
    ),
    Term(
        "map kept",
        "A map that is left as it is for so long, and what price then crossed held against what was liquidated there.",
        formula="rank correlation, over all bands that price came to cross, of what the map held in a band with what "
        "was liquidated in the bars that first crossed it, a bar's shared out by the width that it crossed",
        inputs="a map of each day; liquidations of the days after",
        known_errors="after 1, 3 and 7 days, measured: 0.57, 0.45 and 0.33 for SOL, 0.54, 0.46 and 0.34 for BTC",
        aliases=("maps", "horizon"),
        code="engine/frozen.py",
    ),
    Term("bands", "Spans of 1 % of price that price came to cross while the map was kept."),
    Term("by width", "The rank correlation that the mere width crossed has with what was liquidated."),
    Term(
        "|ln error|",
        "The mean of the absolute logarithm of predicted over observed: 0.69 is a factor of two.",
        "mean |ln((held + 10,000 USD) / (observed + 10,000 USD))| of bands, after one scale for all of them",
        code="engine/frozen.py",
    ),
    Term(
        "level error",
        "The same of all that a side's map held where price came to cross, against all that was liquidated there.",
        "mean |ln(sum held / sum observed)| by map and side, without any scale",
        "maps at the scale that was learnt from what was printed until then",
        code="engine/frozen.py",
    ),
)
