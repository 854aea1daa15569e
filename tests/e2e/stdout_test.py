"""The conversation on stdout: a courtesy that never holds up the chat."""

import os

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


class Elsewhere(Test):
    """Stdout that is no pipe. The port cannot be read from it, so one is chosen before."""

    def start(self, redirection):
        self.port = self.free_port()
        command = f'exec "$@" {redirection}'
        url = f"line://127.0.0.1:{self.port}"
        return self.watch(Server("sh", "-c", command, "sh", program("PARLEYD"), "--listen", url, listeners=0))

    def two(self):
        return self.arrive(), self.arrive()

    def arrive(self):
        client = self.connect_when_up(("127.0.0.1", self.port))
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

    def test_closed(self):
        """No connection may take the place of descriptor 1, and get to hear everything."""
        self.start(">&-")
        reader, sender = self.two()
        reader.expect(sender.joined())
        self.fence(sender, reader)
        self.fence(reader, sender)


if __name__ == "__main__":
    main()
