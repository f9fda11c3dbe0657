"""An answer about every coin, cut into what the source would have answered about each."""

from __future__ import annotations

import msgspec

from imbalance.errors import ParseError

Rows = list[msgspec.Raw]


class AtOnce(msgspec.Struct, frozen=True):
    """How an endpoint is asked about all coins in one request, where its source allows that.

    `query` asks for all; `names` is the parameter that names the contract where one alone is asked for, `row` the field
    of a row that does. The rows lie under the keys of `within`. Where `bare`, the answer about one contract is its row
    by itself, else a list of that row within the same keys. `path` and `weight` are its own.
    """

    query: tuple[tuple[str, str], ...]
    names: str
    row: str
    weight: float
    within: tuple[str, ...] = ()
    bare: bool = False
    path: str = ""

    def parts(self, body: bytes, source: str, endpoint: str) -> dict[str, bytes]:
        """Return, by contract, the body that asking about it alone would have given.

        Raises
        ------
        ParseError
            If the rows do not lie where they should, or a contract has two.
        """
        path = ".".join(("$", *self.within))
        try:
            envelopes, rows = self._opened(body)
            keys = msgspec.json.decode(b"[%b]" % b",".join(rows), type=list[dict[str, msgspec.Raw]])
            named = [msgspec.json.decode(key[self.row], type=str) for key in keys]
        except (msgspec.MsgspecError, KeyError) as error:
            raise ParseError(source, endpoint, str(error), path) from None
        if len(set(named)) < len(named):
            raise ParseError(source, endpoint, "a contract has two rows", path)
        return {name: self._closed(envelopes, bytes(row)) for name, row in zip(named, rows, strict=True)}

    def _opened(self, body: bytes) -> tuple[list[dict[str, msgspec.Raw]], list[bytes]]:
        """Return the envelopes from the outermost in, and the rows in the innermost."""
        envelopes: list[dict[str, msgspec.Raw]] = []
        inner: bytes | msgspec.Raw = body
        for key in self.within:
            envelopes.append(msgspec.json.decode(inner, type=dict[str, msgspec.Raw]))
            inner = envelopes[-1][key]
        return envelopes, [bytes(row) for row in msgspec.json.decode(inner, type=Rows)]

    def _closed(self, envelopes: list[dict[str, msgspec.Raw]], row: bytes) -> bytes:
        if self.bare:
            return row
        closed = b"[%b]" % row
        for envelope, key in zip(reversed(envelopes), reversed(self.within), strict=True):
            closed = msgspec.json.encode(envelope | {key: msgspec.Raw(closed)})
        return closed
