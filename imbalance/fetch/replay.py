"""A recording in place of the network: the same answers and the same failures, without a client, budgets or waits."""

from __future__ import annotations

from types import ModuleType

from imbalance.errors import NotRecordedError, SourceError, UnreachableError
from imbalance.fetch import inline
from imbalance.fetch.recording import Recording
from imbalance.wire import Endpoint, Params, Source
from imbalance.wire.refusals import way_out

WORDS = {
    "ConnectError": "cannot be reached",
    "ConnectTimeout": "cannot be reached (no answer to the connection)",
    "ReadTimeout": "does not answer",
    "RemoteProtocolError": "broke off or does not speak HTTP",
    "ReadError": "broke off",
    "ProxyError": "cannot be reached through the proxy",
    "DecodingError": "sent a body that cannot be decompressed",
}


def unreachable(kind: str, detail: str, source: Source, endpoint: Endpoint) -> SourceError:
    """Return the error of a request that ended without an answer, by the name of what ended it."""
    hint = "Check the connection. " + way_out(source.name) if kind == "ConnectError" else ""
    return UnreachableError(source.name, endpoint.name, f"{WORDS.get(kind, 'failed')}: {detail or kind}", hint)


class Replay:
    """Serves a recording; a request that it lacks is an error, never a network call."""

    recorder = None
    aio: ModuleType = inline

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.requests: dict[str, int] = {}
        self.received_bytes: dict[str, int] = {}
        self.latency_ms: dict[str, float] = {}
        self.clock_ahead_s: dict[str, float] = {}

    async def get(self, source: Source, endpoint: Endpoint, query: Params) -> bytes:
        """Return the recorded body of one request.

        Raises
        ------
        SourceError
            As it was recorded, or because it was not.
        """
        path, text = endpoint.asked(query)
        found = self.recording.answers.get((source.name, path, text))
        if found is None:
            told = f"not in the recording: {path}?{text}"
            raise NotRecordedError(source.name, endpoint.name, told, "Record it again.")
        entry, folder = found
        self.requests[source.name] = self.requests.get(source.name, 0) + 1
        if entry.error:
            raise unreachable(entry.error, f"recorded: {entry.error}", source, endpoint)
        body = self.recording.body(entry, folder)
        self.received_bytes[source.name] = self.received_bytes.get(source.name, 0) + len(body)
        refused = source.refusal(entry.status, body, endpoint.name)
        if refused is not None:
            raise refused
        return body

    def budget_used(self, _source: Source) -> None:
        """Return nothing: a recording uses no budget."""

    async def close(self) -> None:
        """Do nothing: there is no connection."""
