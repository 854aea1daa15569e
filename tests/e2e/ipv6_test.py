"""Clients over IPv6, and over IPv4 where one listener takes both."""

import socket
import unittest

from parley_e2e import GREETING, Test, main


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@unittest.skipUnless(has_ipv6(), "this machine has no ::1")
class Internet(Test):
    def test_ipv6(self):
        server = self.parleyd(listen=("line://[::1]:0",))
        reader = self.connect(("::1", server.port))
        reader.expect(GREETING)
        sender = self.connect(("::1", server.port))
        sender.expect(GREETING)
        self.assertRegex(sender.name, r"^\[::1\]:\d+$")
        reader.expect(sender.joined())
        self.say(sender, b"hello\n", b"hello", reader)
        sender.close()
        reader.expect(sender.left())
        server.stdout.wait_for_exactly(reader.joined() + sender.joined() + sender.says(b"hello") + sender.left())

    def test_ipv4_on_a_listener_for_both(self):
        server = self.parleyd(listen=("line://[::]:0",))
        reader = self.connect(("::1", server.port))
        reader.expect(GREETING)
        old = self.connect(("127.0.0.1", server.port))
        old.expect(GREETING)
        self.assertRegex(old.name, r"^127\.0\.0\.1:\d+$")
        reader.expect(old.joined())
        self.say(old, b"hello\n", b"hello", reader)
        new = self.connect(("::1", server.port))
        new.expect(GREETING)
        old.expect(new.joined())
        reader.expect(new.joined())
        old.close()
        new.expect(old.left())


if __name__ == "__main__":
    main()
