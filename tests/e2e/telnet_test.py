"""parleyd and the real telnet, each in a terminal of its own: the exact bytes one sees."""

import signal

from parley_e2e import Test, main, needs
from terminals import ThreeTerminals


class Watched:
    """parleyd's stdout, byte for byte."""

    def __init__(self, server):
        self.server = server
        self.port = server.port

    def next_line(self):
        return self.server.stdout.wait_for(rb".*\n")[0]

    def check(self, conversation):
        self.server.stdout.wait_for_exactly(conversation)


@needs("telnet")
class Telnet(ThreeTerminals, Test):
    def begin(self):
        return Watched(self.parleyd())

    def two(self, server):
        reader = self.join(server)
        return reader, self.telnet(server.port, reader)

    def test_localhost_is_where_it_listens(self):
        """`telnet localhost 2626`, as the newcomer types it; a refusal at ::1 before is telnet's affair."""
        server = self.parleyd()
        terminal = self.terminal("telnet", "localhost", str(server.port))
        terminal.take_until(b"Escape character is '^]'.\r\nYou're connected to the Parley chatserver\r\n")

    def test_control_c_does_not_end_the_conversation(self):
        """telnet interrupts, asks for a timing mark, and may hide what comes until that is answered."""
        server = self.parleyd()
        reader, terminal = self.two(server)
        self.type(terminal, b"before", reader)
        terminal.send(b"\x03")
        terminal.expect(b"^C")
        self.type(terminal, b"after", reader)
        reader.send(b"are you there?\n")
        terminal.expect(reader.says(b"are you there?"))

    def test_control_d_and_escape_sequences_are_not_passed_on(self):
        server = self.parleyd()
        reader, terminal = self.two(server)
        terminal.send(b"\x04")
        terminal.send(b"\x1b[Ahello\n")
        terminal.expect(b"^[[Ahello\r\n")
        reader.expect(b"[%s] [Ahello\r\n" % terminal.name.encode())

    def test_telnet_asks_about_its_options(self):
        """Made to negotiate, telnet hears no, and goes on line by line."""
        server = self.parleyd()
        reader, terminal = self.two(server)
        for command in (b"send do echo", b"send will naws", b"send ayt"):
            terminal.send(b"\x1d")
            terminal.take_until(b"telnet> ")
            terminal.send(command + b"\n")
            terminal.take_until(command + b"\r\n")
            reader.send(b"go on\n")  # once this is shown, telnet is back from its prompt
            terminal.take_until(reader.says(b"go on"))
        terminal.send(b"still here\n")
        reader.expect(b"[%s] still here\r\n" % terminal.name.encode())

    def command(self, terminal, command):
        terminal.send(b"\x1d")
        terminal.take_until(b"telnet> ")
        terminal.send(command + b"\n")
        terminal.take_until(command + b"\r\n")

    def test_telnet_asks_whether_we_are_there(self):
        server = self.parleyd()
        reader, terminal = self.two(server)
        self.command(terminal, b"send ayt")
        terminal.take_until(b"[Yes]\r\n")
        terminal.send(b"good\n")
        reader.expect(b"[%s] good\r\n" % terminal.name.encode())

    def test_a_synch_of_telnet_leaves_no_trace(self):
        server = self.parleyd()
        reader, terminal = self.two(server)
        for text in (b"first", b"second"):
            self.command(terminal, b"send synch")
            terminal.send(text + b"\n")
            reader.expect(b"[%s] %s\r\n" % (terminal.name.encode(), text))

    def test_a_line_as_long_as_the_terminal_takes(self):
        server = self.parleyd()
        reader, terminal = self.two(server)
        self.type(terminal, b"x" * 4000, reader)

    def test_the_end_as_telnet_tells_it(self):
        server = self.parleyd()
        reader, terminal = self.two(server)
        server.signal(signal.SIGINT)
        terminal.expect_end(b"Server is shutting down\r\nConnection closed by foreign host.\r\n")
        reader.expect_end(b"Server is shutting down\r\n")


if __name__ == "__main__":
    main()
