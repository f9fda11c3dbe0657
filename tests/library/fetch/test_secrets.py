"""A server that sends back what it was sent: no key or password is printed, recorded or kept."""

from __future__ import annotations

import base64
import json
import os
import stat

import pytest

from imbalance.fetch.recording import INDEX
from imbalance.fetch.redact import HIDDEN, Redactor, without_userinfo
from tests.cli.test_cli import run
from tests.support.exchange import SOURCES, Exchange

KEYED = ("coinglass", "cryptoquant", "coinalyze")
KEY = 'k3y"/+of&mine'
PASSWORD = "pa55+w%2Ford"  # noqa: S105  as it stands in an address


class Echo(Exchange):
    """Answers with the headers of every request, in the body, its type and its encoding."""

    status = 200

    async def _answer(self, writer, source, _path, _query):
        head = self.headers[-1]
        headers = dict(line.split(": ", 1) for line in head.strip().split("\r\n")[1:])
        coded = base64.b64encode(KEY.encode()).decode()
        body = json.dumps({"code": 1, "msg": f"you sent {head} {coded}", "message": head, "error": head, **headers})
        one_line = " ".join(headers.values())
        more = {"Content-Type": f"application/json {one_line}"}
        if source in {"gate", "coinglass"}:
            more["Content-Encoding"] = one_line
        return self._send(writer, self.status, body.encode(), more)


FORMS = {
    KEY, json.dumps(KEY)[1:-1], base64.b64encode(KEY.encode()).decode(), "pa55+w/ord", PASSWORD,
    base64.b64encode(b"me:pa55+w/ord").decode(), f"Bearer {KEY}",
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 401, 500])
def test_what_echoes_gives_no_key_away(status, tmp_path, home):
    with Echo() as exchange:
        exchange.status = status
        env = {name: url.replace("://", f"://me:{PASSWORD}@") for name, url in exchange.environment.items()}
        env |= {f"IMBALANCE_{name.upper()}_KEY": KEY for name in KEYED}
        told = ""
        for args in (
            ["liquidations", "-v", "--record", str(tmp_path / "kept")],
            ["sources", "--probe", "--timeout", "2"],
            ["sources", "--probe", "--json", "--timeout", "2"],
            ["sources", "--probe", "-f", "csv", "-o", str(tmp_path / "answer.csv"), "--timeout", "2"],
            ["report", "--strict", "--debug", "--timeout", "2"],
        ):
            done = run(*args, env=env)
            told += done.stdout + done.stderr
        sent = "".join(exchange.headers)
        assert KEY in sent
        assert base64.b64encode(b"me:pa55+w/ord").decode() in sent
    replayed = run("liquidations", "--replay", str(tmp_path / "kept"))
    assert HIDDEN in told or status == 200
    kept = [p.read_bytes() for place in (tmp_path, home) for p in place.rglob("*") if p.is_file()]
    assert any(HIDDEN.encode() in body for body in kept)
    everything = b"".join([*kept, (told + replayed.stdout + replayed.stderr).encode()])
    assert not [form for form in FORMS if form.lower().encode() in everything.lower()]
    (store,) = home.rglob("budgets.db")
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700
    assert json.loads((tmp_path / "kept" / INDEX).read_text())["entries"]


def test_an_address_that_cannot_be_is_told_without_its_password():
    for address in (f"ftp://me:{PASSWORD}@host", f"http://me:{PASSWORD}/x@host:99999", f"me:{PASSWORD}@host"):
        done = run("fear-greed", env={"IMBALANCE_FEAR_GREED_URL": address}, check=2)
        assert "host" in done.stderr
        assert "pa55" not in done.stderr
    proxied = {"HTTPS_PROXY": f"bad://me:{PASSWORD}@host:1", "HTTP_PROXY": f"bad://me:{PASSWORD}@host:1"}
    assert "pa55" not in run("fear-greed", env=proxied, check=2).stderr


def test_a_short_key_leaves_bodies_as_they_are():
    assert Redactor(["1", ""]).bytes(b'{"a": 1}') == b'{"a": 1}'
    assert Redactor(["12345"]).text("12345 x") == f"{HIDDEN} x"
    assert Redactor([]).text("\ud800") == "\ud800"


def test_an_address_is_shown_without_user_and_password():
    for address in ("http://a:b@h/p", "http://a:b@c@h/p", "http://a:x/y@h/p"):
        assert without_userinfo(address) == "http://h/p"
    assert (without_userinfo("a:b@h"), without_userinfo("http://h/p")) == ("h", "http://h/p")


def test_a_store_that_was_open_to_all_becomes_private(tmp_path):
    from imbalance.fetch.budget import Budgets

    file = tmp_path / "budgets.db"
    file.touch(mode=0o644)
    Budgets(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(SOURCES) >= set(KEYED)
    assert os.path.getsize(file)  # noqa: PTH202


def test_a_key_that_would_take_the_place_of_a_password_is_refused():
    with Exchange() as exchange:
        own = {"IMBALANCE_CRYPTOQUANT_URL": "http://me:secret@127.0.0.1:9", "IMBALANCE_CRYPTOQUANT_KEY": "k" * 20}
        done = run("report", env=exchange.environment | own, check=2)
    assert "IMBALANCE_CRYPTOQUANT_URL holds a password" in done.stderr
    assert "secret" not in done.stdout + done.stderr
