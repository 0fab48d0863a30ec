"""How whatever was asked for comes about. The faces differ in how they wait for news, and in nothing else."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any, TypeVar

from . import _native
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

# What is dropped says goodbye to the server in the background, which ends with the process.
atexit.register(_native.farewell)


async def settle(
    pending: _native.Pending[T],
    news: Callable[[], Awaitable[object]],
    *,
    verify: Callable[[str], Any] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> T:
    """Answers and tells what comes up on the way, until there is an outcome.

    Whatever ends this before, such as a cancellation or Ctrl-C, ends what was asked for, too.
    """
    try:
        while True:
            done = pending.done
            note = pending.note()
            if isinstance(note, tuple):
                if progress is not None:
                    await _value_of(progress(*note))
            elif note is not None:
                note.answer(verify is None or bool(await _value_of(verify(note.verifier))))
            elif done:
                return pending.result()
            else:
                await news()
    except BaseException:
        pending.cancel()
        raise


async def _value_of(answer: Any) -> Any:  # noqa: ANN401 # whatever the application gives
    return await answer if hasattr(answer, "__await__") else answer


class _Block:
    """News that the calling thread waits for."""

    __slots__ = ("_pending",)

    def __init__(self, pending: _native.Pending[Any]) -> None:
        self._pending = pending

    def __call__(self) -> _Block:
        return self

    def __await__(self) -> Any:  # noqa: ANN401 # a generator that yields nothing
        self._pending.wait()
        return
        yield


def block(pending: _native.Pending[T], **hooks: Any) -> T:  # noqa: ANN401
    """Wait on this thread, with the interpreter's lock released."""
    settling = settle(pending, _Block(pending), **hooks)
    try:
        settling.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    settling.close()
    raise UsageError("verify and progress must not be asynchronous here; use wormhole_sync.aio")
