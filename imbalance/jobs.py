"""Where tasks run: all cores of this machine, or a Dask scheduler; the same pure function either way."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any

from imbalance.errors import UsageError

# Of a pool or of a task on a cluster: a worker may be killed for want of memory, and once more, but not for ever.
MOST_LOSSES = 3
LONGEST_WAIT_S = 60  # for the first worker of a cluster
Runner = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[tuple[int, Any]]]


def alone(function: Callable[[Any], Any], todo: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Run tasks one after the other, here."""
    return enumerate(map(function, todo))


def followed(run: Runner, done: Callable[[int], None]) -> Runner:
    """Return a runner that calls `done` as each task ends, with how many there are."""

    def follow(function: Callable[[Any], Any], todo: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, found in run(function, todo):
            done(len(todo))
            yield number, found

    return follow


def local(processes: int | None = None) -> Runner:
    """Return a runner over processes of this machine, as many as it has cores where none are named.

    A process that is killed loses what it was at: that runs again.
    """
    many = processes or os.cpu_count() or 1

    def run(function: Callable[[Any], Any], todo: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        left = dict(enumerate(todo))
        for losses in range(MOST_LOSSES + 1):
            try:
                for number, found in _pooled(function, left, min(many, len(left) or 1)):
                    del left[number]
                    yield number, found
            except BrokenProcessPool:
                if losses == MOST_LOSSES:
                    raise UsageError(
                        f"processes were killed {losses + 1} times: is there memory enough?", "Try a smaller --jobs."
                    ) from None
            if not left:
                return

    return run


def _pooled(function: Callable[[Any], Any], todo: dict[int, Any], processes: int) -> Iterator[tuple[int, Any]]:
    # Each process does small sums alone: threads in each would get in each other's way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Where a run is interrupted, Python's own cleaning up after it is nothing to tell.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        coming: dict[Future[Any], int] = {}
        waiting = iter(list(todo.items()))
        try:
            # So few at once that what is done does not pile up faster than it is written.
            for number, task in waiting:
                coming[pool.submit(function, task)] = number
                if len(coming) >= 2 * processes:
                    break
            while coming:
                ended, _running = wait(coming, return_when=FIRST_COMPLETED)
                for future in ended:
                    number = coming.pop(future)
                    following = next(waiting, None)
                    if following is not None:
                        coming[pool.submit(function, following[1])] = following[0]
                    yield number, future.result()
        except BaseException:
            # Only then: who ends while the pool does, as one may that is not waited for, is told of it by a traceback.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """Let this process end when the one that started it does, however that ended.

    It waits for work at a pipe whose other end it holds open itself, so nothing else would tell it. What interrupts
    the parent is not for it to tell once more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)


def cluster(address: str) -> Runner:
    """Return a runner on the workers of a Dask scheduler, such as ``tcp://10.0.0.1:8786``.

    What a lost worker was at is run by another.

    Raises
    ------
    UsageError
        If Dask is not installed, the scheduler cannot be reached or is lost, or has no workers.
    """
    try:
        from distributed import CancelledError, Client, KilledWorker, as_completed
    except ImportError:
        raise UsageError("--cluster needs Dask, which is not installed", "pip install 'imbalance[cluster]'") from None
    # That the scheduler is lost is told below: Dask would tell it with a traceback.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)

    def run(function: Callable[[Any], Any], todo: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        try:
            client = Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise UsageError(f"--cluster {address} cannot be reached: {error}") from None
        with client:
            _require_workers(client, address)
            futures = client.map(function, todo, pure=False, retries=MOST_LOSSES)
            numbers = {future.key: number for number, future in enumerate(futures)}
            for future in as_completed(futures):
                try:
                    found = future.result()
                except ImportError as error:
                    raise UsageError(f"a worker lacks what this machine has: {error}", "Install it there.") from None
                except KilledWorker as error:
                    message = f"workers of {address} were lost again and again: {error}"
                    raise UsageError(message, "Is there memory enough on them?") from None
                except CancelledError:
                    raise UsageError(
                        f"the scheduler {address} was lost while it ran", "Once it is there again, run the same again."
                    ) from None
                yield numbers[future.key], found
                future.release()  # what is written is let go of on the workers

    return run


def _require_workers(client: Any, address: str) -> None:  # noqa: ANN401  it is half typed
    """Wait for the first worker, which may start with the run, but not for ever."""
    try:
        client.wait_for_workers(1, timeout=LONGEST_WAIT_S)
    except TimeoutError:
        raise UsageError(
            f"--cluster {address} has no workers, and none came within {LONGEST_WAIT_S} s",
            f"Start some: dask worker {address} --nthreads 1",
        ) from None
