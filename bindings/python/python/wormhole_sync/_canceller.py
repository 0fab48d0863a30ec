"""A way to end what blocks, from another thread."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union
from weakref import WeakMethod

from ._calls import Offered, Sent
from ._settle import block

if TYPE_CHECKING:
    from . import _native

T = TypeVar("T")
Result = TypeVar("Result", bound=Union[Sent, Offered])


class Canceller:
    """Ends a `send_file`, `send_text` or `receive` from another thread, also before it has returned.

    Whoever waits is told so by a `StoppedError`. It is for one call, and goes on to end what that has
    returned; a call that is given one which was cancelled ends at once.

    >>> from threading import Timer
    >>> from wormhole_sync import Canceller, StoppedError, receive
    >>> canceller = Canceller()
    >>> timer = Timer(0.2, canceller.cancel)  # or whoever presses a button
    >>> timer.start()
    >>> try:
    ...     receive("7-guitarist-revenge", canceller=canceller)
    ... except StoppedError:
    ...     print("nobody came")
    ... finally:
    ...     timer.cancel()
    nobody came

    canceller: Canceller
        Ends it from another thread, also before it has returned. The other faces cancel what awaits it.
        Default: nobody does.
    """

    __slots__ = ("_end", "_reason")

    def __init__(self) -> None:
        self._end: Optional[Callable[[str], object]] = None
        self._reason: Optional[str] = None

    def cancel(self, reason: str = "cancelled") -> None:
        """End it, from any thread. What has been returned by then tells the other side why."""
        if not isinstance(reason, str):
            raise TypeError(f"reason must be a text, not {type(reason).__name__}")
        self._reason = reason
        end = self._end
        if end is not None:
            end(reason)

    def _ends(self, end: Callable[[str], object]) -> None:
        # Each writes before it reads, so that whichever comes second sees the other.
        self._end = end
        if self._reason is not None:
            end(self._reason)


def check_canceller(canceller: object) -> None:
    """Refuse what cannot be one, before anything begins."""
    if canceller is not None and not isinstance(canceller, Canceller):
        raise TypeError(f"canceller must be a Canceller, not {type(canceller).__name__}")


def block_unless(canceller: Optional[Canceller], pending: "_native.Pending[T]", **hooks: Any) -> T:  # noqa: ANN401
    """Wait on this thread, unless somebody cancels."""
    if canceller is not None:
        canceller._ends(lambda _: pending.cancel())  # noqa: SLF001 # its other half
    return block(pending, **hooks)


def returned(canceller: Optional[Canceller], what: Result) -> Result:
    """Let the canceller of a call end what that has returned, as long as somebody has it."""
    if canceller is not None:
        cancel = WeakMethod(what.cancel)

        def end(reason: str) -> None:
            alive = cancel()
            if alive is not None:
                alive(reason)

        canceller._ends(end)  # noqa: SLF001 # its other half
    return what
