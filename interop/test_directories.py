"""A directory from every client to every client: odd names, modes, empty directories, what links lead to."""

from __future__ import annotations

import pytest
from files import make_file, make_tree, tree
from roles import every_client, every_pair


@every_pair
@pytest.mark.parametrize(("relay", "through"), [("python-relay", "directly"), ("python-relay", "relay"), ("our-relay", "relay")], indirect=["relay"])
def test_a_directory_arrives_as_it_was(server, relay, client, nameplate, tmp_path, one, other, through):
    sent, got, code = make_tree(tmp_path / "sent"), tmp_path / "got", f"{nameplate}-tradition-snapshot"
    sender, receiver = client(one, server.url), client(other, server.url)
    sender.transit = receiver.transit = relay.url if through == "relay" else None
    sending = sender.offer(str(sent), "--code", code)
    receiver.take(code, "-o", str(got)).succeed()
    sending.succeed()
    expected = tree(sent, follow=True)
    assert len(expected) == 23
    assert tree(got) == expected


@pytest.mark.ours
@every_client
def test_an_empty_directory_arrives_where_ours_receives(server, client, nameplate, tmp_path, name):
    """The Python receiver takes none: it refuses its own sender's entry `./`, and makes nothing where there is no entry."""
    (tmp_path / "there" / "nothing").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    code = f"{nameplate}-tradition-snapshot"
    sender = client(name, server.url).offer(str(tmp_path / "there" / "nothing"), "--code", code)
    client("ours", server.url).take(code, cwd=tmp_path / "here").succeed()
    sender.succeed()
    assert tree(tmp_path / "here") == {"nothing": ("directory", 0, b"")}


@pytest.mark.timeout(240)  # the Python tool takes half a minute for them where the machine is slow
@every_pair
def test_many_files_arrive(server, client, nameplate, tmp_path, one, other):
    for number in range(2000):
        make_file(tmp_path / "sent" / str(number % 7) / f"{number}.txt", number)
    code = f"{nameplate}-tradition-snapshot"
    sender = client(one, server.url).offer(str(tmp_path / "sent"), "--code", code)
    client(other, server.url).take(code, "-o", str(tmp_path / "got")).succeed(200)
    sender.succeed()
    assert tree(tmp_path / "got") == tree(tmp_path / "sent")


@pytest.mark.ours
def test_several_paths_of_ours_arrive_as_a_directory(server, client, nameplate, tmp_path):
    make_file(tmp_path / "one.txt", 100)
    make_file(tmp_path / "two" / "inner", 200)
    code = f"{nameplate}-tradition-snapshot"
    paths = [str(tmp_path / "one.txt"), str(tmp_path / "two")]
    sender = client("ours", server.url).offer(*paths, "--name", "both", "--code", code)
    client("python", server.url).take(code, "-o", str(tmp_path / "got")).succeed()
    sender.succeed()
    assert set(tree(tmp_path / "got")) == {"one.txt", "two", "two/inner"}


@pytest.mark.ours
def test_standard_input_of_ours_arrives_as_a_file(server, client, nameplate, tmp_path):
    code = f"{nameplate}-tradition-snapshot"
    sender = client("ours", server.url).offer("-", "--name", "dump", "--code", code, stdin=b"piped \0 in")
    (tmp_path / "here").mkdir()
    client("python", server.url).take(code, cwd=tmp_path / "here").succeed()
    sender.succeed()
    assert (tmp_path / "here" / "dump").read_bytes() == b"piped \0 in"
