"""WebSocket readers: connect, subscribe, keep alive, reconnect, and say what was heard and when nothing was.

Beside `fetch` the only network code. What messages mean is told in `venues/streams`; what comes of it goes, in order
and within bounds, into a `Buffer`.
"""
