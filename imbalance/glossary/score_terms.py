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
    Term("move alone", "Liquidations predicted from how far price moved in the bar, volume and open interest."),
    Term(
        "fixed leverages", "Liquidations predicted as popular maps do: a few fixed leverages, positions kept for ever."
    ),
    Term(
        "rank",
        "Whether bars with more liquidations were told from those with fewer; 1 is the perfect order, 0 is chance.",
        "Spearman's rank correlation of observed and predicted, both sides",
        "bars with observed liquidations",
        aliases=("spearman",),
    ),
    Term(
        "partial",
        "The same, of what is left once the bar's own move is known: what the map adds to it.",
        "Spearman's rank correlation of the residuals on a cubic of the move's rank",
    ),
    Term(
        "R2 over move",
        "How much more of the variance of log liquidations is told out of sample than by the move alone.",
        "(squared errors of the move's ridge - those with the prediction added) / total variance",
        "the range is over days drawn with replacement",
        aliases=("r2 over move (90 %)", "over path null (90 %)", "over path null"),
    ),
    Term(
        "inside",
        "The share of bars whose observed liquidations lay inside their 90 % interval; below and above are the rest.",
        known_errors="90 % would be right; the report says so where it is less",
        aliases=("below", "above"),
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
    ),
    Term(
        "bars",
        "How many bars were examined; in classes of predictions each counts for longs and for shorts.",
        aliases=("bars tested",),
    ),
    Term(
        "map kept",
        "A map that is left as it is for so long, and what price then crossed held against what was liquidated there.",
        aliases=("maps", "horizon"),
    ),
    Term("bands", "Spans of 1 % of price that price came to cross while the map was kept."),
    Term("by width", "The rank correlation that the mere width crossed has with what was liquidated."),
    Term(
        "|ln error|",
        "The mean of the absolute logarithm of predicted over observed: 0.69 is a factor of two.",
        "of bands, after one scale for all of them",
    ),
    Term(
        "level error",
        "The same of all that a side's map held where price came to cross, against all that was liquidated there.",
        "mean |ln(sum held / sum observed)| by map and side, without any scale",
        "maps at the scale that was learnt from what was printed until then",
    ),
)
