"""How whatever was asked for comes about. The faces differ in how they wait for news, and in nothing else."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from . import _native

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def _refuse_subinterpreters() -> None:
    """One interpreter of a process has the runtime. Another's end would end it for all."""
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found] # noqa: PLC0415 # from 3.13 on
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found] # noqa: PLC0415
        except ImportError:
            return
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError("wormhole_sync works in the main interpreter of a process alone")


_refuse_subinterpreters()

# What is dropped says goodbye to the server in the background, which ends with the process.
atexit.register(_native.farewell)


_child: int | None = None


def at_the_end_of_a_child() -> None:
    """Say goodbye at the end of multiprocessing's children, too, which ends without `atexit`."""
    global _child  # noqa: PLW0603 # a child has one end
    util = sys.modules.get("multiprocessing.util")
    parent = getattr(sys.modules.get("multiprocessing.process"), "parent_process", None)
    if util is None or parent is None or parent() is None or _child == os.getpid():
        return
    _child = os.getpid()
    util.Finalize(None, _native.farewell, exitpriority=0)


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
    raise TypeError("verify and progress must not be asynchronous here; use wormhole_sync.aio")
