"""Who plays what: the parametrizations that the tests share."""

from __future__ import annotations

import itertools

import pytest
from harness.clients import CLIENTS
from harness.servers import RELAYS, SERVERS

every_client = pytest.mark.parametrize("name", list(CLIENTS))
every_pair = pytest.mark.parametrize(("one", "other"), list(itertools.product(CLIENTS, repeat=2)))
every_server = pytest.mark.parametrize("server", list(SERVERS), indirect=True)
every_mortal_server = pytest.mark.parametrize("mortal_server", list(SERVERS), indirect=True)
every_relay = pytest.mark.parametrize("relay", list(RELAYS), indirect=True)
