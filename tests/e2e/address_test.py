"""Where clients come from, and how their addresses print."""

import os
import re
import signal

from parley_e2e import GREETING, Test, main
from programs import LOCAL_URL


class Internet(Test):
    def test_every_address_of_the_machine(self):
        server = self.parleyd(listen=("line://0.0.0.0:0",))
        reader, sender = self.join_many(server, 2)
        self.assertRegex(sender.name, r"^127\.0\.0\.1:\d+$")
        self.say(sender, b"hello\n", b"hello", reader)


class Local(Test):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder(), "chat.sock")
        self.url = LOCAL_URL.format(self.path)

    def where(self, server):
        return self.path

    def join(self, server, *others, **more):
        """A client on the Unix socket; the others learn its number."""
        client = self.connect(self.path)
        client.expect(GREETING)
        for other in others:
            line = other.take_until(b"\r\n")
            client.name = re.fullmatch(rb"Client joined (\[local:\d+\])\r\n", line)[1].decode()
        return client

    def test_a_conversation(self):
        server = self.parleyd(listen=(self.url,))
        self.assertIn(self.path.encode(), server.started[0])
        reader = self.join(server)
        first = self.join(server, reader)
        second = self.join(server, reader, first)
        self.assertNotEqual(first.name, second.name)
        self.say(second, b"hello\n", b"hello", reader, first)
        self.say(first, b"hi\n", b"hi", reader, second)
        first.close()
        reader.expect(first.left())
        second.expect(first.left())
        third = self.join(server, second)
        self.assertNotIn(third.name, (first.name, second.name))
        server.stdout.wait_for(re.escape(third.joined()) + b"$")
        reader.expect(third.joined())

    def test_limits_of_addresses_and_of_lines_do_not_hold(self):
        config = "[limits]\nexempt = []\nconnections_per_ip = 1\nconnect_rate = 1\nmessage_rate = 1\nmessage_burst = 1\n"
        server = self.parleyd(listen=(self.url,), config=config)
        reader = self.join(server)
        sender = self.join(server, reader)
        lines = [b"%d" % number for number in range(200)]
        sender.send(b"\n".join(lines) + b"\n")
        reader.expect(*map(sender.says, lines))

    def test_an_old_socket_file_is_no_hindrance(self):
        """What a server that was killed left behind."""
        killed = self.run_parleyd("--listen", self.url)
        killed.stdout.wait_for(b"started")
        killed.signal(signal.SIGKILL)
        killed.wait()
        self.assertTrue(os.path.exists(self.path))
        self.join(self.parleyd(listen=(self.url,)))

    def test_the_socket_file_of_a_running_server_is_not_taken(self):
        server = self.parleyd(listen=(self.url,))
        second = self.run_parleyd("--listen", self.url)
        self.assertEqual(second.wait(), 1)
        self.assertIn(b"in use", second.stderr.wait_for(b".*\n")[0])
        self.join(server)

    def test_the_socket_file_goes_with_the_server(self):
        server = self.parleyd(listen=(self.url,))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(self.path))


class Several(Test):
    def test_listeners_share_one_chat(self):
        path = os.path.join(self.folder(), "chat.sock")
        server = self.parleyd(listen=("line://127.0.0.1:0", LOCAL_URL.format(path), "line://127.0.0.2:0"))
        first_port, second_port = server.ports
        self.assertNotEqual(first_port, second_port)
        self.assertIn(path.encode(), server.started[1])
        one = self.connect(("127.0.0.1", first_port))
        one.expect(GREETING)
        two = self.connect(("127.0.0.2", second_port))
        two.expect(GREETING)
        one.expect(two.joined())
        three = self.connect(path)
        three.expect(GREETING)
        three.name = one.take_until(b"\r\n").removeprefix(b"Client joined ").removesuffix(b"\r\n").decode()
        two.expect(three.joined())
        self.say(one, b"to all\n", b"to all", two, three)
        self.say(three, b"to you\n", b"to you", one, two)
        self.say(two, b"and back\n", b"and back", one, three)
        two.close()
        one.expect(two.left())
        three.expect(two.left())


if __name__ == "__main__":
    main()
