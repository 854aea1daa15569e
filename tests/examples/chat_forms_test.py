"""One room for people with telnet and for programs with netstrings."""

import re

from examples import Test, main

PORTS = re.compile(rb"people: port (\d+), programs: port (\d+)\n")


def line(text):
    return text + b"\r\n"


def netstring(text):
    return b"%d:%s," % (len(text), text)


class ChatForms(Test):
    def test_each_is_told_in_its_form(self):
        ports = PORTS.fullmatch(self.serve("chat_forms").first).groups()
        room = []
        for port, form in ((ports[0], line), (ports[1], netstring), (ports[0], line), (ports[1], netstring)):
            client = self.connect(("127.0.0.1", int(port)))
            room.append((client, form))
            for member, its_form in room:
                member.expect(its_form(b"joined: %s" % client.name.encode()))
        for speaker, its_form in room:
            for text in (b"hello", b"", b"5:hello,"):
                speaker.send(its_form(text))
                for member, form in room:
                    if member is not speaker:
                        member.expect(form(b"[%s] %s" % (speaker.name.encode(), text)))


if __name__ == "__main__":
    main()
