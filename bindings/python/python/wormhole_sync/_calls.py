"""What the three faces have in common: all but how they wait.

Each method of a face is one call of the extension module, and then a wait for what is pending.
"""

from collections.abc import Mapping
from pathlib import Path as PathObject
from typing import Any, ClassVar, Literal, Optional

from . import _native
from ._options import Options, with_arguments_of
from ._settle import at_the_end_of_a_child
from ._typing import AppId, Blob, Paths, Progress, Unpack, Verify, Watch
from .errors import BadCodeError, UsageError


class Exchanging:
    """One side of an exchange of blobs."""

    __slots__ = ("_native", "_verify", "_watch")

    _awaits: ClassVar[bool] = True
    """Whether what it calls may be asynchronous, but for `on_status`."""

    _native: _native.Exchange
    _verify: Optional[Verify]
    _watch: Optional[Watch]

    def cancel(self) -> None:
        """Leave, from any thread: whoever waits is told so by a `StoppedError`.

        The server is let go in the background.
        """
        self._native.cancel()

    def _begin(  # it is the sum of what can be chosen
        self,
        appid: AppId,
        code: Optional[str],
        blob: Blob,
        verify: Optional[Verify],
        options: dict[str, Any],
    ) -> None:
        self._watch = options.pop("on_status", None)
        self._verify = verify
        check_called(awaits=self._awaits, on_status=self._watch, verify=verify)
        self._native = _native.Exchange(_text("appid", appid), code, bytes_of("blob", blob), options)
        at_the_end_of_a_child()

    @property
    def _asks(self) -> bool:
        return self._verify is not None


class Initiating(Exchanging):
    """The side that shows the code."""

    __slots__ = ("_code",)

    @with_arguments_of(Options)
    def __init__(
        self,
        appid: AppId,
        blob: Blob,
        *,
        code: Optional[str] = None,
        words: Optional[int] = None,
        verify: Optional[Verify] = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid: str, or bytes in UTF-8
            The application's id, under a domain name of its own, such as `example.com/pairing`. Both sides
            have the same: those whose ids differ wait for one another, and are not told.
        blob: bytes, or something like them
            What the other side gets, of at most `MAX_BLOB` bytes, 256 KiB.
        code: str
            A code of one's own choosing: a number, a dash, and anything without spaces. Default: one that
            nobody else has.
        words: int
            Words of the code, 1 to 32, unless it is of one's own choosing. Default: 2, with which a guess
            succeeds one time in 65,536.
        verify: a function of a str
            Called with the verifier, 64 hex digits, before the blob is sent, which it is only if the answer
            is true. Both sides have the same verifier exactly when nobody sits between them. Default: it is
            not compared.
        """
        self._code: Optional[str] = None
        code = None if code is None else _text("code", code)
        self._begin(appid, code, blob, verify, {**options, "words": words})

    @property
    def code(self) -> Optional[str]:
        """The code, once there is one."""
        return self._code

    def _show(self, code: str) -> str:
        self._code = code
        return code


class Receiving(Exchanging):
    """The side that types the code."""

    __slots__ = ()

    @with_arguments_of(Options)
    def __init__(
        self,
        appid: AppId,
        code: str,
        blob: Blob,
        *,
        verify: Optional[Verify] = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid: str, or bytes in UTF-8
            The application's id, the same as the other side's: those whose ids differ wait, and are not told.
        code: str
            As the other side shows it. Blanks around it do no harm.
        blob: bytes, or something like them
            What the other side gets, of at most `MAX_BLOB` bytes, 256 KiB.
        verify: a function of a str
            As for an `Initiator`. Default: it is not compared.
        """
        self._begin(appid, _text("code", code), blob, verify, {**options})


class Talking:
    """The general form: any number of messages each way, in order."""

    __slots__ = ("_native", "_watch")

    @with_arguments_of(Options)
    def __init__(
        self,
        appid: AppId,
        *,
        words: Optional[int] = None,
        app_versions: Optional[Mapping[str, object]] = None,
        **options: Unpack[Options],
    ) -> None:
        """Keep what it is to be.

        appid: str, or bytes in UTF-8
            The application's id, under a domain name of its own, such as `example.com/chat`. Both sides
            have the same: those whose ids differ wait for one another, and are not told.
        words: int
            Words of a code that is allocated, 1 to 32. Default: 2.
        app_versions: dict
            What this side's application says of itself, as far as JSON can hold it. Default: nothing.
        """
        settings: dict[str, Any] = {**options, "words": words}
        if app_versions is not None:
            import json  # noqa: PLC0415 # few need it

            try:
                settings["app_versions"] = json.dumps(dict(app_versions), allow_nan=False)
            except ValueError as error:
                raise UsageError(f"app_versions holds what JSON cannot: {error}") from None
        self._watch: Optional[Watch] = settings.pop("on_status", None)
        check_called(awaits=True, on_status=self._watch)
        self._native = _native.Wormhole(_text("appid", appid), settings)
        at_the_end_of_a_child()

    @property
    def code(self) -> Optional[str]:
        """The code, once there is one."""
        return self._native.code

    @property
    def welcome(self) -> Optional[str]:
        """The server's message of the day, a stranger's text; `None` for none, or before it is known."""
        return self._native.welcome

    @property
    def verifier(self) -> Optional[str]:
        """64 hex digits that both sides can compare, once the other side is there."""
        return self._native.verifier

    @property
    def peer_versions(self) -> Optional[dict[str, Any]]:
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

    __slots__ = ("__weakref__", "_code", "_native", "_progress", "_verify")

    def __init__(
        self, native: _native.Sending, code: str, verify: Optional[Verify], progress: Optional[Progress]
    ) -> None:
        self._native = native
        self._code = code
        self._verify = verify
        self._progress = progress

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

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _native.Offer) -> None:
        self._native = native

    @property
    def kind(self) -> Literal["text", "file", "directory"]:
        """`text`, `file` or `directory`."""
        return self._native.kind

    @property
    def name(self) -> Optional[str]:
        """The sender's name for it, a stranger's text; `None` for a text."""
        return self._native.name

    @property
    def size(self) -> int:
        """Bytes of the text, of the file, or of the directory's files."""
        return self._native.size

    @property
    def files(self) -> Optional[int]:
        """How many files a directory holds."""
        return self._native.files

    @property
    def text(self) -> Optional[str]:
        """The text. Accept it, so that the other side knows that it has arrived."""
        return self._native.text

    @property
    def warning(self) -> Optional[str]:
        """Why a person should look twice before taking something of this name."""
        return self._native.warning

    def cancel(self, reason: str = "the receiver cancelled") -> None:
        """End it, from any thread, and tell the other side why. Nothing stays here."""
        self._native.cancel(reason)


def sending(  # noqa: PLR0913, PLR0917 # it is the sum of what can be chosen
    text: Optional[str],
    paths: Paths,
    appid: Optional[AppId],
    watch: Optional[Watch],
    verify: Optional[Verify],
    options: Mapping[str, object],
) -> "tuple[_native.Sending, _native.Pending[str]]":
    """Begin to send, with the code pending."""
    if text is not None:
        text = _text("text", text)
    several = [paths] if isinstance(paths, str) or hasattr(paths, "__fspath__") else _several(paths)
    native = _native.Sending(_transfers(appid), text, several, dict(options))
    at_the_end_of_a_child()
    return native, native.start(watch, verify is not None)


def receiving(
    code: str,
    appid: Optional[AppId],
    watch: Optional[Watch],
    verify: Optional[Verify],
    options: Mapping[str, object],
) -> "_native.Pending[_native.Offer]":
    """Begin to receive, with the offer pending."""
    native = _native.Receiving(_transfers(appid), _text("code", code), dict(options))
    at_the_end_of_a_child()
    return native.offer(watch, verify is not None)


def existing(*, overwrite: bool, rename: bool) -> str:
    """Say what becomes of what stands at the place already."""
    if overwrite and rename:
        raise UsageError("overwrite and rename exclude each other; choose one")
    return "overwrite" if overwrite else "rename" if rename else "refuse"


def bytes_of(name: str, value: Blob) -> bytes:
    """Bytes, of whatever is like them; text is not."""
    try:
        return memoryview(value).tobytes()
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} must be bytes, or something like them, not {kind}") from None


def check_called(*, awaits: bool, **called: object) -> None:
    """Refuse what cannot be called, and what nobody would await."""
    for name, call in called.items():
        if call is None:
            continue
        if not callable(call):
            raise TypeError(f"{name} must be something that can be called, not {type(call).__name__}")
        if awaits and name != "on_status":
            continue
        import inspect  # noqa: PLC0415 # few need it

        if inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__):
            advice = "begin a task in it" if name == "on_status" else "use wormhole_sync.aio"
            raise TypeError(f"{name} must be a plain function here, not an 'async def'; {advice}")


def _transfers(appid: Optional[AppId]) -> str:
    return _native.TRANSFER_APP_ID if appid is None else _text("appid", appid)


def _text(name: str, value: AppId) -> str:
    """Text; of an application id its UTF-8, too."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            wrong = BadCodeError if name == "code" else UsageError
            raise wrong(f"{name} holds what is no text") from None
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
