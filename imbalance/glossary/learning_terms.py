"""Terms of what is learnt from observed liquidations, and of the ranges, in the order in which data flow."""

from __future__ import annotations

from imbalance.glossary.term import Term

TERMS = (
    Term(
        "liquidation features",
        "What would have been liquidated in each hour if every position had one distance and one class of lives: "
        "expected liquidations are linear in the weights of these.",
        "X = sum of contracts left as of the bar before x liquidation price, over cohorts whose first passage is in "
        "the bar; y expected = capture x X w",
        "the price path of the bar itself; flows, open interest and the clock end with the bar before",
        "far positions of neighbouring bars, up to an hour's, count as opened together",
        "a bar's liquidations that were caused by one another's price impact are in its path already",
        aliases=("features",),
        code="engine/features.py",
    ),
    Term(
        "own-bar flow",
        "Positions that open and die within one bar: a feature of its own, one a structure.",
        "opened = mean of the day before x sqrt(ln(high / low) / its mean of the day before); of it dies what is dead "
        "on arrival",
        "the bars of the day before, and the bar's range",
        "busy bars open more, with the root of their range",
        "nothing derives the power of 1/2; the fit gives the whole term a weight of its own",
        aliases=("own bar",),
        code="engine/features.py",
    ),
    Term(
        "quasi-likelihood",
        "How likely the printed liquidations are under predicted ones, such that one burst does not bend the fit.",
        "variance phi mu (mu + f) / f; q(mu; y) = ((y / f) ln(mu / (mu + f)) - ln(mu + f)) f / phi; a row's residual "
        "counts for u = f / (mu + f); f is 10 times what a venue prints a row on average",
        "printed y and predicted mu [USD] by venue, side and hour",
        "rows are independent but for phi",
        "bursts last for hours: phi is taken from sums over days for that",
        aliases=("likelihood", "attention"),
        reference="Wedderburn, Biometrika 61, 1974, doi:10.1093/biomet/61.3.439; McCullagh & Nelder, Generalized "
        "Linear Models, 1989, ch. 9, doi:10.1007/978-1-4899-3242-6",
        code="engine/likelihood.py",
    ),
    Term(
        "dispersion",
        "How many USD of printed liquidations make one independent event.",
        "phi = sum over days and sides of (sum of u (y - mu))^2 / sum of u mu, the largest 1 % of the squares left out",
        "residuals of the level alone, summed over venues and a day",
        "days and sides are independent",
        "the trimming keeps one crash from ruling, so that crashes are more dispersed than it says",
        aliases=("effective events",),
        reference="quasi-Poisson by clusters: McCullagh & Nelder, Generalized Linear Models, 1989, "
        "doi:10.1007/978-1-4899-3242-6",
        code="engine/likelihood.py, engine/calibration.py",
    ),
    Term(
        "resampled days",
        "What the fit would have been had other days been drawn: the part of the ranges that is due to few "
        "liquidations.",
        "one step from the maximum in the log weights: delta = H^-1 sum over days of (n_d - 1) s_d, n_d how often a "
        "day was drawn, s_d its score, H = sum of c^2 x x' w w' u / (mu phi) + diag(a w / w0); at most 2 either way",
        "the days that the fit was made of",
        "days are independent",
        "to first order only",
        reference="one-step bootstrap: Davison & Hinkley, Bootstrap Methods, 1997, section 2.7, "
        "doi:10.1017/CBO9780511802843",
        code="engine/calibrate.py",
    ),
    Term(
        "structures",
        "Accounts of lives and leverage that the map mixes, each by how well it predicted what was printed later.",
        "part = weight beforehand x exp(0.1 x sum of q over blocks of days, each predicted by the fit of the days "
        "before), over the sum of all",
        "observed liquidations",
        "two: wall time with medians 12/8/5/4 (weight 1), activity time with medians 20/8/5/4 (weight 3)",
        "both may be wrong alike; the evidence counts for a tenth, because errors last for days",
        aliases=("ensemble", "mixture", "structure of lives"),
        reference="prequential: Dawid, J. R. Stat. Soc. A 147, 1984, doi:10.2307/2981683; tempered: Gruenwald & van "
        "Ommen, Bayesian Analysis 12, 2017, doi:10.1214/17-BA1085",
        code="engine/ensemble.py",
    ),
    Term(
        "recent level",
        "Each side's liquidations of late over what the fit predicts: the whole side is scaled by it.",
        "c (d / d of the other side)^(1/2), c = (20 + O of both) / (20 + M of both), d = (40 + O) / (40 + c M), O = "
        "sum of e^(-age / tau) u y / phi, M = sum of e^(-age / tau) u mu / phi, halved in weight every 3 days",
        "what was printed and predicted until now",
        "priors of 20 events for both sides together and of 40 for what a side has of its own, at 1",
        "it follows what was: at a turn it is late",
        aliases=("assimilation", "level"),
        reference="discounted Gamma-Poisson filter: West & Harrison, Bayesian Forecasting and Dynamic Models, 1997, "
        "ch. 10, doi:10.1007/b98971",
        code="engine/assimilate.py",
    ),
    Term(
        "opening days",
        "What the longs opened on a day count for against the shorts opened on it: traders of a day lean to one side, "
        "with the trend as a rule and as the days' liquidations tell, and what they opened lives on.",
        "a day's longs count e^x times, its shorts e^-x, x at the maximum of ln p(x) + sum over days and sides of (n "
        "ln m - m): n = u y / phi, m = sum over opening days of s u mu / phi e^(+-x), s the share of a day's "
        "predicted liquidations that was opened on that day; p normal with mean 0.15 z, deviation 0.25 and "
        "correlation e^-1 over 2 days; z the day's mean of the returns until each bar, halved in weight every 0.5 "
        "days, over their usual size, within 2.5",
        "the path; what was printed and predicted, day by day; by how many days before that was opened, from 30 days "
        "on as one",
        "traders follow the trend; neighbouring days lean alike; what both sides of a day have in common is left to "
        "the fit; nothing without observed liquidations",
        "the path alone of the lift has no lean: a part of the lift may be the trend's. Days of which little was "
        "liquidated lean as the trend and their neighbours; kept maps know whole days alone",
        aliases=("opening day", "lean"),
        reference="followers of the trend: De Long, Shleifer, Summers & Waldmann, J. Finance 45, 1990, "
        "doi:10.1111/j.1540-6261.1990.tb03695.x; correlation: Uhlenbeck & Ornstein, Phys. Rev. 36, 1930, "
        "doi:10.1103/PhysRev.36.823; EM: Dempster, Laird & Rubin, J. R. Stat. Soc. B 39, 1977, "
        "doi:10.1111/j.2517-6161.1977.tb01600.x; Gaussian processes: Rasmussen & Williams, 2006, section 3.4",
        code="engine/lean.py, engine/calibration.py",
    ),
    Term(
        "draws",
        "Two hundred maps that the data leave open; every range is made of their quantiles.",
        "each draw is of one structure, in proportion to its part, with resampled days, medians of leverage moved "
        "where the data have not overruled them (to the power 1 / (1 + events seen)), a capture, the form of the "
        "model, and the sides' levels: log-sd 1 / sqrt(20 + O of both) for both together, (1 / (10 + O of longs) + 1 / "
        "(10 + O of shorts))^(1/2) for their ratio. Not calibrated: leverage, the forced share and the form",
        "the fit; the spans of the assumptions",
        "spans are 90 % ranges of log-normals; draws come in mirrored pairs and end at 2.5 standard deviations",
        "what no structure supposes is in the form of the model alone",
        code="engine/ranges.py, engine/random_numbers.py",
    ),
    Term(
        "form of the model",
        "What a market may do otherwise than supposed: a factor of all, one of each side, and one that grows towards "
        "the price.",
        "exp(0.155 z + 0.18 z_side + 0.13 z'_side ln(0.15 / distance)), the last from 0 to 2.5, z normal; all three x "
        "clip(m / 0.7, 0.3, 1.1)^2, m the rms change of the log weights by the calibration",
        "how far the data moved the prior",
        "a market that the prior fits is one that the model fits",
        "the three spreads were set on simulated markets so that 90 % ranges hold 90 % there; measured on others of "
        "the kind: 0.90 with a complete feed, 0.83 of 18 sums with censored ones",
        code="engine/ranges.py",
    ),
    Term(
        "walk forward",
        "How the map is examined: every bar is predicted by what was known at its start, and its own path.",
        "fits of each day know the days before; the first 5 days are predicted by nothing",
        "bars with observed liquidations",
        known_errors="it scores what price came to reach; what lies far off is scored by maps kept for days alone",
        code="engine/walk.py",
    ),
)
