"""The liquidation engine: pure numpy, arrays in, arrays out, deterministic.

``margin`` turns leverage into distance, ``flows`` turns bars into opened positions, ``passage`` finds when
price first reaches a level, ``cohorts`` joins them into exposure by distance and lifetime class,
``calibrate`` fits weights to observed liquidations, ``density`` lays the mass out by price, ``estimate``
runs it all over draws of the assumptions, ``clusters`` reads windows, bands and clusters off a map.
"""
