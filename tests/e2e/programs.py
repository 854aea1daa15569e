"""The servers under test: started on a free port, watched, and ended by their own process id."""

import os
import re
import select
import signal
import subprocess
import threading
import time

from talkers import SECONDS, end_process, shorten

# The URL of a Unix socket is not settled elsewhere: if it changes, it changes here.
LOCAL_URL = "line+unix:{}"

STARTED_ON_PORT = re.compile(rb"ChatServer started on port (\d+)\n")


class Output:
    """What a program writes into one of its pipes, taken in by a thread so that the pipe stays empty."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.data = bytearray()
        self.changed = threading.Condition()
        self.thread = None
        self.ended = False

    def read_line(self, seconds=SECONDS):
        """Reads one line, and not one byte more; only before `follow`."""
        line = bytearray()
        deadline = time.monotonic() + seconds
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.pipe], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no line in time: {bytes(line)!r}")
            byte = os.read(self.pipe.fileno(), 1)
            if not byte:
                break
            line += byte
        return bytes(line)

    def follow(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while data := os.read(self.pipe.fileno(), 1 << 16):
            with self.changed:
                self.data += data
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, pattern, seconds=SECONDS):
        """Waits for a regular expression; answers its match."""
        expression = re.compile(pattern)
        with self.changed:
            found = self.changed.wait_for(lambda: expression.search(self.data) or self.ended and "end", seconds)
            if not isinstance(found, re.Match):
                raise AssertionError(f"no {pattern!r} in {shorten(self.data[-160:])}")
            return found

    def wait_for_exactly(self, data, seconds=SECONDS):
        """Waits for as many bytes, and demands that they are these."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.data) >= len(data) or self.ended, seconds)
            if self.data != data:
                raise AssertionError(f"{bytes(self.data)!r} was written, not {data!r}")

    def text(self):
        with self.changed:
            return bytes(self.data)

    def finish(self):
        """Waits until all has been read; where nobody reads beside, all that comes is left to `read_line`."""
        if self.thread:
            self.thread.join(SECONDS)

    def close(self):
        self.finish()
        self.pipe.close()


class Program:
    """A program with its two outputs."""

    def __init__(self, *command, descriptors=None, environment=None):
        """descriptors: the soft and the hard limit that it is started with."""
        if descriptors:
            command = ("sh", "-c", 'ulimit -Sn "$0" && ulimit -Hn "$1" && shift && exec "$@"', *map(str, descriptors), *command)
        # Sanitizers keep freed memory back: little of it, so that memory can be measured.
        sanitizers = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=4"]))
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "ASAN_OPTIONS": sanitizers, **(environment or {})},
        )
        self.pid = self.process.pid
        self.told_to_end = False
        self.stdout = Output(self.process.stdout)
        self.stderr = Output(self.process.stderr)
        self.stderr.follow()

    def signal(self, number):
        self.told_to_end = self.told_to_end or number in (signal.SIGINT, signal.SIGTERM)
        os.kill(self.pid, number)

    def wait(self, seconds=SECONDS):
        """Waits for the end, and until all that was written has been read; answers the exit status."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} does not end; log: {shorten(self.stderr.text()[-800:])}") from None
        self.stdout.finish()
        self.stderr.finish()
        return status

    def close(self):
        end_process(self.process)
        self.stdout.close()
        self.stderr.close()

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """The descriptors it has open."""
        return {int(name) for name in os.listdir(f"/proc/{self.pid}/fd")}

    def memory(self, key="VmRSS"):
        """Bytes of memory: VmRSS now, VmHWM at most so far."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            found = re.search(rf"^{key}:\s+(\d+) kB", file.read(), re.MULTILINE)
        return int(found[1]) * 1024


class Server(Program):
    """A chat server that has said on which ports it listens."""

    def __init__(self, *command, listeners=1, follow=True, **more):
        super().__init__(*command, **more)
        self.started = []
        self.ports = []
        for _ in range(listeners):
            try:
                line = self.stdout.read_line()
                if not line.startswith(b"ChatServer started on ") or not line.endswith(b"\n"):
                    self.process.wait(SECONDS)
                    raise AssertionError(f"instead of a start: {line!r}; log: {self.stderr.text()!r}")
            except BaseException:
                self.close()
                raise
            self.started.append(line)
            if port := STARTED_ON_PORT.fullmatch(line):
                self.ports.append(int(port[1]))
        if follow:
            self.stdout.follow()

    @property
    def port(self):
        return self.ports[0]

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, unless it was asked before; answers the exit status."""
        if self.process.poll() is None and not self.told_to_end:
            self.signal(number)
        return self.wait()
