"""Limits of fetching: what is asked again and when, what counts against a budget, what a body and a key may be."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import zlib

import httpx
import pytest

from imbalance.errors import (
    DeadlineError,
    RateLimitedError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch import client, last_good, recording
from imbalance.fetch.budget import Budgets
from imbalance.fetch.client import Client
from imbalance.fetch.recording import INDEX, Recorder, Recording
from imbalance.fetch.redact import Redactor, secrets_of, without_userinfo
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import CRYPTOQUANT, FEAR_GREED
from tests.library.fetch.test_fetching import BODY, OK, get


@pytest.fixture
def clock(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr("imbalance.fetch.budget.time.time", lambda: now[0])
    monkeypatch.setattr("imbalance.fetch.client.time.time", lambda: now[0])
    return now


@pytest.fixture
def once(monkeypatch):
    """Let nothing be asked again."""
    monkeypatch.setattr(client, "ATTEMPTS", 1)


def limited(status, after_s=None):
    error = RateLimitedError("s", "e", "", "", status)
    error.retry_after_s = after_s
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (limited(429), 1.0),
        (limited(429, 0.0), 0.0),
        (limited(429, 5.0), 5.0),
        (limited(429, 5.1), False),
        (limited(418, 1.0), False),
        (RefusedError("s", "e", "", "", 500), True),
        (RefusedError("s", "e", "", "", 499), False),
        (UnreachableError("s", "e", ""), True),
        (DeadlineError("s", "e", ""), False),
        (ValueError(), False),
    ],
)
def test_what_is_worth_another_try(error, again):
    assert client._worth_another_try(error) == again
    assert type(client._worth_another_try(error)) is type(again)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("-3", 0.0),
        ("0.5", 0.5),
        ("soon", None),
        ("Mon, 12 Jan 1970 13:46:45 GMT", 5.0),
        ("Mon, 12 Jan 1970 13:46:35 GMT", 0.0),
    ],
)
def test_for_how_long_a_source_asks(clock, header, seconds):
    assert client._retry_after_s(header) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "pause_s"),
    [(429, {}, 1.0), (429, {"retry-after": "7"}, 7.0), (418, {}, 120.0), (418, {"retry-after": "9"}, 9.0)],
)
def test_every_run_waits_as_long_as_a_source_asks(monkeypatch, clock, once, status, headers, pause_s):
    paused = []
    monkeypatch.setattr(Budgets, "pause", lambda _self, _budget, seconds: paused.append(seconds))
    found, _tries = get([httpx.Response(status, headers=headers)])
    assert isinstance(found, RateLimitedError)
    assert paused[0] == pause_s


def test_nothing_is_asked_in_a_pause_of_more_than_five_seconds(monkeypatch, clock):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("imbalance.fetch.client.asyncio.sleep", sleep)
    for pause_s, asked in ((5.0, 1), (5.2, 0)):
        clock[0] += 100
        monkeypatch.setattr(Budgets, "paused_s", lambda _self, _budget, pause_s=pause_s: pause_s)
        waits = iter([(0, 3.0), (0, 0.05), (1, 0.0)])
        monkeypatch.setattr(Budgets, "reserve", lambda *_args, waits=waits: next(waits))
        found, tries = get([OK])
        assert len(tries) == asked
        assert asked or "rate-limited: 5 s of its pause remain, nothing was asked" in str(found)
    # As long as was told, but a fifth of a second at most: answers make room sooner.
    assert slept[:2] == [0.2, 0.05]


def counted(monkeypatch, answer):
    """Return for how many seconds a request counts against its budget, of which the period is 60."""
    seconds = []
    monkeypatch.setattr(Budgets, "answered", lambda _self, _number, counts_s: seconds.append(counts_s))
    get([answer])
    return seconds[0] - FEAR_GREED.budget.period_s


def test_for_how_long_a_request_counts(monkeypatch, once):
    assert counted(monkeypatch, OK) == 0
    assert counted(monkeypatch, httpx.Response(500)) == 0
    # One that was given up may still be on its way; one that never left counts for nothing.
    assert counted(monkeypatch, httpx.ReadTimeout("late")) == 5.0
    assert counted(monkeypatch, httpx.ConnectError("none")) == -FEAR_GREED.budget.period_s


def test_a_clock_is_held_against_the_middle_of_the_request(monkeypatch, clock):
    moments = itertools.chain([100.0], itertools.repeat(104.0))
    monkeypatch.setattr("imbalance.fetch.client.time.perf_counter", lambda: next(moments))
    seen = []
    monkeypatch.setattr(Client, "close", lambda self: seen.append(self) or self._pools[FEAR_GREED.name].aclose())
    get([httpx.Response(200, json=BODY, headers={"date": "Mon, 12 Jan 1970 13:46:45 GMT"})])
    (used,) = seen
    # It is 13:46:40 here as the answer is there, four seconds after it was asked for.
    assert used.clock_ahead_s == {FEAR_GREED.name: 7.0}
    assert used.latency_ms == {FEAR_GREED.name: 4000.0}


@pytest.mark.parametrize(
    ("url", "allowed"), [("http://u:p@h", False), ("http://@h/x", False), ("http://h", True), ("https://h/x", True)]
)
def test_a_key_that_takes_the_place_of_a_password_stands_alone(url, allowed):
    settings = SourceSettings(IMBALANCE_CRYPTOQUANT_URL=url, IMBALANCE_CRYPTOQUANT_KEY="k1")
    found, tries = get([OK], CRYPTOQUANT, settings)
    assert len(tries) == allowed
    if allowed:
        assert tries[0].headers["authorization"].endswith("k1")
    else:
        assert isinstance(found, UsageError)
        assert "IMBALANCE_CRYPTOQUANT_URL holds a password" in str(found)


class Raw:
    """An answer as it goes over the wire."""

    def __init__(self, content, kind):
        squeeze = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": bytes, "X-GZIP ": gzip.compress}
        self.status_code, self.headers = 200, {"content-encoding": kind} if kind else {}
        self.content = squeeze[kind](content)


@pytest.mark.parametrize("kind", ["", "gzip", "deflate", "X-GZIP "])
def test_a_body_of_the_most_bytes_is_read(monkeypatch, kind):
    body = json.dumps(BODY).encode()
    for most, read in ((len(body), True), (len(body) - 1, False)):
        monkeypatch.setattr(client, "MOST_BYTES", most)
        found, _tries = get([Raw(body, kind)])
        assert (found == body) if read else isinstance(found, TooLargeError)


def test_a_body_that_cannot_be_unpacked_is_told(once):
    cut = Raw(json.dumps(BODY).encode(), "gzip")
    cut.content = cut.content[:-9]
    for answer, told in ((Raw(b"{}", "br"), "content-encoding 'br'"), (cut, "its end is missing")):
        found, _tries = get([answer])
        assert isinstance(found, UnreachableError)
        assert told in str(found)


def test_eight_megabytes_are_the_most_of_a_body():
    assert recording.MOST_BYTES == client.MOST_BYTES == 8 * 2**20
    assert recording.MOST_INDEX_BYTES == 64 * 2**20


@pytest.mark.parametrize(
    ("asked", "weight", "wait"),
    [
        # Nine tenths of what is allowed are used.
        ([], 9.0, 0.0),
        ([8.0], 1.0, 0.0),
        ([8.0], 1.1, 60.0),
        ([1.0, 8.0], 1.0, 60.0),
        # What is too much by itself goes alone.
        ([], 50.0, 0.0),
        ([1.0], 50.0, 60.0),
    ],
)
def test_how_long_to_wait_for_room(clock, asked, weight, wait):
    budgets = Budgets(None)
    for each in asked:
        assert budgets.reserve("x", each, 10.0, 30.0)[1] == 0
    number, told = budgets.reserve("x", weight, 10.0, 30.0)
    assert (told, number > 0) == (wait, wait == 0)
    assert budgets.used("x") == sum(asked) + weight * (wait == 0)


def test_room_comes_as_periods_end(clock):
    budgets = Budgets(None)
    for i in range(3):
        number, _none = budgets.reserve("x", 3.0, 10.0, 30.0)
        budgets.answered(number, 10.0 + i)
    for weight, wait in ((1.0, 10.0), (3.0, 10.0), (3.1, 11.0), (9.0, 12.0), (99.0, 12.0)):
        assert budgets.reserve("x", weight, 10.0, 30.0) == (0, wait)
    clock[0] += 10.0
    assert budgets.used("x") == 6.0
    assert budgets.reserve("x", 3.0, 10.0, 30.0)[1] == 0


def test_what_the_exchange_counts_stands_where_it_is_more(clock):
    budgets = Budgets(None)
    budgets.reserve("x", 3.0, 10.0, 30.0)
    for told, used in ((3.0, 3.0), (2.0, 3.0), (3.5, 3.5)):
        budgets.told("x", told, 30.0)
        assert budgets.used("x") == used
    clock[0] += 30.0
    assert budgets.used("x") == 3.0
    clock[0] += 30.0
    assert budgets.used("x") == 0.0


def test_a_pause_ends_and_is_three_days_long_at_most(clock):
    budgets = Budgets(None)
    assert budgets.paused_s("x") == 0.0
    budgets.pause("x", 0.5)
    assert budgets.paused_s("x") == 0.5
    assert budgets.reserve("x", 1.0, 10.0, 30.0) == (0, 0.5)
    clock[0] += 0.6
    assert budgets.paused_s("x") == 0.0
    budgets.pause("x", 4 * 86_400.0)
    assert budgets.paused_s("x") == 3 * 86_400.0


def test_secrets_of_four_letters_and_more_are_hidden():
    assert Redactor(["abcd", "xyz"]).text("ABCD xyz") == "*** xyz"
    assert Redactor(["xyz"]).bytes(b"xyz") == b"xyz"
    assert (
        Redactor(["ab/cd e"]).text("ab%2Fcd%20e ab/cd%20e ab%2Fcd+e ab\\/cd e YWIvY2QgZQ== YWIvY2QgZQ")
        == "*** " * 5 + "***"
    )
    assert Redactor(['a"b<c']).text('a\\"b<c a&quot;b&lt;c') == "*** ***"


def test_where_secrets_are_told(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", "me:pw%21@host")
    found = list(
        secrets_of({"A_KEY": " k ", "B_KEY": " ", "A_URL": "http://u:p@h", "C_URL": "http://[", "D": "x:y@z"}, ["P "])
    )
    assert found == ["k", "P k", "", "p", "p", "u:p", "pw!", "pw%21", "me:pw!"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://u:p@h/x", "http://h/x"),
        ("u:p@h", "h"),
        ("http://h/x", "http://h/x"),
        ("http://u@v@h", "http://h"),
        ("@h", "h"),
    ],
)
def test_addresses_are_shown_without_who_asks(address, shown):
    assert without_userinfo(address) == shown


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://h", "http://h"),
        ("https://h:1/", "https://h:1"),
        ("https://h//", "https://h"),
        ("http://h:0", None),
        ("http://h:65536", None),
        ("ftp://h", None),
        ("http://", None),
        ("h", None),
    ],
)
def test_addresses_of_sources(url, read):
    settings = SourceSettings(IMBALANCE_FEAR_GREED_URL=url, IMBALANCE_FEAR_GREED_KEY="")
    assert settings.key(FEAR_GREED) is None
    if read:
        assert settings.url(FEAR_GREED) == read
        return
    with pytest.raises(UsageError, match="must be http://HOST or https://HOST"):
        settings.url(FEAR_GREED)


def stored(folder, captured_at_ms, **more):
    folder.mkdir()
    index = {"format": recording.FORMAT, "captured_at_ms": captured_at_ms} | more
    (folder / INDEX).write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize(
    ("captured_at_ms", "read"),
    [
        (1_230_940_800_000, True),  # 2009-01-03
        (1_230_940_799_999, False),
        (221_845_392_000_000, True),  # the year 9000
        (221_845_392_000_001, False),
        (0, False),
    ],
)
def test_when_a_recording_can_be_of(tmp_path, captured_at_ms, read):
    folder = stored(tmp_path / "a", captured_at_ms)
    if read:
        assert Recording(folder).captured_at_ms == captured_at_ms
        return
    with pytest.raises(UsageError, match=f"captured_at_ms {captured_at_ms} is no time it can be of"):
        Recording(folder)


def test_a_recording_that_extends_another_has_its_answers_but_for_some_sources(tmp_path):
    def entry(source, query):
        return {"source": source, "path": "/", "query": query}

    moment = 1_700_000_000_000
    stored(tmp_path / "a", moment, sources=["x", "y"], entries=[entry("x", ""), entry("y", "1"), entry("z", "2")])
    more = Recording(stored(tmp_path / "b", 0, extends="a", without=["y"], entries=[entry("w", "3")]))
    assert set(more.answers) == {("x", "/", ""), ("z", "/", "2"), ("w", "/", "3")}
    assert (more.sources, more.captured_at_ms) == (["x"], moment)
    own = Recording(stored(tmp_path / "c", moment + 1, extends="a", sources=["w"]))
    assert (own.sources, own.captured_at_ms) == (["w"], moment + 1)


def test_accounts_are_those_that_were_posted(tmp_path):
    texts = ['{"user": "0xa"}', '{"type": "meta"}', "a=1"]
    entries = [{"source": "x", "path": "/", "query": text} for text in texts]
    assert Recording(stored(tmp_path / "a", 1_700_000_000_000, entries=entries)).accounts() == ("0xa",)
    entries = [{"source": "x", "path": "/", "query": "{" + "x" * 80}]
    with pytest.raises(UsageError) as caught:
        Recording(stored(tmp_path / "b", 1_700_000_000_000, entries=entries)).accounts()
    assert caught.value.message.endswith(f"what was posted is no JSON: {'{' + 'x' * 59!r}")


def test_a_recorder_names_bodies_by_source_and_hash(tmp_path):
    recorder = Recorder(tmp_path / "r", lambda: 1_700_000_000_000)
    recorder.keep(("x", "/", ""), "http://h", 200, b"body", "text/html; charset=utf-8")
    recorder.keep_error(("y", "/", ""), "ReadError")
    recorder.close(1_700_000_000_000, ["x", "y"])
    (file,) = (tmp_path / "r" / "bodies").iterdir()
    assert file.name == "x-230d8358dc8e8890"  # sha256 of "body"
    found = Recording(tmp_path / "r").answers
    assert (found["x", "/", ""][0].content_type, found["x", "/", ""][0].status) == ("text/html", 200)
    assert (found["y", "/", ""][0].error, found["y", "/", ""][0].time_ms) == ("ReadError", 1_700_000_000_000)


def test_a_file_of_when_sources_answered_is_a_megabyte_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(last_good, "_file", lambda: tmp_path / "last_good.json")
    last_good.note(["x"], 1_700_000_000_000)
    known = {"x": 1_700_000_000_000}
    assert last_good.read() == known
    text = json.dumps(known)
    for size, found in ((1_000_000, known), (1_000_001, {})):
        (tmp_path / "last_good.json").write_text(text + " " * (size - len(text)))
        assert last_good.read() == found


def test_a_client_looks_at_certificates_alone_where_there_are_any():
    plain, safe = (Client(SourceSettings(IMBALANCE_FEAR_GREED_URL=f"{scheme}://h")) for scheme in ("http", "https"))
    for each, looked in ((plain, False), (safe, True)):
        each._pool(FEAR_GREED)
        assert (each._trust is not None) == looked
