"""The rules of the chat in their plainest form: a whole input at once, no sockets, no pieces."""

import re

LIMIT = 4096
REFUSAL = b"Line too long: 4096 bytes at most\r\n"
WILL, WONT, DO, DONT = b"\xfb", b"\xfc", b"\xfd", b"\xfe"

TELNET = re.compile(
    b"\xff(?:(?P<escaped>\xff)"
    b"|(?P<verb>[\xfb-\xfe])(?P<option>.)"
    b"|\xfa(?:[^\xff]|\xff[^\xf0])*\xff\xf0"  # a subnegotiation: whatever it holds
    b"|(?P<command>[\xf0-\xf9]))",
    re.DOTALL,
)
YES = b"[Yes]\r\n"  # to AYT
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
UNSEEN = re.compile(  # Default_Ignorable_Code_Point, and the few that chat/wire/line/clean.h names beside it
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
STAYS = re.compile("[\u0600-\u0dff\U0001f000-\U0001faff\ufe0f][\u200c\u200d]|[\u2190-\u27bf][\ufe00-\ufe0f]")  # of what is sent here


def clean(line):
    text = []
    for character in line.decode("utf-8", "replace"):
        if character in "\x08\x7f":
            while text and UNSEEN.match(text.pop()):
                pass
        elif character == "\x15":
            text.clear()
        elif UNSEEN.match(character):
            if text and STAYS.match(text[-1] + character):
                text.append(character)
        elif not CONTROL.match(character):
            text.append(character)
    return "".join(text).encode()


class Input:
    """Everything a client sends, and what follows from it."""

    def __init__(self, data):
        answers = []
        self.yes = 0  # times that it was told that we are there

        def answer(found):
            if found["command"]:
                self.yes += found["command"] == b"\xf6"
                return {b"\xf7": b"\x7f", b"\xf8": b"\x15"}.get(found["command"], b"")
            if found["verb"] == DO:
                answers.append(b"\xff" + WONT + found["option"])
            elif found["verb"] == WILL:
                answers.append(b"\xff" + DONT + found["option"])
            return found["escaped"] or b""

        *lines, rest = TELNET.sub(answer, data).replace(b"\r\0", b"\r\n").split(b"\n")
        lines = [line.removesuffix(b"\r") for line in lines]
        self.answers = b"".join(answers)
        self.texts = [clean(line) for line in lines if len(line) <= LIMIT]  # what others see, line by line
        self.refusals = sum(len(line) > LIMIT for line in lines)
        self.rest = rest  # a last line without an end

    def ended(self):
        """What follows when the input ends here."""
        if len(self.rest) > LIMIT:
            self.refusals += 1
        elif self.rest:
            self.texts.append(clean(self.rest))
        return self


class Room:
    """One order of what happened, as someone saw it, and what each of the others must have seen of it."""

    def __init__(self, lines):
        self.lines = lines
        self.places = {}
        for place, line in enumerate(lines):
            if line.startswith((b"Client joined ", b"Client left ")):
                self.places[line] = place

    def seen_by(self, client):
        """Everything between its join and its leave but its own lines."""
        begin = self.places[client.joined()] + 1
        end = self.places.get(client.left(), len(self.lines))
        own = client.says(b"")[:-2]
        return b"".join(line for line in self.lines[begin:end] if not line.startswith(own))

    def done_by(self, client):
        own = client.says(b"")[:-2]
        return [line for line in self.lines if line.startswith(own) or line in (client.joined(), client.left())]
