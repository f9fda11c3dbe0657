"""Writing a file: whole or not at all, and nothing but a file is ever replaced."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import threading

import pytest

from imbalance import files

ROOT = os.geteuid() == 0


@contextlib.contextmanager
def small_disk():
    """A disk that is full after a thousand bytes, only while nothing else is written, such as a log of the tests."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_follows_the_umask_and_an_existing_one_keeps_its_mode(tmp_path):
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "a", b"1")
        files.write(tmp_path / "b", b"1", mode=files.PRIVATE)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o640, 0o600)
    (tmp_path / "a").chmod(0o604)
    if ROOT:
        os.chown(tmp_path / "a", 12345, 54321)
    files.write(tmp_path / "a", b"2")
    assert ((tmp_path / "a").read_bytes(), mode(tmp_path / "a")) == (b"2", 0o604)
    if ROOT:
        assert ((tmp_path / "a").stat().st_uid, (tmp_path / "a").stat().st_gid) == (12345, 54321)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_the_umask_alone_takes_from_a_new_file(tmp_path):
    before = os.umask(0)
    try:
        files.write(tmp_path / "file", b"1")
        files.write(tmp_path / "secret", b"1", mode=files.PRIVATE)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "file"), mode(tmp_path / "secret")) == (0o666, 0o600)


@pytest.mark.parametrize("links", [1, files.MOST_LINKS, files.MOST_LINKS + 1])
def test_as_many_links_are_followed_as_the_kernel_follows(tmp_path, links):
    end = tmp_path / "file"
    end.write_bytes(b"old")
    for i in range(links):
        (tmp_path / f"link{i}").symlink_to(tmp_path / f"link{i - 1}" if i else end)
    last = tmp_path / f"link{links - 1}"
    try:
        assert last.read_bytes() == b"old"
    except OSError as error:
        with pytest.raises(OSError, match="symbolic links") as ours:
            files.write(last, b"new")
        assert ours.value.errno == error.errno
        assert end.read_bytes() == b"old"
    else:
        files.write(last, b"new")
        assert end.read_bytes() == b"new"


def test_a_symlink_is_followed_and_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("other")
    (tmp_path / "other").symlink_to(tmp_path / "deep" / "file")
    files.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "other").is_symlink()
    assert (tmp_path / "deep" / "file").read_bytes() == b"new"
    (tmp_path / "dangling").symlink_to("deep/made")
    files.write(tmp_path / "dangling", b"new")
    assert (tmp_path / "deep" / "made").read_bytes() == b"new"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        files.write(tmp_path / "round", b"")


def test_what_is_no_file_is_written_straight_through(tmp_path):
    fifo, got = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    files.write(fifo, b"x" * 100_000)
    reader.join()
    assert got == [b"x" * 100_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    files.write(tmp_path.joinpath("/dev/null"), b"x")
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path.joinpath("/dev/full"), b"x")
    for name in ("null", "full"):
        assert stat.S_ISCHR(tmp_path.joinpath("/dev", name).stat().st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["fifo"]


def test_an_open_stream_is_added_to_and_not_replaced(tmp_path):
    file = tmp_path / "log"
    with file.open("ab") as stream:
        stream.write(b"before ")
        stream.flush()
        files.write(tmp_path.joinpath(f"/dev/fd/{stream.fileno()}"), b"after")
        assert file.stat().st_ino == os.fstat(stream.fileno()).st_ino
    assert file.read_bytes() == b"before after"


@pytest.mark.parametrize("known", [True, False])
def test_a_write_that_fails_leaves_all_as_it_was(tmp_path, known):
    file = tmp_path / "file"
    if known:
        file.write_bytes(b"old")
    with small_disk(), pytest.raises(OSError, match="too large"):
        files.write(file, b"x" * 5000)
    assert [p.name for p in tmp_path.iterdir()] == ["file"] * known
    assert not known or file.read_bytes() == b"old"


def test_where_no_file_can_be_it_is_an_error(tmp_path):
    for place in (tmp_path, tmp_path / "not" / "there", tmp_path / "file" / "below"):
        (tmp_path / "file").write_bytes(b"old")
        with pytest.raises(OSError, match="directory"):
            files.write(place, b"new")
    if not ROOT:
        (tmp_path / "file").chmod(0o444)
        with pytest.raises(PermissionError):
            files.write(tmp_path / "file", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_end_in_the_middle_leaves_no_temporary_file(tmp_path, monkeypatch):
    def killed(_handle):
        files.drop_unfinished()
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_only_regular_files_of_a_sane_size_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert files.read(tmp_path / "file", 5) == b"12345"
    os.mkfifo(tmp_path / "fifo")
    for name, most, told in (
        ("file", 4, "too large"),
        ("fifo", 9, "no regular"),
        ("", 9, "directory"),
        ("\0", 9, "No"),
    ):
        with pytest.raises(OSError, match=told):
            files.read(tmp_path / name, most)


def test_a_folder_that_was_open_to_all_becomes_private(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    files.private_folder(folder)
    files.private_folder(tmp_path / "new")
    assert mode(folder) == mode(tmp_path / "new") == 0o700
