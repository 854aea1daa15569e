"""The select server: many clients at once, each one's words in the log."""

from examples import Test, main, needs


class SelectServer(Test):
    def clients(self, server, count):
        return [self.connect(("127.0.0.1", server.port)) for _ in range(count)]

    def test_it_logs_what_each_one_sends(self):
        server = self.serve("select_server")
        log = b""
        clients = self.clients(server, 3)
        for text, client in zip((b"one", "二".encode(), b"three"), reversed(clients)):
            client.send(text)
            log += b"%s: %s\n" % (client.name.encode(), text)
            server.stdout.wait_for_exactly(log)
        clients[1].close()
        log += b"%s left\n" % clients[1].name.encode()
        server.stdout.wait_for_exactly(log)
        clients[0].send(b"still here")
        server.stdout.wait_for_exactly(log + b"%s: still here\n" % clients[0].name.encode())

    def test_who_breaks_off_does_not_take_the_server_along(self):
        server = self.serve("select_server")
        first, second = self.clients(server, 2)
        first.reset()
        server.stdout.wait_for(rb"recv %s: Connection reset by peer" % first.name.encode())
        second.send(b"hello")
        server.stdout.wait_for(rb"%s: hello\n" % second.name.encode())

    @needs("nc")
    def test_nc(self):
        server = self.serve("select_server")
        self.run_peer("nc", "-N", "127.0.0.1", server.port, stdin=b"Hello, world")
        server.stdout.wait_for(rb"127\.0\.0\.1:\d+: Hello, world\n127\.0\.0\.1:\d+ left\n")


if __name__ == "__main__":
    main()
