"""What the three faces have in common: all but how they wait.

Each method of a face is one call of the extension module, and then a wait for what is pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from . import _native
from ._settle import at_the_end_of_a_child
from .errors import UsageError

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path as PathObject

    from typing_extensions import Unpack

    from ._options import Options, Path

    Verify = Callable[[str], object]
    Watch = Callable[[dict[str, Any]], object]


class Exchanging:
    """One side of an exchange of blobs."""

    __slots__ = ("_native", "_verify", "_watch")

    _native: _native.Exchange
    _verify: Verify | None
    _watch: Watch | None

    def cancel(self) -> None:
        """Leave, from any thread: whoever waits is told so by a `StoppedError`.

        The server is let go in the background.
        """
        self._native.cancel()

    def _begin(  # it is the sum of what can be chosen
        self,
        appid: str | bytes,
        code: str | None,
        blob: bytes | bytearray | memoryview,
        verify: Verify | None,
        options: dict[str, Any],
    ) -> None:
        self._watch = _callable("on_status", options.pop("on_status", None))
        self._verify = _callable("verify", verify)
        self._native = _native.Exchange(_text("appid", appid), code, bytes_of("blob", blob), options)
        at_the_end_of_a_child()

    @property
    def _asks(self) -> bool:
        return self._verify is not None


class Initiating(Exchanging):
    """The side that shows the code."""

    __slots__ = ("_code",)

    def __init__(
        self,
        appid: str | bytes,
        blob: bytes | bytearray | memoryview,
        *,
        code: str | None = None,
        words: int | None = None,
        verify: Verify | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid
            The application's id, under a domain name of its own, such as `example.com/pairing`: as text,
            or as bytes in UTF-8. Both sides have the same.
        blob
            What the other side gets, of at most `MAX_BLOB` bytes.
        code
            A code of one's own choosing: a number, a dash, and anything without spaces. Default: one that
            nobody else has.
        words
            Words of such a code. Default: 2, with which a guess succeeds one time in 65,536.
        verify
            Called with the verifier, 64 hex digits, before the blob is sent, which it is only if the answer
            is true. Both sides have the same verifier exactly when nobody sits between them.

        Further keyword arguments are those of `Options`.
        """
        self._code: str | None = None
        code = None if code is None else _text("code", code)
        self._begin(appid, code, blob, verify, {**options, "words": words})

    @property
    def code(self) -> str | None:
        """The code, once there is one."""
        return self._code

    def _show(self, code: str) -> str:
        self._code = code
        return code


class Receiving(Exchanging):
    """The side that types the code."""

    __slots__ = ()

    def __init__(
        self,
        appid: str | bytes,
        code: str,
        blob: bytes | bytearray | memoryview,
        *,
        verify: Verify | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid, blob, verify
            As for an `Initiator`.
        code
            As the other side shows it.

        Further keyword arguments are those of `Options`.
        """
        self._begin(appid, _text("code", code), blob, verify, {**options})


class Talking:
    """The general form: any number of messages each way, in order."""

    __slots__ = ("_native", "_watch")

    def __init__(
        self,
        appid: str | bytes,
        *,
        words: int | None = None,
        app_versions: Mapping[str, object] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid
            As for an `Initiator`.
        words
            Words of a code that is allocated. Default: 2.
        app_versions
            What this side's application says of itself: a dictionary that JSON can hold.

        Further keyword arguments are those of `Options`.
        """
        settings: dict[str, Any] = {**options, "words": words}
        if app_versions is not None:
            import json  # noqa: PLC0415 # few need it

            settings["app_versions"] = json.dumps(dict(app_versions), allow_nan=False)
        self._watch: Watch | None = _callable("on_status", settings.pop("on_status", None))
        self._native = _native.Wormhole(_text("appid", appid), settings)
        at_the_end_of_a_child()

    @property
    def code(self) -> str | None:
        """The code, once there is one."""
        return self._native.code

    @property
    def welcome(self) -> str | None:
        """The server's message of the day, a stranger's text; `None` for none, or before it is known."""
        return self._native.welcome

    @property
    def verifier(self) -> str | None:
        """64 hex digits that both sides can compare, once the other side is there."""
        return self._native.verifier

    @property
    def peer_versions(self) -> dict[str, Any] | None:
        """What the other side's application says of itself, once it is there."""
        told = self._native.peer_versions
        if told is None:
            return None
        import json  # noqa: PLC0415 # few need it

        versions: dict[str, Any] = json.loads(told)
        return versions

    def abort(self) -> None:
        """Leave because something is wrong. The server is let go in the background."""
        self._native.abort()


class Sent:
    """Something that is being sent. It goes on by itself; `finish()` says how it ended.

    One that is dropped before that is cancelled.
    """

    __slots__ = ("_code", "_native", "_progress", "_verify")

    def __init__(
        self, native: _native.Sending, code: str, verify: Verify | None, progress: Progress | None
    ) -> None:
        self._native = native
        self._code = code
        self._verify = verify
        self._progress = _callable("progress", progress)

    @property
    def code(self) -> str:
        """The code, to be carried to the other side."""
        return self._code

    @property
    def left_out(self) -> list[tuple[PathObject, str]]:
        """What is not sent, and why: what is no file, and with `ignore_unsendable` what cannot be read."""
        return self._native.left_out

    def cancel(self, reason: str = "the sender cancelled") -> None:
        """End it, from any thread, and tell the other side why."""
        self._native.cancel(reason)


class Offered:
    """What the other side offers. Of a file or directory nothing has come yet.

    One that is dropped without an answer is rejected.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Offer) -> None:
        self._native = native

    @property
    def kind(self) -> Literal["text", "file", "directory"]:
        """`text`, `file` or `directory`."""
        return self._native.kind

    @property
    def name(self) -> str | None:
        """The sender's name for it, a stranger's text; `None` for a text."""
        return self._native.name

    @property
    def size(self) -> int:
        """Bytes of the text, of the file, or of the directory's files."""
        return self._native.size

    @property
    def files(self) -> int | None:
        """How many files a directory holds."""
        return self._native.files

    @property
    def text(self) -> str | None:
        """The text. Accept it, so that the other side knows that it has arrived."""
        return self._native.text

    @property
    def warning(self) -> str | None:
        """Why a person should look twice before taking something of this name."""
        return self._native.warning

    def cancel(self, reason: str = "the receiver cancelled") -> None:
        """End it, from any thread, and tell the other side why. Nothing stays here."""
        self._native.cancel(reason)


if TYPE_CHECKING:
    Progress = Callable[[int, int], object]


def sending(  # noqa: PLR0913, PLR0917 # it is the sum of what can be chosen
    text: str | None,
    paths: Path | Sequence[Path],
    appid: str | bytes | None,
    watch: Watch | None,
    verify: Verify | None,
    options: Mapping[str, object],
) -> tuple[_native.Sending, _native.Pending[str]]:
    """Begin to send, with the code pending."""
    if text is not None:
        text = _text("text", text)
    several = [paths] if isinstance(paths, str) or hasattr(paths, "__fspath__") else _several(paths)
    native = _native.Sending(_transfers(appid), text, several, dict(options))
    at_the_end_of_a_child()
    return native, native.start(_callable("on_status", watch), _callable("verify", verify) is not None)


def receiving(
    code: str,
    appid: str | bytes | None,
    watch: Watch | None,
    verify: Verify | None,
    options: Mapping[str, object],
) -> _native.Pending[_native.Offer]:
    """Begin to receive, with the offer pending."""
    native = _native.Receiving(_transfers(appid), _text("code", code), dict(options))
    at_the_end_of_a_child()
    return native.offer(_callable("on_status", watch), _callable("verify", verify) is not None)


def existing(*, overwrite: bool, rename: bool) -> str:
    """Say what becomes of what stands at the place already."""
    if overwrite and rename:
        raise UsageError("overwrite and rename exclude each other; choose one")
    return "overwrite" if overwrite else "rename" if rename else "refuse"


def bytes_of(name: str, value: bytes | bytearray | memoryview) -> bytes:
    """Bytes, of whatever is like them; text is not."""
    try:
        return memoryview(value).tobytes()
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} must be bytes, or something like them, not {kind}") from None


def _transfers(appid: str | bytes | None) -> str:
    return _native.TRANSFER_APP_ID if appid is None else _text("appid", appid)


def _text(name: str, value: str | bytes) -> str:
    """Text; of an application id its UTF-8, too."""
    if isinstance(value, str):
        return value
    if name == "appid" and isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise UsageError("appid is not valid: as bytes it must be UTF-8") from None
    raise TypeError(f"{name} must be a text, not {type(value).__name__}")


def _several(paths: Any) -> list[Any]:  # noqa: ANN401 # whatever was given
    if isinstance(paths, (list, tuple, set, frozenset)) or hasattr(paths, "__next__"):
        several = list(paths)
        if all(isinstance(path, str) or hasattr(path, "__fspath__") for path in several):
            return several
    raise TypeError("paths must be a path, or a list of them, as texts or os.PathLike")


def _callable(name: str, value: T) -> T:
    if value is None or callable(value):
        return value
    raise TypeError(f"{name} must be something that can be called, not {type(value).__name__}")
