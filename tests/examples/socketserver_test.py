"""Servers for blocking handlers: hello, greeters on threads and in processes, with nc, telnet and Python."""

import os
import socket
import time

from examples import Test, main, needs
from talkers import SECONDS


class HelloServer(Test):
    def test_everybody_is_greeted(self):
        server = self.serve("hello_server")
        for _ in range(20):
            self.connect(("127.0.0.1", server.port)).expect_end(b"Hello World!\n")

    @needs("nc")
    def test_nc(self):
        server = self.serve("hello_server")
        self.assertEqual(self.run_peer("nc", "127.0.0.1", server.port), b"Hello World!\n")

    @needs("telnet")
    def test_telnet(self):
        server = self.serve("hello_server")
        terminal = self.terminal("telnet", "127.0.0.1", str(server.port))
        terminal.take_until(b"Escape character is '^]'.\r\n")
        terminal.expect_end(b"Hello World!\r\nConnection closed by foreign host.\r\n")

    def test_it_can_be_started_again_at_once(self):
        server = self.serve("hello_server")
        self.connect(("127.0.0.1", server.port)).expect_end(b"Hello World!\n")
        server.close()  # its last connection lingers on the port
        again = self.serve("hello_server", server.port)
        self.assertEqual(again.port, server.port)
        self.connect(("127.0.0.1", again.port)).expect_end(b"Hello World!\n")

    def test_ctrl_c_ends_it(self):
        server = self.serve("hello_server")
        server.signal(2)
        self.assertEqual(server.wait(), -2)

    def test_who_comes_and_goes_harms_nobody(self):
        server = self.serve("hello_server")
        for _ in range(20):
            self.connect(("127.0.0.1", server.port)).reset()
        self.connect(("127.0.0.1", server.port)).expect_end(b"Hello World!\n")


class Greeter:
    ASK = b"What is your name? "

    def greet(self, client, name, number):
        client.send(name + b"\r\n")
        client.expect_end(b"Hello %s, you are guest number %d\n" % (name, number))

    def test_nobody_waits_for_a_slow_typist(self):
        server = self.serve(self.name)
        slow = self.connect(("127.0.0.1", server.port))
        slow.expect(self.ASK)
        for number, name in enumerate((b"Megan", b"Marc", "小明".encode()), 1):
            client = self.connect(("127.0.0.1", server.port))
            client.expect(self.ASK)
            self.greet(client, name, self.guest(number))
        self.greet(slow, b"Elise", self.guest(4))

    def test_python(self):
        server = self.serve(self.name)
        with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client, client.makefile("rwb") as file:
            self.assertEqual(file.read(len(self.ASK)), self.ASK)
            file.write(b"Guido\n")
            file.flush()
            self.assertEqual(file.readline(), b"Hello Guido, you are guest number 1\n")

    def test_nothing_is_left_of_its_guests(self):
        server = self.serve(self.name)
        before = server.descriptors()
        for number in range(1, 51):
            client = self.connect(("127.0.0.1", server.port))
            client.expect(self.ASK)
            self.greet(client, b"x", self.guest(number))
            client.close()
        self.wait_until(lambda: server.descriptors() == before)
        self.wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/task")) <= self.own_threads(server))
        self.wait_until(lambda: not self.children(server))

    def own_threads(self, server):
        """The thread sanitizer has one of its own, from the first that a program starts."""
        with open(f"/proc/{server.pid}/exe", "rb") as program:
            return 2 if b"ThreadSanitizer" in program.read() else 1

    def children(self, server):
        with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="ascii") as file:
            return file.read().split()

    def wait_until(self, holds):
        """The last connection is told by the server's own loop, and a thread waits for the next request for 5 s."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.01)
        self.fail("it does not come to that")


class ThreadingGreeter(Greeter, Test):
    name = "threading_greeter"

    def guest(self, number):
        return number


class ForkingGreeter(Greeter, Test):
    name = "forking_greeter"

    def guest(self, number):
        return 1  # each process counts its own


if __name__ == "__main__":
    main()
