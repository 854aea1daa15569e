"""What every end-to-end test stands on: `Test`, which starts servers and clients and cleans up
after them, and `main`, which tells ctest when something could not be run.

ctest hands the programs over: PARLEYD, PARLEY_CHAT and PARLEY_CHAT_SELECT are their paths. To run
one module by hand: PARLEYD=build/release/bin/parleyd python3 tests/e2e/framing_test.py
"""

import itertools
import os
import shutil
import socket
import sys
import tempfile
import time
import unittest

from kernel import listening_port
from programs import Program, Server
from talkers import GREETING, SECONDS, Client, Piped, Terminal

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def program(variable):
    """The path of a program that ctest hands over."""
    path = os.environ.get(variable)
    if not path:
        raise AssertionError(f"{variable} is not set: it is the path of a program to test")
    return path


def needs(command):
    """Skips a test where a client is not installed."""
    return unittest.skipUnless(shutil.which(command), f"{command} is not installed")


class Test(unittest.TestCase):
    """A test with servers and clients that go when it ends; servers must go in peace."""

    arguments = ()  # given to every parleyd that the class starts

    def setUp(self):
        self.marks = itertools.count(1)

    def folder(self):
        path = tempfile.mkdtemp(prefix="parley-e2e-")
        self.addCleanup(shutil.rmtree, path)
        return path

    def file(self, text, name="parleyd.toml"):
        path = os.path.join(self.folder(), name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_parleyd(self, *arguments, **more):
        """Starts a parleyd that is expected to give up soon; answers it."""
        server = Program(program("PARLEYD"), *arguments, **more)
        self.addCleanup(server.close)
        server.stdout.follow()
        return server

    def parleyd(self, *arguments, listen=("line://127.0.0.1:0",), config=None, **more):
        """Starts a parleyd that must not fail, neither now nor at the end of the test."""
        command = [program("PARLEYD"), *self.arguments, *arguments]
        for url in listen:
            command += ["--listen", url]
        if config is not None:
            command += ["--config", self.file(config)]
        more.setdefault("listeners", max(1, len(listen)))
        return self.watch(Server(*command, **more))

    def watch(self, server):
        """Ends a server with the test, and demands that it ends well."""

        def end():
            try:
                status = server.stop()
                self.assertEqual(status, 0, server.stderr.text())
                self.assertNotRegex(server.stderr.text(), rb"Sanitizer|runtime error")
            finally:
                server.close()

        self.addCleanup(end)
        return server

    def where(self, server):
        return ("127.0.0.1", server.port)

    def connect(self, where, **more):
        client = Client(where, **more)
        self.addCleanup(client.close)
        return client

    def port_of_nobody(self, kind=socket.SOCK_STREAM):
        """A port that refuses whoever comes. It is taken, so nobody else can get it: by a socket that does not listen, or,
        of datagrams, one that hears itself alone."""
        taken = socket.socket(socket.AF_INET, kind)
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_DGRAM:
            taken.connect(taken.getsockname())
        return taken.getsockname()[1]

    def port_of(self, program):
        """The port at which a program listens that cannot tell which one it took."""
        ports = []
        self.wait_until(lambda: ports.append(listening_port(program.process.pid)) or ports[-1], "it listens")
        return ports[-1]

    def join(self, server, *others, **more):
        """A client that was greeted; every one of the others has seen it come."""
        client = self.connect(self.where(server), **more)
        client.expect(GREETING)
        for other in others:
            other.expect(client.joined())
        return client

    def join_many(self, server, count, *others):
        """Several clients, one after the other; everybody has seen everybody come."""
        clients = []
        for _ in range(count):
            clients.append(self.join(server, *others, *clients))
        return clients

    def terminal(self, *command):
        terminal = Terminal(*command)
        self.addCleanup(terminal.close)
        return terminal

    def piped(self, *command):
        piped = Piped(*command)
        self.addCleanup(piped.close)
        return piped

    def fence(self, sender, *others):
        """Sends a marker, which must be the next thing that each of the others sees.

        Everything the sender sent before has been dealt with by then, and nothing of it came through.
        """
        text = b"mark %d" % next(self.marks)
        sender.send(text + b"\n")
        for other in others:
            other.expect(sender.says(text))

    def take_in(self, pieces, sender, other, reader):
        """Sends pieces that end in a whole line; the server has read each before the next is sent.

        It has, because another client's marker came through meanwhile: what was sent before a marker
        is read in an earlier turn of the server's loop, or in the same. Answers what the reader saw
        from the sender, and what the sender was told.
        """
        came = bytearray()
        told = bytearray()
        marks = []
        for piece in pieces:
            marks.append(b"mark %d" % next(self.marks))
            sender.send(piece)
            other.send(marks[-1] + b"\n")
            came += reader.take_until(other.says(marks[-1]))
        sender.send(marks[-1] + b"\n")
        came += reader.take_until(sender.says(marks[-1])).removesuffix(sender.says(marks[-1]))
        reader.send(marks[-1] + b"\n")
        told += sender.take_until(reader.says(marks[-1])).removesuffix(reader.says(marks[-1]))
        for mark in marks:
            came = came.replace(other.says(mark), b"", 1)
            told = told.replace(other.says(mark), b"", 1)
        return bytes(came), bytes(told)

    def say(self, sender, sent, seen, *others):
        """The sender sends bytes, and every one of the others sees that text from it."""
        sender.send(sent)
        for other in others:
            other.expect(sender.says(seen))

    def fall_behind(self, sender, reader, slow, bytes_behind):
        """Talks until the server keeps so much for someone who does not read, beyond what the kernel holds.

        Answers what was said. A few lines more or less may be in the kernel by then.
        """
        line = b"x" * 4000
        said = bytearray()
        while (missing := bytes_behind - len(said) + slow.in_kernel()) > 0:
            self.assertLess(len(said), 64 << 20, "the kernel takes everything")
            lines = max(8, missing // len(line) // 2)  # what the kernel takes is no help: come closer by halves
            sender.send(lines * (line + b"\n"))
            reader.expect(lines * sender.says(line))
            said += lines * sender.says(line)
        return bytes(said)

    def wait_until(self, condition, what):
        """For what nothing tells: asks again and again."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def cpu_while_idle(self, server, seconds):
        """The processor time a server takes in some seconds in which nobody does anything."""
        before = server.cpu_seconds()
        time.sleep(seconds)  # an interval of measurement: there is nothing to wait for
        return server.cpu_seconds() - before


def main():
    """Runs the module's tests. One that was skipped makes the module count as skipped."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)

