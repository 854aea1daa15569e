"""Those who talk to a server: scripted clients, programs in a terminal, programs on pipes.

Nothing here sleeps. Everybody waits on descriptors with a deadline, and a wait that cannot be
fulfilled any more (other bytes came, the connection is gone) fails at once.
"""

import errno
import os
import pty
import selectors
import socket
import struct
import subprocess
import time

from kernel import queues

GREETING = b"You're connected to the Parley chatserver\r\n"

# Sanitizers make the server slow: CMake tells how much longer to wait.
PATIENCE = float(os.environ.get("PARLEY_E2E_PATIENCE", "1"))
SECONDS = 10 * PATIENCE


class Talker:
    """One end of a conversation: two descriptors, and what came in and was not yet looked at."""

    def __init__(self, name, reading, writing):
        self.name = name
        self.reading = reading
        self.writing = writing
        self.seen = bytearray()
        self.ended = False
        self.error = None

    def __repr__(self):
        return self.name

    def receive(self):
        """Takes in what is there; notes the end, and the error if that was no clean one."""
        try:
            data = os.read(self.reading, 1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            # A terminal whose other side is gone answers EIO: that is its way to end.
            self.error = None if error.errno == errno.EIO else error
            data = b""
        if data:
            self.seen += data
        else:
            self.ended = True

    def transmit(self, data):
        """Sends what can be sent now; answers how many bytes that was."""
        try:
            return os.write(self.writing, data)
        except BlockingIOError:
            return 0

    def send(self, data):
        pump({}, {self: data})

    def expect(self, *parts):
        """Waits for exactly these bytes, and takes them away."""
        data = b"".join(parts)
        pump({self: exactly(data)})
        del self.seen[: len(data)]

    def take_until(self, end):
        """Waits for some bytes; takes away, and answers, everything up to and with them."""
        pump({self: containing(end)})
        size = self.seen.index(end) + len(end)
        taken = bytes(self.seen[:size])
        del self.seen[:size]
        return taken

    def expect_end(self, *parts):
        """Waits for exactly these bytes, then a clean end."""
        self.expect(*parts)
        pump({self: until_end})
        if self.error:
            raise AssertionError(f"{self}: the connection broke: {self.error}")
        if self.seen:
            raise AssertionError(f"{self}: {shorten(self.seen)} came before the end")


class Client(Talker):
    """A scripted client on a plain socket, non-blocking, without Nagle's delay."""

    def __init__(self, where, receive_buffer=None, wait=True):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:  # before connecting: the window is agreed upon then
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        if not wait:
            self.socket.setblocking(False)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket.connect(where)
        except BlockingIOError:
            pass
        except OSError:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        super().__init__(self.printed_address(family), self.socket.fileno(), self.socket.fileno())

    def printed_address(self, family):
        """This client's address, as the server is to print it."""
        if family == socket.AF_UNIX:
            return "a local client"
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"

    def end_of_input(self):
        """Says that nothing more comes, and goes on listening."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with a reset instead of an end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def in_kernel(self):
        """How many bytes for this client lie in the kernel: on the server's side, and unread on ours."""
        ours, theirs = self.socket.getsockname(), self.socket.getpeername()
        return queues(theirs, ours)[1] + queues(ours, theirs)[0]

    # What others see of this client.

    def joined(self):
        return b"Client joined %s\r\n" % self.name.encode()

    def left(self):
        return b"Client left %s\r\n" % self.name.encode()

    def says(self, text):
        return b"[%s] %s\r\n" % (self.name.encode(), text)


class Terminal(Talker):
    """A program in a terminal of its own: what one would type and see."""

    def __init__(self, *command):
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        self.process = subprocess.Popen(
            ("setsid", "--ctty", *command),  # becomes the command itself, under the same process id
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C"},
        )
        os.close(theirs)
        super().__init__(" ".join(command), ours, ours)

    def close(self):
        end_process(self.process)
        os.close(self.reading)


class Piped(Talker):
    """A program on pipes."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        os.set_blocking(self.process.stdout.fileno(), False)
        super().__init__(" ".join(command), self.process.stdout.fileno(), self.process.stdin.fileno())

    def end_of_input(self):
        self.process.stdin.close()

    def close(self):
        end_process(self.process)
        self.process.stdin.close()
        self.process.stdout.close()


def end_process(process):
    """Ends a process that we started, by its own handle."""
    if process.poll() is None:
        process.kill()
    process.wait(SECONDS)


# What one may wait for: a function that is asked after each read, and says when it has enough.


def exactly(data):
    """These bytes, no others; more may follow them."""
    checked = 0

    def enough(talker):
        nonlocal checked
        size = min(len(talker.seen), len(data))
        if talker.seen[checked:size] != data[checked:size]:
            came, wanted = difference(bytes(talker.seen[checked:size]), data[checked:size])
            raise AssertionError(f"{talker}: {came} came where {wanted} was due")
        checked = size
        if size < len(data) and talker.ended:
            raise AssertionError(f"{talker}: the end came where {shorten(data[size:])} was due ({talker.error})")
        return size == len(data)

    return enough


def containing(part):
    def enough(talker):
        if part in talker.seen:
            return True
        if talker.ended:
            raise AssertionError(f"{talker}: ended without {part!r}, after {shorten(talker.seen)} ({talker.error})")
        return False

    return enough


def ending(part):
    """An end of what came so far; cheap, however much there is."""

    def enough(talker):
        if talker.seen.endswith(part):
            return True
        if talker.ended:
            raise AssertionError(f"{talker}: ended without {part!r}, after {shorten(talker.seen)} ({talker.error})")
        return False

    return enough


def until_end(talker):
    return talker.ended


def pump(wants, sends=None, seconds=SECONDS):
    """Sends to some and receives from some, all at once, until all is sent and everybody has enough.

    wants: talker -> what it waits for; sends: talker -> bytes.
    """
    deadline = time.monotonic() + seconds
    waiting = {talker: enough for talker, enough in wants.items() if not enough(talker)}
    sending = {talker: memoryview(data) for talker, data in (sends or {}).items() if data}
    with selectors.DefaultSelector() as selector:

        def listen_for(talker):
            for descriptor, event, wanted in (
                (talker.reading, selectors.EVENT_READ, talker in waiting),
                (talker.writing, selectors.EVENT_WRITE, talker in sending),
            ):
                key = selector.get_map().get(descriptor)
                before = key.events if key else 0
                events = before | event if wanted else before & ~event
                if events == before:
                    continue
                if not before:
                    selector.register(descriptor, events, talker)
                elif events:
                    selector.modify(descriptor, events, talker)
                else:
                    selector.unregister(descriptor)

        for talker in {**waiting, **sending}:
            listen_for(talker)
        while waiting or sending:
            ready = selector.select(max(0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                raise AssertionError("waited in vain: " + "; ".join(complain(waiting, sending)))
            for key, events in ready:
                talker = key.data
                if events & selectors.EVENT_READ and talker in waiting:
                    talker.receive()
                    if waiting[talker](talker):
                        del waiting[talker]
                    elif talker.ended:
                        raise AssertionError(f"{talker}: ended, after {shorten(talker.seen)} ({talker.error})")
                if events & selectors.EVENT_WRITE and talker in sending:
                    sending[talker] = sending[talker][talker.transmit(sending[talker][: 1 << 18]) :]
                    if not sending[talker]:
                        del sending[talker]
                listen_for(talker)


def complain(waiting, sending):
    for talker in list(waiting)[:3]:
        yield f"{talker} has {len(talker.seen)} bytes, the last {shorten(talker.seen[-80:])}"
    for talker in list(sending)[:3]:
        yield f"{talker} could not send {len(sending[talker])} bytes"
    more = len(waiting) + len(sending)
    if more > 6:
        yield f"{more} in all"


def difference(came, wanted):
    """Two texts from where they begin to differ, with a little of what stands before."""
    at = next((i for i, (a, b) in enumerate(zip(came, wanted)) if a != b), min(len(came), len(wanted)))
    at = max(0, at - 40)
    return shorten(came[at:]), shorten(wanted[at:])


def shorten(data):
    data = bytes(data)
    return repr(data) if len(data) <= 160 else f"{data[:160]!r}... ({len(data)} bytes)"
