"""A front that hands its connections over to a reactor on another thread."""

import signal

from examples import Test, main, needs
from talkers import exactly, pump, until_end


class HandOver(Test):
    ASK = b"What is your name? "

    def ask(self, server):
        client = self.connect(("127.0.0.1", server.port))
        client.expect(self.ASK)
        return client

    def test_the_other_goes_on_with_it(self):
        server = self.serve("hand_over")
        clients = [self.ask(server) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(b"%d\r\n" % number)
            client.expect(b"Hello %d\r\n" % number)
        for number, client in enumerate(clients):
            client.send(b"one\n")
            client.expect(b"%d: one\r\n" % number)

    def test_what_came_before_goes_over(self):
        server = self.serve("hand_over")
        client = self.ask(server)
        client.send(b"Meg")
        lines = [b"line %d" % number for number in range(20000)]
        answers = b"".join(b"Megan: %s\r\n" % line for line in lines)
        pump({client: exactly(b"Hello Megan\r\n" + answers)}, {client: b"an\n" + b"\n".join(lines) + b"\n"})

    def test_no_name_without_end(self):
        server = self.serve("hand_over")
        client = self.ask(server)
        client.send(b"x" * 1001)
        pump({client: until_end})

    def test_it_ends_in_good_order(self):
        server = self.serve("hand_over")
        asked, served = self.ask(server), self.ask(server)
        served.send(b"Marc\n")
        served.expect(b"Hello Marc\r\n")
        server.signal(signal.SIGINT)
        for client in (asked, served):
            client.expect_end(b"")
            client.close()
        self.assertEqual(server.wait(), 0)

    @needs("nc")
    def test_nc(self):
        server = self.serve("hand_over")
        said = self.run_peer("nc", "-N", "127.0.0.1", server.port, stdin=b"Elise\nhere\n")
        self.assertEqual(said, self.ASK + b"Hello Elise\r\nElise: here\r\n")


if __name__ == "__main__":
    main()
