"""The blocking face, with its mistakes and accidents."""

import asyncio
import functools
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.clients import CODE
from harness.servers import OurServer
from harness.websocket import RawClient

import wormhole_sync
from wormhole_sync import (
    BadCodeError,
    Initiator,
    Receiver,
    RejectedError,
    StoppedError,
    TimedOutError,
    UnreachableError,
    UsageError,
    VerifierRefusedError,
    Wormhole,
    WormholeError,
    WrongCodeError,
    aio,
)

APP = "example.com/pairing"


def pair(one, other):
    """What two sides that wait at the same time come to: values, or the exceptions that they raise."""
    with ThreadPoolExecutor(2) as both:
        return [
            ended.exception() or ended.result()
            for ended in [both.submit(one.finish), both.submit(other.finish)]
        ]


def nameplates(appid):
    with Wormhole(appid) as wormhole:
        return wormhole.nameplates()


def wait_until(is_so, within=10.0):
    end = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


@pytest.mark.parametrize("blob", [b"", b"x" * 100_000, bytearray(b"bytes"), memoryview(b"like them")])
def test_whatever_is_like_bytes_goes_each_way(blob):
    initiator = Initiator(APP, blob)
    receiver = Receiver(APP.encode(), initiator.start(), blob)
    assert pair(initiator, receiver) == [bytes(blob)] * 2


def test_the_largest_blob_goes_and_a_larger_one_does_not():
    initiator = Initiator(APP, bytes(wormhole_sync.MAX_BLOB))
    receiver = Receiver(APP, initiator.start(), b"small")
    assert pair(initiator, receiver) == [b"small", bytes(wormhole_sync.MAX_BLOB)]
    with pytest.raises(UsageError, match="send it as a file"):
        Initiator(APP, bytes(wormhole_sync.MAX_BLOB + 1)).start()


def test_both_sides_of_a_wrong_code_are_told_and_what_to_do():
    initiator = Initiator(APP, b"one", words=4)
    receiver = Receiver(APP, initiator.start().rsplit("-", 1)[0] + "-revenue", b"two")
    for error in pair(initiator, receiver):
        assert isinstance(error, WrongCodeError)
        assert error.fault == "code"
        assert str(error).endswith("start again with a new code")


def test_a_third_side_is_told_that_the_number_is_taken(server):
    others = [RawClient(server.port) for _ in range(2)]
    for side, other in zip(("a", "b"), others):
        other.say("bind", appid=APP, side=side)
        other.ask("claim", "claimed", nameplate="4711")
    with pytest.raises(wormhole_sync.CrowdedError):
        Receiver(APP, "4711-guitarist-revenge", b"three").finish()


def test_what_is_no_code_is_a_value_error():
    with pytest.raises(ValueError, match="begins with a number") as told:
        Receiver(APP, "purple-sausages", b"two").finish()
    assert isinstance(told.value, BadCodeError)


def test_a_server_that_is_not_there_is_a_connection_error_that_names_it():
    with pytest.raises(ConnectionError, match=r"ws://127\.0\.0\.1:1/v1") as told:
        Initiator(APP, b"one", rendezvous="ws://127.0.0.1:1/v1").start()
    assert isinstance(told.value, UnreachableError)
    assert told.value.fault == "network"


def test_a_time_limit_is_a_timeout_error():
    initiator = Initiator(APP, b"one", time_limit=0.3)
    initiator.start()
    with pytest.raises(TimeoutError) as told:
        initiator.finish()
    assert isinstance(told.value, TimedOutError)
    assert told.value.fault == "peer"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"rendezvous": "http://example.com"}, UsageError),
        ({"proxy": "carrier-pigeon://coop"}, UsageError),
        ({"time_limit": -1}, UsageError),
        ({"time_limit": "soon"}, TypeError),
        ({"words": -2}, UsageError),
        ({"words": 0}, UsageError),
        ({"words": 33}, UsageError),
        ({"time_limit": float("nan")}, UsageError),
        ({"on_status": 5}, TypeError),
        ({"verify": 5}, TypeError),
        ({"client_version": "1.0"}, TypeError),
        ({"max_hashcash_bits": "many"}, TypeError),
        ({"max_hashcash_bits": -1}, UsageError),
        ({"words": 10**30}, UsageError),
        ({"time_limit": 10**400}, UsageError),
        ({"rendezvous": "ws://\udcff/v1"}, UsageError),
        ({"code": "77-\udcff"}, BadCodeError),
        ({"colour": "blue"}, TypeError),
        ({"relay": "tcp:127.0.0.1:1"}, TypeError),
        ({"code": "purple-sausages"}, BadCodeError),
        ({"code": "77-guitarist-revenge", "words": 3}, UsageError),
        ({"on_status": 0}, TypeError),
        ({"verify": 0}, TypeError),
        ({"canceller": None, "colour": "blue"}, TypeError),
    ],
)
def test_each_option_that_cannot_be_is_told(options, kind):
    with pytest.raises(kind):
        Initiator(APP, b"one", **options).start()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("", b"one"), UsageError),
        ((b"\xff", b"one"), UsageError),
        (("\udcff", b"one"), UsageError),
        ((7, b"one"), TypeError),
        ((APP, "text"), TypeError),
        ((APP, 5), TypeError),
        ((APP, None), TypeError),
    ],
)
def test_each_argument_that_cannot_be_is_told(arguments, kind):
    with pytest.raises(kind):
        Initiator(*arguments).start()


@pytest.mark.parametrize("limit", [float("inf"), 1e300, 1.8e19, 1.9e19, 9.3e18, 10**9])
def test_a_time_that_no_clock_will_reach_is_no_limit(limit):
    initiator = Initiator(APP, b"one", time_limit=limit)
    assert pair(initiator, Receiver(APP, initiator.start(), b"two")) == [b"two", b"one"]


@pytest.mark.parametrize("typed", ["7", "7-", "", "guitarist", "-guitarist"])
def test_what_is_not_a_whole_code_is_told_before_anything_is_spent(typed):
    with pytest.raises(BadCodeError):
        Receiver(APP, typed, b"two")


def test_who_has_a_code_chooses_no_number_of_words():
    for call in (
        lambda: Receiver(APP, "4-guitarist-revenge", b"two", words=3),
        lambda: aio.Receiver(APP, "4-guitarist-revenge", b"two", words=3),
        lambda: wormhole_sync.receive("4-guitarist-revenge", words=3),
        lambda: wormhole_sync.send_text("x", code="4-guitarist-revenge", words=3),
    ):
        with pytest.raises(ValueError, match="words says how many a new code gets"):
            call()
    Receiver(APP, "4-guitarist-revenge", b"two", words=None)


class Asynchronous:
    async def __call__(self, *_):
        return True


async def asynchronous(*_):
    return True


@pytest.mark.parametrize("call", [asynchronous, Asynchronous(), functools.partial(asynchronous, 1)])
def test_an_asynchronous_function_where_a_plain_one_is_wanted_is_told_at_the_call(call):
    for hook, advice in (("on_status", "begin a task"), ("verify", r"wormhole_sync\.aio")):
        for make in (
            lambda more: Initiator(APP, b"one", **more),
            lambda more: Receiver(APP, "4-guitarist-revenge", b"two", **more),
            lambda more: wormhole_sync.send_text("x", **more),
            lambda more: wormhole_sync.receive("4-guitarist-revenge", **more),
        ):
            with pytest.raises(TypeError, match=f"{hook} must be a plain function here.*{advice}"):
                make({hook: call})
    with pytest.raises(TypeError, match="on_status must be a plain function"):
        Wormhole(APP, on_status=call)
    with pytest.raises(TypeError, match="progress must be a plain function"):
        wormhole_sync.send_file("plan.pdf", progress=call)
    with pytest.raises(TypeError, match="on_status must be a plain function"):
        aio.Initiator(APP, b"one", on_status=call)
    aio.Initiator(APP, b"one", verify=call)


def test_a_login_in_a_url_is_shown_nowhere(server):
    told = []
    with_login = server.url.replace("ws://", "ws://annabel:secret@")
    initiator = Initiator(APP, b"one", rendezvous=with_login, on_status=lambda event: told.append(str(event)))
    receiver = Receiver(APP, initiator.start(), b"two", rendezvous=with_login)
    assert pair(initiator, receiver) == [b"two", b"one"]
    for url in ("ws://annabel:secret@127.0.0.1:1/v1", with_login.replace("/v1", ""), "x://annabel:secret@y"):
        with pytest.raises(WormholeError) as error:
            Initiator(APP, b"one", rendezvous=url, on_status=lambda event: told.append(str(event))).start()
        told.append(str(error.value) + repr(error.value))
        assert url.split("@")[1] in told[-1]
    for options in ({"relay": "ftp://annabel:secret@y"}, {"proxy": "ftp://annabel:secret@y"}):
        with pytest.raises(UsageError) as error:
            wormhole_sync.send_file("plan.pdf", **options)
        told.append(str(error.value))
    assert "127.0.0.1:1/v1" in str(told)
    assert "annabel" not in str(told)
    assert "secret" not in str(told)


def test_a_url_without_its_path_is_told_soon_with_what_is_missing(server):
    url = server.url.replace("/v1", "")
    begun = time.monotonic()
    with pytest.raises(wormhole_sync.ServerError, match=f"{url} .*HTTP 404.*path is /v1 as a rule"):
        Initiator(APP, b"one", rendezvous=url).start()
    assert time.monotonic() - begun < 5


def test_who_waits_in_vain_is_told_what_may_differ():
    initiator = Initiator(APP, b"one", time_limit=1)
    receiver = Receiver("example.com/another", initiator.start(), b"two", time_limit=1)
    for error in pair(initiator, receiver):
        assert isinstance(error, TimedOutError)
        assert "the same server and application id" in str(error)


def test_blanks_around_a_code_do_no_harm():
    initiator = Initiator(APP, b"one")
    assert pair(initiator, Receiver(APP, f" {initiator.start()}\r\n", b"two")) == [b"two", b"one"]


def test_options_are_taken():
    initiator = Initiator(
        APP, b"one", words=4, time_limit=60, client_version=("pairing", "1.4"), max_hashcash_bits=20, proxy=""
    )
    code = initiator.start()
    assert code.count("-") == 4
    assert initiator.code == code
    chosen = Initiator(APP, b"one", code="77-our-cat's-first-name")
    assert chosen.start() == "77-our-cat's-first-name"
    initiator.cancel()
    chosen.cancel()


def test_calls_out_of_order_are_told():
    initiator = Initiator(APP, b"one")
    with pytest.raises(UsageError, match="call start"):
        initiator.finish()
    receiver = Receiver(APP, initiator.start(), b"two")
    with pytest.raises(UsageError, match="make another"):
        initiator.start()
    pair(initiator, receiver)
    for side in (initiator, receiver):
        with pytest.raises(UsageError, match="make another"):
            side.finish()


def test_what_was_cancelled_says_so_whatever_is_called_next():
    unused = Initiator(APP, b"one")
    unused.cancel()
    started = Initiator(APP, b"one")
    started.start()
    started.cancel()
    receiver = Receiver(APP, "77-guitarist-revenge", b"one")
    receiver.cancel()
    for call in (unused.start, unused.finish, started.start, started.finish, receiver.finish):
        with pytest.raises(StoppedError, match="cancelled on this side"):
            call()


def test_what_json_cannot_hold_is_no_version():
    with pytest.raises(UsageError, match="app_versions"):
        Wormhole(APP, app_versions={"a": float("nan")})


def test_both_are_shown_the_same_verifier_before_anything_is_sent():
    shown = []
    initiator = Initiator(APP, b"one", verify=lambda verifier: shown.append(verifier) or True)
    receiver = Receiver(
        APP, initiator.start(), b"two", verify=lambda verifier: shown.append(verifier) or True
    )
    assert pair(initiator, receiver) == [b"two", b"one"]
    assert len(shown) == 2
    assert shown[0] == shown[1]
    assert len(shown[0]) == 64


def test_who_refuses_the_verifier_sends_nothing():
    initiator = Initiator(APP, b"one")
    receiver = Receiver(APP, initiator.start(), b"two", verify=lambda _: False)
    one, other = pair(initiator, receiver)
    assert isinstance(one, RejectedError)
    assert isinstance(other, VerifierRefusedError)


def test_an_exception_while_verifying_is_raised_and_ends_the_exchange():
    initiator = Initiator(APP, b"one", time_limit=20)
    receiver = Receiver(APP, initiator.start(), b"two", verify=lambda _: 1 // 0)
    one, other = pair(initiator, receiver)
    assert isinstance(other, ZeroDivisionError)
    assert isinstance(one, WormholeError)


def test_what_happens_is_told():
    events = []
    initiator = Initiator(APP, b"one", on_status=events.append)
    code = initiator.start()
    pair(initiator, Receiver(APP, code, b"two"))
    wait_until(lambda: {"event": "closed"} in events)
    names = [event["event"] for event in events]
    assert names[:2] == ["connecting", "connected"]
    assert {"event": "welcome", "motd": "back at noon"} in events
    assert {"event": "code", "code": code} in events
    assert names.index("key_agreed") < names.index("key_confirmed") < names.index("closed")


def test_an_exception_in_on_status_is_told_and_does_no_harm(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(what.exc_type))
    initiator = Initiator(APP, b"one", on_status=lambda _: 1 // 0)
    receiver = Receiver(APP, initiator.start(), b"two")
    assert pair(initiator, receiver) == [b"two", b"one"]
    wait_until(lambda: len(told) > 3)
    assert set(told) == {ZeroDivisionError}


def test_what_is_asynchronous_is_refused_here():
    class Later:
        def __await__(self):
            yield

    initiator = Initiator(APP, b"one", time_limit=20)
    receiver = Receiver(APP, initiator.start(), b"two", verify=lambda _: Later())
    one, other = pair(initiator, receiver)
    assert isinstance(one, WormholeError)
    assert isinstance(other, TypeError)
    assert "wormhole_sync.aio" in str(other)


def test_cancelled_from_another_thread():
    initiator = Initiator("example.com/cancelled", b"one")
    initiator.start()
    threading.Timer(0.2, initiator.cancel).start()
    began = time.monotonic()
    with pytest.raises(StoppedError):
        initiator.finish()
    assert time.monotonic() - began < 5
    wait_until(lambda: nameplates("example.com/cancelled") == [])


def test_what_is_dropped_lets_go_of_its_number():
    initiator = Initiator("example.com/dropped", b"one")
    number = initiator.start().partition("-")[0]
    assert nameplates("example.com/dropped") == [number]
    del initiator
    wait_until(lambda: nameplates("example.com/dropped") == [])


def test_the_interpreter_goes_on_while_one_waits():
    initiator = Initiator(APP, b"one", time_limit=0.5)
    initiator.start()
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    counting = threading.Thread(target=count)
    counting.start()
    with pytest.raises(TimedOutError):
        initiator.finish()
    stop.set()
    counting.join()
    assert counted[0] > 10_000


@pytest.mark.parametrize("what", ["wormhole", "finish", "sending"])
def test_threads_that_make_the_same_mistake_at_once_do_not_stop_each_other(what):
    """An exception is made by Python, which may let other threads go on meanwhile."""
    sending = wormhole_sync.send_text("a text") if what == "sending" else None
    mistake = {
        "wormhole": lambda: Wormhole(APP).send(b"x"),
        "finish": Initiator(APP, b"one").finish,
        "sending": sending and sending.finish,
    }[what]
    if sending is not None:
        sending.cancel()
        with pytest.raises(StoppedError):
            sending.finish()

    def again():
        for _ in range(200):
            with pytest.raises(UsageError):
                mistake()

    threads = [threading.Thread(target=again, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_signal_handler_may_cancel_what_the_main_thread_is_about(run):
    program = (
        "import signal\n"
        "from wormhole_sync import Initiator, WormholeError\n"
        "i = Initiator('example.com/signal', b'one')\n"
        "signal.signal(signal.SIGALRM, lambda *_: i.cancel())\n"
        "signal.setitimer(signal.ITIMER_REAL, .01, .0001)\n"
        "for _ in range(20000):\n"
        "    try: i.finish()\n"
        "    except WormholeError: pass\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "print('it ended well')\n"
    )
    assert b"it ended well" in run("-c", program).succeed(40)


@pytest.mark.parametrize("seconds", [0, 5.005, 6])
def test_a_callback_that_is_slow_at_the_end_does_not_bring_it_down(run, seconds):
    program = (
        "import time\n"
        "from wormhole_sync import Initiator\n"
        "def slow(event):\n"
        f"    end = time.monotonic() + {seconds}\n"
        "    while event['event'] == 'code' and time.monotonic() < end:\n"
        "        time.sleep(.001)\n"
        "i = Initiator('example.com/slow', b'one', on_status=slow)\n"
        "i.start()\n"
    )
    run("-c", program).succeed()


def test_a_slow_callback_of_one_holds_up_no_other():
    initiator = Initiator(APP, b"one", on_status=lambda _: time.sleep(1))
    initiator.start()
    began = time.monotonic()

    async def other():
        other = aio.Initiator(APP, b"one")
        await other.start()
        other.cancel()

    asyncio.run(other())
    assert time.monotonic() - began < 1
    initiator.cancel()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_of_multiprocessing_lets_go_of_the_server(run, method, tmp_path):
    (tmp_path / "child.py").write_text(
        "def child():\n"
        "    from wormhole_sync import Initiator\n"
        "    global kept\n"
        f"    kept = Initiator('example.com/{method}', b'one')\n"
        "    kept.start()\n"
        "if __name__ == '__main__':\n"
        "    import child, multiprocessing\n"
        f"    process = multiprocessing.get_context('{method}').Process(target=child.child)\n"
        "    process.start()\n"
        "    process.join()\n"
        "    assert process.exitcode == 0\n"
    )
    run(str(tmp_path / "child.py")).succeed()
    assert nameplates(f"example.com/{method}") == []


def test_another_interpreter_of_the_process_is_refused_and_does_no_harm(run):
    program = (
        "try: import _interpreters as interpreters\n"
        "except ImportError: import _xxsubinterpreters as interpreters\n"
        "from wormhole_sync import Initiator, Receiver\n"
        "i = Initiator('appid', b'one')\n"
        "code = i.start()\n"
        "other = interpreters.create()\n"
        "try: told = interpreters.run_string(other, 'import wormhole_sync')\n"
        "except Exception as error: told = error\n"
        "print('told', told)\n"
        "interpreters.destroy(other)\n"
        "from threading import Thread\n"
        "Thread(target=Receiver('appid', code, b'two').finish).start()\n"
        "print(i.finish())\n"
    )
    said = run("-c", program).succeed().decode()
    assert "main interpreter" in said
    assert "b'two'" in said


def test_a_call_that_nobody_waits_for_is_ended():
    initiator = Initiator("example.com/nobody-waits", b"one")
    initiator.start()
    initiator._native.finish(False)  # noqa: FBT003 # dropped at once, as by Ctrl-C at that moment
    wait_until(lambda: nameplates("example.com/nobody-waits") == [])


def test_many_threads_at_once():
    def one(number):
        initiator = Initiator(APP, b"%d" % number)
        return pair(initiator, Receiver(APP, initiator.start(), b"two"))

    with ThreadPoolExecutor(16) as threads:
        for number, outcome in enumerate(threads.map(one, range(64))):
            assert outcome == [b"two", b"%d" % number]


@pytest.mark.parametrize("when", ["start", "finish"])
def test_ctrl_c_interrupts_a_wait_and_the_server_is_let_go(run, when):
    program = (
        "from wormhole_sync import Initiator\n"
        "i = Initiator('example.com/interrupted', b'one')\n"
        "print('code', i.start(), flush=True)\n"
        "i.finish()\n"
    )
    environment = {}
    if when == "start":
        # a server that accepts and says nothing
        import socket

        silent = socket.create_server(("127.0.0.1", 0))
        environment["WORMHOLE_RELAY_URL"] = f"ws://127.0.0.1:{silent.getsockname()[1]}/v1"
        program = "print('code', flush=True)\n" + program
    process = run("-c", program, environment=environment)
    process.wait_for("code")
    time.sleep(0.3)
    began = time.monotonic()
    process.send(signal.SIGINT)
    process.finish()
    assert time.monotonic() - began < 6
    assert "KeyboardInterrupt" in process.said()
    wait_until(lambda: nameplates("example.com/interrupted") == [])


def test_a_program_that_just_ends_lets_go_of_the_server(run):
    program = (
        "from wormhole_sync import Initiator\n"
        "i = Initiator('example.com/ended', b'one')\n"
        "print(i.start(), flush=True)\n"
    )
    process = run("-c", program)
    process.succeed()
    assert nameplates("example.com/ended") == []


def test_a_program_whose_threads_still_wait_ends(run):
    program = (
        "import threading, time\n"
        "from wormhole_sync import Initiator\n"
        "i = Initiator('example.com/daemon', b'one')\n"
        "i.start()\n"
        "threading.Thread(target=i.finish, daemon=True).start()\n"
        "time.sleep(0.2)\n"
    )
    process = run("-c", program)
    process.succeed()
    wait_until(lambda: nameplates("example.com/daemon") == [])


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_a_fork_has_exchanges_of_its_own(run):
    program = (
        "import os, sys\n"
        "from wormhole_sync import Initiator, Receiver, UsageError\n"
        "from threading import Thread\n"
        "theirs = Initiator('example.com/fork', b'parent')\n"
        "theirs.start()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        theirs.finish()\n"
        "    except UsageError as error:\n"
        "        print('child:', error, flush=True)\n"
        "    i = Initiator('example.com/fork', b'one')\n"
        "    r = Receiver('example.com/fork', i.start(), b'two')\n"
        "    Thread(target=i.finish).start()\n"
        "    print('child got', r.finish(), flush=True)\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "r = Receiver('example.com/fork', theirs.code, b'other')\n"
        "Thread(target=r.finish).start()\n"
        "print('parent got', theirs.finish(), flush=True)\n"
    )
    process = run("-c", program)
    said = process.succeed().decode()
    assert "child: an exchange belongs to the process that began it" in said
    assert "child got b'one'" in said
    assert "parent got b'other'" in said


def test_without_docstrings_too(run):
    program = "import wormhole_sync, wormhole_sync.aio, wormhole_sync.twisted, wormhole.transcribe"
    run("-OO", "-c", program).succeed()


def test_the_server_dies_and_comes_back_while_one_waits(processes, tmp_path):
    server = OurServer(processes, tmp_path / "mortal")
    events = []
    initiator = Initiator(APP, b"one", rendezvous=server.url, on_status=events.append, time_limit=50)
    code = initiator.start()
    server.kill()
    wait_until(lambda: any(event["event"] == "disconnected" for event in events))
    server.start()
    assert pair(initiator, Receiver(APP, code, b"two", rendezvous=server.url)) == [b"two", b"one"]


def test_the_server_is_gone_for_good(processes, tmp_path):
    server = OurServer(processes, tmp_path / "mortal")
    initiator = Initiator(APP, b"one", rendezvous=server.url, time_limit=2)
    initiator.start()
    server.kill()
    with pytest.raises(TimedOutError):
        initiator.finish()


def test_a_hundred_exchanges_leave_nothing_behind():
    def exchange():
        initiator = Initiator("example.com/growth", bytes(10_000))
        assert pair(initiator, Receiver("example.com/growth", initiator.start(), bytes(10_000)))[0] == bytes(
            10_000
        )

    def held():
        status = Path("/proc/self/status").read_text()
        kib = {
            line.split(":")[0]: line.split()[1]
            for line in status.splitlines()
            if ":" in line and line.split()[1:]
        }
        return int(kib["VmRSS"]), int(kib["Threads"]), len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/status").exists():
        pytest.skip("nothing tells what a process holds here")
    for _ in range(20):
        exchange()
    wait_until(lambda: nameplates("example.com/growth") == [])
    memory, threads, files = held()
    for _ in range(100):
        exchange()
    wait_until(lambda: held()[2] <= files + 2)
    now = held()
    assert now[0] < memory + 3_000, (memory, now)
    assert now[1] <= threads + 1, (threads, now)


def test_the_command_and_this_meet(exchange):
    showing = exchange("rust", b"from the command")
    assert Receiver(APP, showing.wait_for(CODE)[1], b"from here").finish() == b"from the command"
    assert showing.succeed() == b"from here"


def test_errors_have_the_commands_advice(exchange):
    """The library's words stand in both, so that what is known of one holds for the other."""
    showing = exchange("rust", b"one")
    code = showing.wait_for(CODE)[1]
    with pytest.raises(WrongCodeError) as told:
        Receiver(APP, code + "x", b"two").finish()
    showing.fail()
    assert str(told.value) in " ".join(showing.said().split())


def test_every_exception_of_the_extension_module_is_there_and_documented():
    source = (Path(__file__).parent.parent / "src" / "failure.rs").read_text()
    import re

    raised = set(re.findall(r'"([A-Z]\w+Error)"', source))
    assert len(raised) > 10
    for name in raised:
        assert issubclass(getattr(wormhole_sync.errors, name), WormholeError)
    for name in wormhole_sync.errors.__all__:
        assert name in wormhole_sync.errors.__doc__
        assert name in wormhole_sync.__all__
    assert sys.modules["wormhole_sync"] is wormhole_sync
