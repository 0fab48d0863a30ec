"""Keyword arguments that several calls share, and how each of these calls tells of them."""

import re
from collections.abc import Callable, Sequence
from typing import Optional, TypedDict, TypeVar, Union

from ._typing import Watch

_Call = TypeVar("_Call", bound=Callable[..., object])


class Options(TypedDict, total=False):
    """What can be chosen for every exchange. `None` is the default of each.

    >>> from wormhole_sync import Initiator, Options
    >>> options: Options = {"time_limit": 600, "client_version": ("pairing", "1.4.2")}
    >>> initiator = Initiator("example.com/pairing", b"my public key", **options)

    rendezvous: str
        The mailbox server, `ws://HOST:PORT/v1` or `wss://HOST/v1`; a login in it is neither sent nor shown.
        Default: what the environment variable `WORMHOLE_RELAY_URL` names, or else the family's public one.
    time_limit: float, seconds
        How long the whole exchange may take. Default: no limit.
    client_version: tuple[str, str]
        Name and version of the application, which the server counts. Default: wormhole-sync's own.
    max_hashcash_bits: int, bits
        The stamp that a server under attack may ask for, at most; each bit more doubles the work.
        Default: 24.
    proxy: str
        `socks5://HOST:PORT`, `http://HOST:PORT`, or `tor`; an empty one is none. Default: what the
        environment variables `ALL_PROXY` and `NO_PROXY` say.
    on_status: a plain function of a dict
        Called whenever something happens: its `event`, and more, as the command's `--json` has it:
        `connecting` (`url`), `connected`, `disconnected` (`retry_in` seconds), `welcome` (`motd`, a
        stranger's text), `delayed`, `working`, `code`, `waiting_for_peer`, `key_agreed`, `key_confirmed`,
        `closed`. In the blocking face it is called on another thread. An exception in it ends nothing: it is
        given to `sys.unraisablehook`, or to the loop or the reactor. Default: nobody is told.
    """

    rendezvous: Optional[str]
    time_limit: Optional[float]
    client_version: Optional[tuple[str, str]]
    max_hashcash_bits: Optional[int]
    proxy: Optional[str]
    on_status: Optional[Watch]


class Routes(Options, total=False):
    """What can be chosen for a transfer besides.

    >>> from wormhole_sync import Routes, send_file
    >>> routes: Routes = {"relay": "tcp:relay.example.com:4001", "listen": False}
    >>> send_file("plan.pdf", **routes).cancel()

    relay: str, or several
        A transit relay: `tcp:HOST:PORT`, `ws://…` or `wss://…`; an empty one is none. A login in it is
        neither sent nor shown. Default: what the environment variable `WORMHOLE_TRANSIT_HELPER` names, or
        else what the mailbox server advertises, or else the family's public relay.
    listen: bool, int or str
        Whether the other side may connect to this computer: `True` at any port, `False` at none, and
        then no address is told; a port; or `ADDRESS:PORT`. One that is taken is told before there is a
        code. Default: `True`.
    """

    relay: Optional[Union[str, Sequence[str]]]
    listen: Optional[Union[bool, int, str]]


def with_arguments_of(*others: object, without: str = "") -> Callable[[_Call], _Call]:
    """Have a call's docstring tell of the arguments that those of others do, so that `help` shows them."""

    def told(call: _Call) -> _Call:
        if call.__doc__ is not None:  # as it is without docstrings
            margin = call.__doc__.rpartition("\n")[2]
            items = [line for other in others for line in _arguments(other, without)]
            end = "".join(f"\n{margin}{line}" if line else "\n" for line in items)
            call.__doc__ = f"{call.__doc__.rstrip()}\n{end}\n{margin}"
        return call

    return told


def _arguments(other: object, without: str) -> list[str]:
    """Give what a docstring says from its first argument on, without its margin."""
    doc = other.__doc__ or ""
    margin = doc.rpartition("\n")[2]
    told: list[str] = []
    begun = wanted = False
    for line in (line[len(margin) :] for line in doc.split("\n")[1:]):
        if re.match(r"\w+(, \w+)*: ", line):
            begun, wanted = True, line.partition(":")[0] != without
        if begun and wanted and line:
            told.append(line)
    return told


__all__ = ["Options", "Routes", "with_arguments_of"]
