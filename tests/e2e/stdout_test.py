"""The conversation on stdout: a courtesy that never holds up the chat."""

import os
import re
import resource
import time

from parley_e2e import GREETING, Test, main, program
from programs import Server

LINE = b"0123456789" * 100


class Unread(Test):
    def talk(self, sender, reader, count):
        """As much conversation as no pipe holds; the reader gets all of it."""
        sender.send((LINE + b"\n") * count)
        reader.expect(sender.says(LINE) * count)

    def check_lines(self, server, *lines):
        """Whatever came to stdout came in whole lines of the conversation."""
        for line in server.stdout.text().splitlines(keepends=True):
            self.assertIn(line, lines)

    def test_nobody_reads_it(self):
        server = self.parleyd(follow=False)
        reader, sender = self.join_many(server, 2)
        self.talk(sender, reader, 4000)
        sender.close()
        reader.close()
        self.assertEqual(server.stop(), 0)
        server.stderr.wait_for(rb"(?i)stdout.*\d+|\d+.*stdout")
        server.stdout.follow()
        server.stdout.wait_for(rb"\A" + reader.joined())
        self.check_lines(server, reader.joined(), sender.joined(), sender.says(LINE), sender.left(), reader.left())
        self.assertLess(server.stdout.text().count(b"\n"), 4000)

    def test_it_is_read_again_after_a_while(self):
        server = self.parleyd(follow=False)
        reader, sender = self.join_many(server, 2)
        self.talk(sender, reader, 2000)
        server.stdout.follow()
        server.stdout.wait_for(reader.joined())
        while not server.stdout.text().endswith(sender.says(b"back")):
            self.say(sender, b"back\n", b"back", reader)
        self.check_lines(server, reader.joined(), sender.joined(), sender.says(LINE), sender.says(b"back"))

    def test_its_reader_has_gone(self):
        server = self.parleyd(follow=False)
        reader, sender = self.join_many(server, 2)
        server.stdout.pipe.close()
        self.talk(sender, reader, 200)
        self.fence(reader, sender)

    def test_memory_is_bounded(self):
        server = self.parleyd(follow=False)
        reader, sender = self.join_many(server, 2)
        self.talk(sender, reader, 2000)
        before = server.memory()
        for _ in range(5):
            self.talk(sender, reader, 4000)
        self.assertLess(server.memory() - before, 8 << 20)


class Quiet(Test):
    def test_quiet(self):
        server = self.parleyd("--quiet")
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)
        sender.close()
        reader.expect(sender.left())
        reader.close()
        self.assertEqual(server.stop(), 0)
        server.stdout.wait_for(rb"\A\Z")

    def test_the_log_goes_elsewhere(self):
        server = self.parleyd("--log-level", "debug")
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)
        reader.close()
        sender.expect(reader.left())
        sender.close()
        server.stdout.wait_for(sender.left())
        self.assertEqual(server.stop(), 0)
        server.stdout.wait_for(rb"\A(Client joined .*\r\n){2}\[.*\r\n(Client left .*\r\n){2}\Z")


class Log(Test):
    def test_what_strangers_cause_is_limited_in_time(self):
        server = self.parleyd()
        stays = self.join(server)
        began = time.monotonic()
        for _ in range(60):
            stranger = self.join(server, stays)
            stranger.reset()
            stays.expect(stranger.left())
        periods = 1 + (time.monotonic() - began) // 10
        self.assertEqual(server.stop(), 0)
        told = server.stderr.text()
        lines = told.count(b" was disconnected: ")
        self.assertLessEqual(lines, 20 * periods)
        left_out = sum(map(int, re.findall(rb"(\d+) lines of this level were left out", told)))
        self.assertEqual(lines + left_out, 60, told)


class Elsewhere(Test):
    """Stdout that is no pipe. The port cannot be read from it: the kernel knows it."""

    def start(self, redirection):
        command = ("sh", "-c", f'exec "$@" {redirection}', "sh", program("PARLEYD"), "--listen", "line://127.0.0.1:0")
        server = self.watch(Server(*command, listeners=0))
        self.port = self.port_of(server)
        return server

    def two(self):
        return self.arrive(), self.arrive()

    def arrive(self):
        client = self.connect(("127.0.0.1", self.port))
        client.expect(GREETING)
        return client

    def test_a_file(self):
        path = os.path.join(self.folder(), "chat.log")
        server = self.start(f"> {path}")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.say(sender, b"for the record\n", b"for the record", reader)
        sender.close()
        reader.close()
        self.assertEqual(server.stop(), 0)
        with open(path, "rb") as file:
            written = file.read()
        started = b"ChatServer started on port %d\n" % self.port
        self.assertTrue(written.startswith(started + reader.joined() + sender.joined() + sender.says(b"for the record")), written)

    def test_no_device(self):
        self.start("> /dev/null")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.fence(sender, reader)

    def test_a_file_that_may_not_grow(self):
        """A full disk, until there is room again: nothing that was said meanwhile is lost, and nothing is cut."""
        path = os.path.join(self.folder(), "chat.log")
        server = self.start(f"> {path}")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.wait_until(lambda: self.size(path) >= len(sender.joined()), "the conversation")
        _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        full = self.size(path) + 1500
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (full, most))
        self.talk_of(reader, sender, b"while it is full", 10)
        self.wait_until(lambda: self.size(path) == full, "a full disk")
        self.talk_of(reader, sender, b"still full", 10)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most, most))
        self.talk_of(reader, sender, b"again", 1)
        said = sender.joined()
        for what, count in ((b"while it is full", 10), (b"still full", 10), (b"again", 1)):
            said += sender.says(LINE[:200] + what) * count
        self.wait_until(lambda: self.size(path) >= full + 1500 and b"again" in self.read(path), "there is room again")
        self.assertTrue(self.read(path).endswith(said), self.read(path))

    def test_what_a_full_disk_does_not_take_is_counted(self):
        path = os.path.join(self.folder(), "chat.log")
        server = self.start(f"> {path}")
        reader, sender = self.two()
        reader.expect(sender.joined())
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        self.talk_of(reader, sender, LINE + LINE, 1500)  # a megabyte is kept, and one more that is being written
        server.stderr.wait_for(rb"stdout does not take the conversation: 1 messages dropped so far")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.wait_until(lambda: self.size(path) > 900_000, "there is room again")

        message = sender.says(LINE[:200] + LINE + LINE)

        # Where its thread begins late, stdout may take the conversation again before the disk does: the last count
        # is of all. And what was taken is written some time later.
        def all_are_told():
            self.say(sender, b"again\n", b"again", reader)
            told = re.findall(rb"takes the conversation again; (\d+) messages were dropped in all", server.stderr.text())
            return told and self.read(path).count(message) + int(told[-1]) == 1500

        self.wait_until(all_are_told, "each message is on the disk or counted")

    def test_what_is_lost_at_the_end_is_counted(self):
        server = self.start("> /dev/full")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.talk_of(reader, sender, b"", 10)
        self.assertEqual(server.stop(), 0)
        server.close()
        # Its start is a line too.
        self.assertRegex(server.stderr.text(), rb"warning: stdout did not take the last 13 messages\n")

    def talk_of(self, reader, sender, what, count):
        sender.send((LINE[:200] + what + b"\n") * count)
        reader.expect(sender.says(LINE[:200] + what) * count)

    def size(self, path):
        return os.stat(path).st_size

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_closed(self):
        """No connection may take the place of descriptor 1, and get to hear everything."""
        self.start(">&-")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.fence(sender, reader)
        self.fence(reader, sender)


if __name__ == "__main__":
    main()
