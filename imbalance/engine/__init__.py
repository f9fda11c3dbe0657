"""The liquidation engine: pure numpy, arrays in, arrays out, deterministic.

``assumptions`` holds what the data do not tell, ``margin`` and ``leverage`` turn leverage to distance, ``flows`` turns
bars into opened positions, ``clock`` tells how fast they close, ``cohorts`` joins these, ``passage`` finds when price
first reaches a level, ``density`` lays the mass out by price and ``features`` by the bar in which it is liquidated.
``likelihood``, ``calibrate`` with its ``solver``, ``ensemble``, ``assimilate``, ``lean`` and ``calibration`` learn from
observed liquidations, ``ranges`` draws what they leave open, ``audit`` accounts for all of it, and ``estimate`` runs
the whole; ``clusters`` reads windows, bands and clusters off a map, ``walk``, ``validate`` and ``frozen`` score it.
``at_once`` gives the parts of long histories to two threads.
"""
