"""Keyword arguments that several calls share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

Path = Union[str, "PathLike[str]"]


class Options(TypedDict, total=False):
    """What can be chosen for every exchange. `None` is the default of each.

    rendezvous
        The mailbox server: `ws://HOST:PORT/v1` or `wss://…`. Default: what the environment variable
        `WORMHOLE_RELAY_URL` names, or else the family's public server.
    time_limit
        Seconds that the whole exchange may take. Default: no limit.
    client_version
        Name and version of the application, which the server counts. Default: wormhole-sync's own.
    max_hashcash_bits
        Bits of the stamp that a server under attack may ask for; each one more doubles the work.
        Default: 24.
    proxy
        `socks5://HOST:PORT`, `http://HOST:PORT`, or `tor`; an empty one is none. Default: what the
        environment variables `ALL_PROXY` and `NO_PROXY` say.
    on_status
        Called with a dictionary whenever something happens: its `event`, and more, as the command's
        `--json` has it: `connecting`, `connected`, `disconnected` (`retry_in` seconds), `welcome`
        (`motd`, a stranger's text), `delayed`, `working`, `code`, `waiting_for_peer`, `key_agreed`,
        `key_confirmed`, `closed`. In the blocking face it is called on another thread.
    """

    rendezvous: str | None
    time_limit: float | None
    client_version: tuple[str, str] | None
    max_hashcash_bits: int | None
    proxy: str | None
    on_status: Callable[[dict[str, Any]], object] | None


class Routes(Options, total=False):
    """What can be chosen for a transfer besides.

    relay
        A transit relay, or several: `tcp:HOST:PORT`, `ws://…` or `wss://…`; an empty one is none.
        Default: what the environment variable `WORMHOLE_TRANSIT_HELPER` names, or else what the mailbox
        server advertises, or else the family's public relay.
    listen
        Whether the other side may connect to this computer: `True` at any port, `False` at none, and
        then no address is told; a port; or `ADDRESS:PORT`. Default: `True`.
    """

    relay: str | Sequence[str] | None
    listen: bool | int | str | None


__all__ = ["Options", "Path", "Routes"]
