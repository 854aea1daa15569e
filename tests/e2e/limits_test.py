"""What the file's limits promise: who floods waits, who comes too often is refused, and nobody else notices."""

import time

from kernel import keep_alive_timer
from parley_e2e import GREETING, Test, main
from talkers import SECONDS, exactly, pump

REFUSED = b"Too many connections from your address, try again later\r\n"
SILENT = b"You have said nothing for too long\r\n"


class Limits(Test):
    def limited(self, limits, **more):
        return self.parleyd(config="[limits]\nexempt = []\n" + limits, **more)

    def refused(self, server):
        client = self.connect(self.where(server))
        client.expect_end(REFUSED)

    def test_who_floods_waits_and_loses_nothing(self):
        server = self.limited("message_rate = 20\nmessage_burst = 10\n")
        reader, flooder = self.join_many(server, 2)
        lines = [b"line %d" % number for number in range(40)]
        begun = time.monotonic()
        flooder.send(b"\r\n".join(lines) + b"\r\n")
        reader.expect(*map(flooder.says, lines[:10]))
        reader.send(b"I may speak\n")
        flooder.expect(reader.says(b"I may speak"))
        reader.expect(*map(flooder.says, lines[10:]))
        self.assertGreaterEqual(time.monotonic() - begun, 1.5)  # 30 lines at 20 in a second

    def test_a_flooder_that_leaves_is_heard_to_the_end(self):
        server = self.limited("message_rate = 100\nmessage_burst = 5\n")
        reader, flooder = self.join_many(server, 2)
        lines = [b"%d" % number for number in range(50)]
        flooder.send(b"\n".join(lines))
        flooder.end_of_input()
        reader.expect(*map(flooder.says, lines), flooder.left())

    def test_what_a_flooder_sends_stays_with_it(self):
        """And costs the server no memory: it is not read."""
        server = self.limited("message_rate = 1\nmessage_burst = 1\n")
        reader, flooder = self.join_many(server, 2)
        before = server.memory()
        sent = 0
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and sent < 64 << 20:
            sent += flooder.transmit(b"x" * 1000 + b"\n")
        self.assertLess(sent, 32 << 20)
        self.assertLess(server.memory("VmHWM") - before, 4 << 20)
        reader.take_until(b"\r\n")

    def test_by_default_clients_of_this_machine_are_exempt(self):
        server = self.parleyd("--quiet")
        reader, flooder = self.join_many(server, 2)
        lines = [b"%d" % number for number in range(2000)]
        flooder.send(b"\n".join(lines) + b"\n")
        pump({reader: exactly(b"".join(map(flooder.says, lines)))}, seconds=SECONDS)
        for _ in range(70):
            self.connect(self.where(server)).expect(GREETING)

    def test_connections_of_one_address(self):
        server = self.limited("connections_per_ip = 2\n")
        one, two = self.join_many(server, 2)
        self.refused(server)
        self.refused(server)
        self.fence(one, two)
        two.close()
        one.expect(two.left())
        self.join(server, one)
        self.refused(server)
        server.stderr.wait_for(rb"refused 127\.0\.0\.1:\d+: it has 2 connections")

    def test_new_connections_of_one_address(self):
        server = self.limited("connect_rate = 3\n")
        for _ in range(3):
            client = self.connect(self.where(server))
            client.expect(GREETING)
            client.close()
        self.refused(server)

    def test_who_says_nothing_is_told_and_goes(self):
        server = self.limited('idle_timeout = "1s"\n')
        begun = time.monotonic()
        silent = self.join(server)
        silent.expect_end(SILENT)
        self.assertGreaterEqual(time.monotonic() - begun, 1)

    def test_the_kernel_looks_after_silent_connections(self):
        server = self.limited('keep_alive = "70s"\n')
        client = self.join(server)
        left = keep_alive_timer(client.socket.getpeername(), client.socket.getsockname())
        self.assertTrue(left is not None and 0 < left <= 70, left)
        never = self.limited("keep_alive = 0\n")
        client = self.join(never)
        self.assertIsNone(keep_alive_timer(client.socket.getpeername(), client.socket.getsockname()))


if __name__ == "__main__":
    main()
