"""Echo over UDP, with nc, Python's sockets and each other."""

import socket
import threading

from examples import Test, main, needs
from talkers import SECONDS


class UdpEchoServer(Test):
    def socket(self):
        ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(ours.close)
        ours.settimeout(SECONDS)
        return ours

    def test_each_datagram_goes_back_to_its_sender(self):
        server = self.serve("udp_echo_server")
        where = ("127.0.0.1", server.port)
        sockets = [self.socket() for _ in range(3)]
        for number, ours in enumerate(sockets):
            ours.sendto(b"from %d" % number, where)
        for number, ours in enumerate(sockets):
            self.assertEqual(ours.recvfrom(100), (b"from %d" % number, where))

    def test_one_stays_one_and_empty_stays_empty(self):
        server = self.serve("udp_echo_server")
        ours = self.socket()
        ours.connect(("127.0.0.1", server.port))
        for data in (b"", b"x", b"y" * 65507):
            ours.send(data)
            self.assertEqual(ours.recv(65536), data)
        server.stdout.wait_for(rb"sent 0 bytes\n.* sent 1 bytes\n.* sent 65507 bytes\n")

    @needs("nc")
    def test_nc(self):
        server = self.serve("udp_echo_server")
        talker = self.piped("nc", "-u", "127.0.0.1", str(server.port))
        for line in (b"Hello\n", b"world\n"):
            talker.send(line)
            talker.expect(line)


class UdpEchoClient(Test):
    def answer(self, *answers):
        """A server of Python's that answers the questions one by one, None by silence; answers its port."""
        ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(ours.close)
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(SECONDS)
        self.asked = []

        def run():
            for answer in answers:
                question, peer = ours.recvfrom(65536)
                self.asked.append(question)
                if answer is not None:
                    ours.sendto(answer, peer)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return ours.getsockname()[1]

    def test_our_own_server(self):
        server = self.serve("udp_echo_server")
        self.assertEqual(
            self.run_example("udp_echo_client", "localhost", server.port, "Hi"), (0, b"Received Hi\n", b"")
        )

    def test_a_lost_datagram_is_asked_for_again(self):
        port = self.answer(None, b"at last")
        status, out, error = self.run_example("udp_echo_client", "127.0.0.1", port, "Hi")
        self.assertEqual((status, error), (0, b""))
        self.assertEqual(out, b"recv 127.0.0.1:%d: timed out after 1 s\nReceived at last\n" % port)
        self.assertEqual(self.asked, [b"Hi", b"Hi"])

    def test_after_three_it_gives_up(self):
        port = self.answer(None, None, None)
        status, out, _ = self.run_example("udp_echo_client", "127.0.0.1", port)
        self.assertEqual(status, 1)
        self.assertEqual(out.count(b"timed out"), 3)
        self.assertEqual(len(self.asked), 3)

    def test_nobody_there(self):
        """A connected socket is told so, where the network tells."""
        status, _, error = self.run_example("udp_echo_client", "127.0.0.1", self.port_of_nobody(socket.SOCK_DGRAM))
        self.assertEqual(status, 1)
        self.assertRegex(error, rb"^udp_echo_client: (recv|send) 127\.0\.0\.1:\d+: Connection refused")


if __name__ == "__main__":
    main()
