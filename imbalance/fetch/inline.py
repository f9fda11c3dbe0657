"""What `gather` needs of asyncio, for answers that are there at once: a task runs to its end where it is made.

A recording is never waited for, so that a replay needs no event loop, which takes longer to load than all its answers.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

FIRST_EXCEPTION = "FIRST_EXCEPTION"


class Task(Generic[T]):
    """A coroutine that has ended, as `asyncio.Task` tells of it; what ends a program goes on to its caller."""

    def __init__(self, doing: Coroutine[Any, Any, T]) -> None:
        self._result: T
        self._error: Exception | None = None
        try:
            self._result = run(doing)
        except Exception as error:  # noqa: BLE001  kept for whoever asks, as a task does
            self._error = error

    def result(self) -> T:
        """Return what the coroutine returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> Exception | None:
        """Return what the coroutine raised."""
        return self._error

    def cancelled(self) -> bool:
        """Tell that nothing was cancelled."""
        return False

    def cancel(self) -> bool:
        """Do nothing: it has ended."""
        return False

    def __await__(self) -> Any:  # noqa: ANN401  a generator that yields nothing
        return self.result()
        yield


def run(doing: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing.

    Raises
    ------
    RuntimeError
        Where it does wait.
    """
    try:
        doing.send(None)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]
    doing.close()
    raise RuntimeError("what answers at once was waited for")


def create_task(doing: Coroutine[Any, Any, T]) -> Task[T]:
    """Return a task that has ended."""
    return Task(doing)


async def wait(tasks: Iterable[Task[T]], **_when: object) -> tuple[set[Task[T]], set[Task[T]]]:
    """Return the tasks, all of which have ended, and none that has not."""
    return set(tasks), set()


async def gather(*tasks: Task[Any] | Coroutine[Any, Any, Any], return_exceptions: bool = False) -> list[Any]:
    """Return what all give, and the first failure in its place or raised; those after it are run all the same."""
    ended = [task if isinstance(task, Task) else Task(task) for task in tasks]
    return [task.exception() or task.result() if return_exceptions else task.result() for task in ended]


async def sleep(_delay_s: float) -> None:
    """Go on: nobody else waits for a turn."""


async def shield(task: Task[T]) -> T:
    """Return what the task gave."""
    return task.result()
