"""The session of the tutorials: a server in one terminal, three people with telnet in others."""

import re

from talkers import GREETING


class ThreeTerminals:
    """`begin` (given by the test) starts a server and answers its port and a way to check its stdout."""

    def telnet(self, port, *others, host="127.0.0.1"):
        """Someone with telnet, greeted; answers the terminal and the address that others see."""
        terminal = self.terminal("telnet", host, str(port))
        terminal.expect(
            b"Trying 127.0.0.1...\r\nConnected to 127.0.0.1.\r\nEscape character is '^]'.\r\n", GREETING
        )
        seen = {other.take_until(b"\r\n") for other in others}
        if others:
            self.assertEqual(len(seen), 1, seen)
            terminal.name = re.fullmatch(rb"Client joined (127\.0\.0\.1:\d+)\r\n", seen.pop())[1].decode()
        return terminal

    def type(self, terminal, text, *others):
        """One line typed: the terminal echoes it, the others see who said it."""
        terminal.send(text + b"\n")
        terminal.expect(text, b"\r\n")
        line = b"[%s] %s\r\n" % (terminal.name.encode(), text)
        for other in others:
            other.expect(line)
        return line

    def quit(self, terminal, *others):
        terminal.send(b"\x1d")
        terminal.expect(b"^]\r\ntelnet> ")
        terminal.send(b"quit\n")
        terminal.expect_end(b"quit\r\nConnection closed.\r\n")
        line = b"Client left %s\r\n" % terminal.name.encode()
        for other in others:
            other.expect(line)
        return line

    def name_the_first(self, joined, terminal):
        """Nobody sees the first one come but the server's own terminal."""
        terminal.name = re.search(rb"Client joined (127\.0\.0\.1:\d+)\r*\n", joined)[1].decode()
        return b"Client joined %s\r\n" % terminal.name.encode()

    def test_three_people_with_telnet(self):
        server = self.begin()
        megan = self.telnet(server.port)
        conversation = [self.name_the_first(server.next_line(), megan)]
        elise = self.telnet(server.port, megan)
        conversation.append(b"Client joined %s\r\n" % elise.name.encode())
        conversation.append(self.type(megan, b"Is somebody there?", elise))
        conversation.append(self.type(elise, b"I am. Who are you?", megan))
        marc = self.telnet(server.port, megan, elise)
        conversation.append(b"Client joined %s\r\n" % marc.name.encode())
        conversation.append(self.type(marc, "Ich auch, 你们好".encode(), megan, elise))
        conversation.append(self.type(megan, b"", elise, marc))
        conversation.append(self.quit(elise, megan, marc))
        conversation.append(self.type(marc, b"She is gone.", megan))
        conversation.append(self.quit(megan, marc))
        conversation.append(self.quit(marc))
        server.check(b"".join(conversation))
