"""Bars at URLs: the same as on this machine, no more read than is needed, and every trouble told with its place."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest

from imbalance.bars.places import Found, place_of
from imbalance.errors import BarsError
from imbalance.reader import read_bars
from imbalance.units import DAY_MS
from tests.library.test_map_history import JANUARY_MS, bars, put
from tests.support import s3

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("pyarrow")
FEBRUARY_MS = JANUARY_MS + 31 * DAY_MS


@pytest.fixture(scope="module")
def holding():
    """Return a server that runs as long as these tests: a client of S3 is remembered with its address."""
    with s3.server() as held:
        yield held


@pytest.fixture
def bucket(holding, tmp_path, monkeypatch):
    """A folder of two coins, and the same in a bucket."""
    notes = [np.random.default_rng(i).bytes(400).hex() for i in range(31 * 24)]
    for symbol in ("AAA", "B/B"):
        name = symbol.replace("/", "%2F")
        put(tmp_path, name, "2026-01", bars(JANUARY_MS, 31 * 24).assign(note=notes))
        put(tmp_path, name, "2026-02", bars(FEBRUARY_MS, 48, 5))
    for name, value in holding.environment.items():
        monkeypatch.setenv(name, value)
    holding.objects.clear()
    holding.refused.clear()
    holding.put(tmp_path, "bucket/my bars")
    holding.sent.clear()
    return holding


URL = "s3://bucket/my bars"


def arrays(market):
    return [market.time_ms, market.close, *(v.open_interest_base for v in market.venues)]


def test_a_bucket_gives_what_the_folder_gives(bucket, tmp_path):
    for url in (URL, f"{URL}/", tmp_path.as_uri()):
        for symbol in ("AAA", "B/B"):
            there, here = read_bars(url, symbol=symbol), read_bars(tmp_path, symbol=symbol)
            for one, other in zip(arrays(there), arrays(here), strict=True):
                np.testing.assert_array_equal(one, other)


def test_only_the_months_and_columns_that_count_are_read(bucket):
    read_bars(URL, symbol="AAA", from_ms=FEBRUARY_MS)
    assert bucket.sent_of("month=2026-01") == 0
    bucket.sent.clear()
    read_bars(URL, symbol="AAA", as_of_ms=FEBRUARY_MS)
    (size,) = (len(content) for key, content in bucket.objects.items() if "AAA/month=2026-01" in key)
    # The notes are most of the file, and nobody asked for them; the foot of the file is read with what lies before it.
    assert 0 < bucket.sent_of("month=2026-01") < size / 3
    assert bucket.sent_of("month=2026-02") == bucket.sent_of("B/B") == 0


def test_files_are_told_by_path_and_change_with_their_content(bucket):
    place = place_of(URL)
    before = place.files("symbol=AAA")
    assert [file.path for file in before] == [f"symbol=AAA/month=2026-0{month}/bars.parquet" for month in (1, 2)]
    assert place.files("symbol=AAA") == before
    key = "bucket/my bars/symbol=AAA/month=2026-02/bars.parquet"
    bucket.objects[key] = bucket.objects[key][::-1]  # as large as before, and as old
    after = place.files("symbol=AAA")
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert place.folders() == ["symbol=AAA", "symbol=B%2FB"]


def test_memory_is_a_place_too():
    files = fsspec.filesystem("memory")
    files.pipe("/here/bars/a/x.csv", b"1")
    files.pipe("/here/bars/b.csv", b"22")
    place = place_of("memory://here/bars")
    assert place.is_folder()
    assert place.folders() == ["a"]
    assert [f.path for f in place.files()] == ["a/x.csv", "b.csv"]
    assert all(isinstance(f, Found) for f in place.files())
    content = bars(JANUARY_MS, 48).to_csv(index=False).encode()
    for name, packed in (("x.csv", content), ("x.csv.gz", zlib.compress(content, wbits=31))):
        files.pipe(f"/here/{name}", packed)
        assert read_bars(f"memory://here/{name}").time_ms.size == 48


def test_a_file_is_read_from_its_url(bucket):
    bucket.objects["bucket/x.csv"] = bars(JANUARY_MS, 48).to_csv(index=False).encode()
    assert read_bars("s3://bucket/x.csv").time_ms.size == 48
    assert read_bars(f"{bucket.url}/bucket/x.csv").time_ms.size == 48


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (URL, "s3://bucket/my bars: nothing of ZZZ: it holds AAA, B/B"),
        ("s3://bucket/no", "s3://bucket/no: nothing is there"),
        ("s3://none/no", "s3://none/no: nothing is there"),
        ("s3://none", "s3://none: nothing is there"),
        ("memory://no/thing", "memory://no/thing: nothing is there"),
        ("nope://x", "nope://x: cannot be read: Protocol not known: nope"),
        ("http://127.0.0.1:1/x.csv", "http://127.0.0.1:1/x.csv: cannot be read: Cannot connect to host 127.0.0.1:1"),
        ("ftp://me:secret@127.0.0.1:1/x.csv", r"ftp://me:\*\*\*@127.0.0.1:1/x.csv: cannot be read: "),
        ("ftp://me:sec@r:et@127.0.0.1:1/x.csv", r"ftp://me:\*\*\*@127.0.0.1:1/x.csv: cannot be read: "),
        ("http://127.0.0.1:1/x.csv?token=secret&n=1", r"http://127.0.0.1:1/x.csv\?token=\*\*\*&n=\*\*\*: cannot be"),
        ("s3://me:secret@bucket/x", r"s3://me:\*\*\*@bucket/x: cannot be read: Parameter validation failed"),
    ],
)
def test_what_is_not_there_is_named(bucket, url, told):
    with pytest.raises(BarsError, match=f"^{told}") as caught:
        read_bars(url, symbol="ZZZ")
    assert "secret" not in caught.value.message


def test_what_a_filesystem_says_of_its_url_is_told_without_secrets(monkeypatch):
    fsspec = pytest.importorskip("fsspec")

    def refused(_self, path, **_more):
        raise ValueError(f"403, url='ftp://me:secret@127.0.0.1{path}?sign=secret'")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "info", refused)
    with pytest.raises(BarsError, match=r"403, url='ftp://me:\*\*\*@127\.0\.0\.1/x\.csv\?sign=\*\*\*"):
        read_bars("memory://x.csv", symbol="ZZZ")


def test_what_goes_wrong_on_the_way_is_not_called_damage(bucket):
    refused = "bucket/my bars/symbol=AAA/month=2026-02"
    for part, where in ((refused, f"{URL}/symbol=AAA/month=2026-02/bars.parquet"), ("bucket/my bars", URL)):
        bucket.refused = {part}
        with pytest.raises(BarsError, match=f"^{where}: access is refused: "):
            read_bars(URL, symbol="AAA")
    bucket.refused = set()
    bucket.objects[f"{refused}/bars.parquet"] = b"PAR1" + b"x" * 50
    with pytest.raises(BarsError, match=f"^{URL}/symbol=AAA/month=2026-02/bars.parquet: damaged Parquet"):
        read_bars(URL, symbol="AAA")
    bucket.objects["bucket/x.csv.gz"] = zlib.compress(b"time,venue\n" * 99, wbits=31)[:30]
    with pytest.raises(BarsError, match=r"x\.csv\.gz: ends in the middle of its gzip data"):
        read_bars("s3://bucket/x.csv.gz")


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("fsspec", "s3://bucket/x: URLs need fsspec, which is not installed"),
        ("s3fs", "s3://bucket/x: a package is missing: Install s3fs to access S3"),
    ],
)
def test_a_package_that_is_missing_is_told_with_what_brings_it(package, told):
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['clusters', '--bars', 's3://bucket/x']; "
        "from imbalance_cli.app import program; program()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"imbalance: {told}\n")
    assert "pip install 'imbalance[cloud,parquet]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_bars_of_this_machine_need_none_of_it(tmp_path):
    put(tmp_path, "AAA", "2026-01", bars(JANUARY_MS, 48))
    code = (
        "import sys; from imbalance.reader import read_bars; read_bars(sys.argv[1], symbol='AAA'); "
        "print([m for m in sys.modules if m in {'fsspec', 's3fs', 'aiohttp'}])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
