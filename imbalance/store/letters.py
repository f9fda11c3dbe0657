"""What a PostgreSQL server is told, in few messages: to be waited for, each wakes a process there and one here.

On a busy machine each of them waits for its turn at a processor, which takes longer than all that there is to do.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import ClientCursor, Connection
from psycopg.abc import Params, Query


class Letter(ClientCursor[Any]):
    """A cursor whose statements wait, and go to the server in one message with the first whose answer is fetched.

    Values are written into the statements, as a message of several has no other place for them.

    Parameters
    ----------
    waiting : the statements that wait; all cursors of a connection share it.
    """

    def __init__(self, connection: Connection[Any], *, row_factory: Any = None, waiting: list[str]) -> None:  # noqa: ANN401  as the driver calls it
        super().__init__(connection, row_factory=row_factory)
        self._waiting = waiting

    def execute(self, query: Query, params: Params | None = None, **_how: object) -> Letter:
        """Let a statement wait; what is wrong with it is told when it is sent."""
        self._waiting.append(self.mogrify(query, params))
        return self

    def executemany(self, query: Query, params_seq: Iterable[Params], **_how: object) -> None:
        """Let a statement wait for each of several rows."""
        for params in params_seq:
            self.execute(query, params)

    def send(self) -> None:
        """Send all that waits; what is fetched then is the answer to the last of it."""
        message = ";\n".join(self._waiting)
        self._waiting.clear()
        super().execute(message, binary=False)
        while self.nextset():
            pass

    def fetchall(self) -> list[Any]:
        """Return the answer to the last statement, for which all that wait are sent."""
        self.send()
        return super().fetchall()


@contextlib.contextmanager
def gathered(opened: Any) -> Iterator[None]:  # noqa: ANN401  no stub of what the driver takes for a cursor
    """Let the statements of a connection wait for each other."""
    usual, opened.cursor_factory = opened.cursor_factory, functools.partial(Letter, waiting=[])
    try:
        yield
    finally:
        opened.cursor_factory = usual
