"""A public key, from every owner to every computer that is to let them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from roles import every_pair, every_server

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILTQ4Unsr0szGUw+9bZO2soF7Le9Jap9ty+kTOGSirSU"

CODE = r"ssh accept (\S+)"
"""How both tools show the code of an invitation."""


@pytest.fixture
def inviter(tmp_path: Path) -> Path:
    """A home with the directory without which the Python tool does not begin."""
    (tmp_path / "inviter" / ".ssh").mkdir(parents=True)
    return tmp_path / "inviter"


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    """A home with one key."""
    (tmp_path / "owner" / ".ssh").mkdir(parents=True)
    (tmp_path / "owner" / ".ssh" / "id_ed25519.pub").write_text(f"{KEY} me@home, of old\n")
    return tmp_path / "owner"


def authorized(home: Path) -> str:
    return (home / ".ssh" / "authorized_keys").read_text()


@every_server
@every_pair
def test_a_key_that_is_accepted_is_the_one_that_is_added(server, client, inviter, owner, one, other):
    invitation = client(one, server.url).ssh("invite", home=inviter)
    client(other, server.url).ssh("accept", "--yes", invitation.wait_for(CODE)[1], home=owner).succeed()
    invitation.succeed()
    assert authorized(inviter) == f"{KEY} me@home, of old\n"


@every_pair
def test_another_application_and_a_key_elsewhere(server, client, inviter, owner, one, other):
    (owner / "keys").mkdir()
    (owner / ".ssh" / "id_ed25519.pub").rename(owner / "keys" / "mine.pub")
    appid = "wormhole-sync.test/ssh"
    invitation = client(one, server.url, appid).ssh("invite", home=inviter)
    code = invitation.wait_for(CODE)[1]
    client(other, server.url, appid).ssh("accept", "-y", "-F", str(owner / "keys"), code, home=owner).succeed()
    invitation.succeed()
    assert authorized(inviter) == f"{KEY} me@home, of old\n"


@pytest.mark.ours
@pytest.mark.parametrize("inside", [f'command="sh" {KEY}', f"{KEY}\n{KEY}", "-----BEGIN OPENSSH PRIVATE KEY-----\n"])
def test_the_owner_hears_that_we_refuse_what_is_no_plain_key(server, client, inviter, owner, inside):
    (owner / ".ssh" / "id_ed25519.pub").write_text(inside)
    invitation = client("ours", server.url).ssh("invite", home=inviter)
    accepting = client("python", server.url).ssh("accept", "--yes", invitation.wait_for(CODE)[1], home=owner)
    accepting.fail()
    accepting.wait_for("the key was refused: it (has|is)")
    assert invitation.fail() == 5
    assert not (inviter / ".ssh" / "authorized_keys").exists()


@pytest.mark.ours
def test_a_key_that_the_python_tool_sends_again_is_not_added_again(server, client, inviter, owner):
    (inviter / ".ssh" / "authorized_keys").write_text(f"restrict {KEY} there\n")
    invitation = client("ours", server.url).ssh("invite", home=inviter)
    client("python", server.url).ssh("accept", "--yes", invitation.wait_for(CODE)[1], home=owner).succeed()
    invitation.succeed()
    assert authorized(inviter) == f"restrict {KEY} there\n"
