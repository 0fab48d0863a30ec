"""Run the examples in docstrings that end with `task.react`: `twisted_examples.py MODULE`.

A reactor runs once in a process. Here it does so for all examples, on a thread of its own.
"""

import doctest
import importlib
import sys
import threading

from twisted.internet import reactor, task
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import blockingCallFromThread

if __name__ == "__main__":
    running = threading.Event()
    reactor.callWhenRunning(running.set)
    threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}).start()
    running.wait()
    task.react = lambda main: blockingCallFromThread(reactor, lambda: maybeDeferred(main, reactor)) and None
    module = importlib.import_module(sys.argv[1])
    try:
        outcome = doctest.testmod(module, extraglobs={"task": task}, optionflags=doctest.ELLIPSIS)
    finally:
        reactor.callFromThread(reactor.stop)
    print(outcome)
    sys.exit(outcome.failed > 0 or outcome.attempted == 0)
