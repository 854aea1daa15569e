"""Echo over UDP in a reactor, with nc and Python's sockets, over IPv4 and IPv6."""

import socket
import unittest

from examples import Test, main, needs
from talkers import SECONDS


class UdpEchoReactor(Test):
    def socket(self, family=socket.AF_INET):
        ours = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(ours.close)
        ours.settimeout(SECONDS)
        return ours

    def test_each_datagram_goes_back_to_its_sender(self):
        server = self.serve("udp_echo_reactor")
        where = ("127.0.0.1", server.port)
        sockets = [self.socket() for _ in range(100)]
        for number, ours in enumerate(sockets):
            ours.sendto(b"from %d" % number, where)
        for number, ours in enumerate(sockets):
            self.assertEqual(ours.recvfrom(100), (b"from %d" % number, where))

    def test_one_stays_one_and_empty_stays_empty(self):
        server = self.serve("udp_echo_reactor")
        ours = self.socket()
        ours.connect(("127.0.0.1", server.port))
        for data in (b"", b"x", b"y" * 65507):
            ours.send(data)
            self.assertEqual(ours.recv(65536), data)
        server.stdout.wait_for(rb"sent 0 bytes\n.* sent 1 bytes\n.* sent 65507 bytes\n")

    def test_ipv6_at_the_same_port(self):
        server = self.serve("udp_echo_reactor")
        try:
            ours = self.socket(socket.AF_INET6)
            ours.connect(("::1", server.port))
        except OSError as error:
            raise unittest.SkipTest(f"no IPv6 here: {error}") from error
        ours.send(b"six")
        self.assertEqual(ours.recv(100), b"six")
        server.stdout.wait_for(rb"\[::1\]:\d+ sent 3 bytes\n")

    @needs("nc")
    def test_nc(self):
        server = self.serve("udp_echo_reactor")
        talker = self.piped("nc", "-u", "127.0.0.1", str(server.port))
        for line in (b"Hello\n", b"world\n"):
            talker.send(line)
            talker.expect(line)


if __name__ == "__main__":
    main()
