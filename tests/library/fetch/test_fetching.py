"""The client's decisions, with a transport that never leaves the process."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from imbalance.collect import Options
from imbalance.errors import (
    BlockedError,
    KeyRefusedError,
    MissingDataError,
    ParseError,
    RateLimitedError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch import client as module
from imbalance.fetch.client import Client
from imbalance.fetch.recording import INDEX, Recording, find
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import COINGLASS, FEAR_GREED
from imbalance.service import report
from imbalance.units import DAY_MS
from imbalance.wire import Ask
from tests.support.exchange import NOW_MS

ASK = Ask("BTC", NOW_MS, NOW_MS - DAY_MS, NOW_MS, 900_000)
BODY = {
    "data": [{"value": "16", "value_classification": "Fear", "timestamp": "1769731200"}],
    "metadata": {"error": None},
}


def get(answers, source=FEAR_GREED, settings=None):
    """Return (what a request gives, how often it was made) of a list of answers, one a try."""
    tries = []

    def handle(request):
        tries.append(request)
        answer = answers[min(len(tries), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))

    async def once():
        client = Client(settings or SourceSettings(), transport=httpx.MockTransport(handle))
        try:
            endpoint = source.endpoints[0]
            return await client.get(source, endpoint, endpoint.pages(ASK)[0])
        finally:
            await client.close()

    try:
        return asyncio.run(once()), tries
    except Exception as error:  # noqa: BLE001  the caller looks at it
        return error, tries


OK = httpx.Response(200, json=BODY)


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("garbage"),
    ],
    ids=["500", "503", "429", "connect", "read", "protocol"],
)
def test_what_may_pass_is_asked_again(first):
    found, tries = get([first, OK])
    assert json.loads(found) == BODY
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(418), RateLimitedError),
        (httpx.Response(429, headers={"Retry-After": "3600"}), RateLimitedError),
        (httpx.Response(403), BlockedError),
        (httpx.Response(451), BlockedError),
        (httpx.Response(401), KeyRefusedError),
        (httpx.Response(400), RefusedError),
        (httpx.Response(404), RefusedError),
        (httpx.Response(302, headers={"Location": "http://127.0.0.1/"}), RefusedError),
    ],
    ids=["418", "429 for an hour", "403", "451", "401", "400", "404", "302"],
)
def test_what_will_not_pass_is_asked_once(answer, kind):
    found, tries = get([answer, OK])
    assert type(found) is kind
    assert len(tries) == 1


def test_what_keeps_failing_is_given_up():
    found, tries = get([httpx.ConnectError("refused")])
    assert isinstance(found, UnreachableError)
    assert len(tries) == 3


def test_a_body_beyond_all_bounds_is_not_read(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    found, tries = get([httpx.Response(200, content=b"x" * 1001)])
    assert isinstance(found, TooLargeError)
    assert len(tries) == 1


def test_a_key_is_sent_as_its_source_wants_it_and_to_no_other():
    settings = SourceSettings(IMBALANCE_COINGLASS_KEY="k1")
    _found, tries = get([httpx.Response(200, json={"code": "0", "data": []})], COINGLASS, settings)
    assert tries[0].headers["CG-API-KEY"] == "k1"
    _found, tries = get([OK], FEAR_GREED, settings)
    assert "k1" not in str(tries[0].headers)


@pytest.mark.parametrize(
    "settings",
    [
        SourceSettings(IMBALANCE_FEAR_GREED_URL="ftp://x"),
        SourceSettings(IMBALANCE_FEAR_GREED_URL="http://[broken"),
    ],
)
def test_an_address_that_cannot_be_is_named(settings):
    found, _tries = get([OK], settings=settings)
    assert isinstance(found, UsageError)
    assert "IMBALANCE_FEAR_GREED_URL" in str(found)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "::::"), ("ALL_PROXY", "http://[::1"), ("HTTP_PROXY", "\x1b[31m"), ("NO_PROXY", "é"),
        ("HTTPS_PROXY", "bad://x"), ("HTTP_PROXY", "http://me:pa55word@host:a"),
    ],
)  # fmt: skip
def test_a_proxy_that_cannot_be_is_no_bug(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    client = Client(SourceSettings(IMBALANCE_FEAR_GREED_URL="http://127.0.0.1:1"))
    with pytest.raises(UsageError, match="proxy variables") as caught:
        asyncio.run(client.get(FEAR_GREED, FEAR_GREED.endpoints[0], ()))
    assert "pa55" not in str(caught.value)


def test_the_retry_after_header_may_be_a_date():
    assert module._retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert module._retry_after_s("2.5") == 2.5
    assert module._retry_after_s("soon") is None


def test_both_scenarios_replay_to_the_same_bytes_each_time():
    from imbalance_cli.context import Screen
    from imbalance_cli.formats import Format
    from imbalance_cli.render import render

    for name in ("article", "article-keyless"):
        once, again = (report(Options(replay=name), SourceSettings(), 0, lambda _h: None) for _ in range(2))
        for kind in Format:
            screen = Screen(80, color=False, ascii=False)
            assert render(once, kind, screen) == render(again, kind, screen)
    assert find("article-keyless").name == "article-keyless"


def test_a_request_that_the_recording_lacks_is_an_error():
    found = report(Options(replay="article", venues=("binance",)), SourceSettings(), 0, lambda _h: None)
    assert {v.name for v in found.venues} == {"binance"}
    with pytest.raises(MissingDataError) as caught:
        report(Options(replay="article", interval="5m"), SourceSettings(), 0, lambda _h: None)
    assert "not in the recording" in caught.value.hint
    assert "options that it was made with" in caught.value.hint


def test_a_recording_that_was_changed_is_refused(tmp_path):
    import shutil

    folder = tmp_path / "kept"
    shutil.copytree(find("article"), folder)
    body = next((folder / "bodies").glob("binance-*"))
    body.write_bytes(body.read_bytes() + b" ")
    with pytest.raises(UsageError, match="hash"):
        report(Options(replay=str(folder)), SourceSettings(), 0, lambda _h: None)
    (folder / INDEX).write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Recording(folder)
    with pytest.raises(UsageError, match="holds no recording"):
        Recording(tmp_path)


def test_recording_twice_into_a_folder_is_refused(tmp_path):
    (tmp_path / INDEX).write_text("{}")
    with pytest.raises(UsageError, match="already holds"):
        report(Options(record=tmp_path), SourceSettings(), 0, lambda _h: None)


def test_a_parse_error_names_venue_endpoint_and_path():
    with pytest.raises(ParseError) as caught:
        FEAR_GREED.endpoints[0].parse(b'{"data":[{"value":"x"}],"metadata":{}}', ASK)
    assert "fear_greed sentiment" in str(caught.value)
    assert caught.value.path == "$.data[0].value"
