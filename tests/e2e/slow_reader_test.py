"""Readers that do not keep up: they cost bounded memory, and nobody else a line."""

import re
import time

from parley_e2e import Test, main
from talkers import PATIENCE, SECONDS, pump, until_end

LIMIT = 1 << 20
SMALL = 4096  # a receive buffer, so that the kernel takes little on the client's side
LINE = b"y" * 4000
IAC_DO_ECHO = b"\xff\xfd\x01"


class SlowReaders(Test):
    def setUp(self):
        super().setUp()
        self.server = self.parleyd("--quiet")
        self.reader, self.sender = self.join_many(self.server, 2)

    def slow_one(self):
        return self.join(self.server, self.reader, self.sender, receive_buffer=SMALL)

    def talk_until_gone(self, *slow):
        """Goes on until everybody has seen all of them leave; answers what the sender said.

        The reader gets every line, in order; nothing stands between but those leaves.
        """
        waiting = {client.left() for client in slow}
        said = bytearray()
        deadline = time.monotonic() + 2 * SECONDS
        while waiting:
            self.assertLess(len(said), 16 << 20, "not disconnected")
            self.assertLess(time.monotonic(), deadline, "not disconnected in time")
            self.sender.send(4 * (LINE + b"\n"))
            for _ in range(4):
                while (seen := self.reader.take_until(b"\r\n")) != self.sender.says(LINE):
                    self.assertIn(seen, waiting)
                    waiting.remove(seen)
                said += seen
        return bytes(said)

    def hears_leaves(self, *slow):
        """The sender saw them leave as well, in whatever order."""
        seen = {self.sender.take_until(b"\r\n") for _ in slow}
        self.assertEqual(seen, {client.left() for client in slow})

    def test_within_the_limit_nothing_happens(self):
        slow = self.slow_one()
        said = self.fall_behind(self.sender, self.reader, slow, 700_000)
        self.fence(self.reader, self.sender)
        slow.expect(said, self.reader.says(b"mark 1"))
        self.fence(slow, self.reader, self.sender)

    def test_past_the_limit_it_is_disconnected(self):
        slow = self.slow_one()
        said = self.fall_behind(self.sender, self.reader, slow, 500_000)
        held = len(said) - slow.in_kernel()
        more = self.talk_until_gone(slow)
        self.hears_leaves(slow)
        self.assertGreater(held + len(more), LIMIT - 100_000, "it went too early")
        self.assertLess(held + len(more), LIMIT + 200_000, "it went too late")
        self.fence(self.reader, self.sender)
        self.server.stderr.wait_for(rb"(?i)" + re.escape(slow.name).encode() + rb".*(behind|sendq|queue|slow|keep up)")
        pump({slow: until_end})
        self.assertTrue((said + more).startswith(bytes(slow.seen)), "what it was sent is no beginning")

    def test_the_limit_is_the_one_in_the_configuration(self):
        self.server = self.parleyd("--quiet", config='[limits]\nsendq_bytes = "256KiB"\n')
        self.reader, self.sender = self.join_many(self.server, 2)
        slow = self.slow_one()
        said = self.fall_behind(self.sender, self.reader, slow, 120_000)
        held = len(said) - slow.in_kernel()
        more = self.talk_until_gone(slow)
        self.assertLess(held + len(more), 256 * 1024 + 200_000)

    def test_twenty_that_never_read(self):
        slow = []
        for _ in range(20):
            slow.append(self.connect(self.where(self.server), receive_buffer=SMALL))
            self.reader.expect(slow[-1].joined())
            self.sender.expect(slow[-1].joined())
        before = self.server.memory()
        self.talk_until_gone(*slow)
        self.hears_leaves(*slow)
        # Sanitizers take more.
        self.assertLess(self.server.memory("VmHWM") - before, len(slow) * LIMIT + int(PATIENCE * 24) * 2**20)
        self.fence(self.reader, self.sender)

    def test_someone_half_the_limit_behind_slows_others_by_no_more_than_the_brake(self):
        slow = self.slow_one()
        self.fall_behind(self.sender, self.reader, slow, LIMIT // 2 + 100_000)
        began = time.monotonic()
        for _ in range(100):
            self.say(self.sender, b"small talk\n", b"small talk", self.reader)
        self.assertLess(time.monotonic() - began, 5 * PATIENCE, "more than 10 ms for each line, by far")

    def test_a_reader_that_is_behind_and_resets(self):
        slow = self.slow_one()
        self.fall_behind(self.sender, self.reader, slow, 500_000)
        slow.reset()
        self.reader.expect(slow.left())
        self.sender.expect(slow.left())
        self.fence(self.sender, self.reader)

    def test_a_reader_that_is_behind_and_says_that_it_ends(self):
        """What it was sent before it left still arrives."""
        slow = self.slow_one()
        said = self.fall_behind(self.sender, self.reader, slow, 500_000)
        slow.end_of_input()
        self.reader.expect(slow.left())
        self.sender.expect(slow.left())
        slow.expect_end(said)

    def test_one_that_asks_but_never_listens(self):
        """Its answers are bounded too: it is disconnected, or not read until it takes them."""
        asker = self.slow_one()
        before = self.server.memory()
        sent = 0
        left = False
        deadline = time.monotonic() + 1
        while not left and sent < 32 << 20 and time.monotonic() < deadline:
            try:
                taken = asker.transmit(IAC_DO_ECHO * 10000)
            except (ConnectionResetError, BrokenPipeError):
                break
            if taken:
                deadline = time.monotonic() + 1
            sent += taken
            self.sender.send(b"meanwhile\n")
            left = asker.left() in self.reader.take_until(self.sender.says(b"meanwhile"))
        self.assertLess(self.server.memory("VmHWM") - before, 16 << 20)
        self.sender.send(b"the end\n")
        self.reader.take_until(self.sender.says(b"the end"))


if __name__ == "__main__":
    main()
