"""Many people doing anything, at random: what each of them received is compared with the model.

PARLEY_E2E_SEED repeats a run; the seed is printed.
"""

import os
import random
import re
import sys

from model import REFUSAL, YES, Input, Room
from parley_e2e import GREETING, Test, main
from talkers import PATIENCE, containing, pump

SEED = int(os.environ.get("PARLEY_E2E_SEED") or random.SystemRandom().randrange(1 << 32))
ROUNDS = 60
ACTORS = 16
SECONDS = 20 * PATIENCE
FAREWELL = b"that is all"

ARGUMENTS = (
    (),
    ("--reactor", "poll"),
    ("--reactor", "select"),
    ("--flush-interval", "10ms"),
)

WORDS = (b"hello", b"you", "Grüße".encode(), "你好".encode(), "😀".encode(), "👩\u200d👧 ☺\ufe0f می\u200cخ".encode(), b"  ", b"\t", b"x" * 50)
ODDITIES = (
    b"\0", b"\x1b[1m", b"\x7f", b"\r", b"\x08", "\x85".encode(), "\x9b".encode(),  # control characters
    b"\x15", "\u202e".encode(), "\u2028".encode(), "\u200d".encode(), "\ufeff".encode(),  # what edits, or is not seen
    b"\x80", b"\xfe", b"\xc0", b"\xf5", b"a\xe9b",  # no UTF-8
)  # fmt: skip
TELNET = (
    b"\xff\xff", b"\xff\xfd\x01", b"\xff\xfb\x1f", b"\xff\xfc\x03", b"\xff\xfe\x0a", b"\xff\xfd\x0a", b"\xff\xfb\x0d",
    b"\xff\xf1", b"\xff\xf4", b"\xff\xf6", b"\xff\xf7", b"\xff\xf8", b"\xff\xfa\x1f\x00\x0a\x0d\x0a\xff\xf0", b"\xff\xfa\x18\xff\xff\n\xff\xfd\x01\n\xff\xf0",
)  # fmt: skip
ANSWER = re.compile(rb"((?:^|\r\n|\xff[\xfc\xfe].)\xff[\xfc\xfe]).", re.DOTALL)


def random_line(dice):
    kind = dice.random()
    if kind < 0.1:
        return b""
    if kind < 0.16:
        return b"z" * dice.choice((4095, 4096, 4097, 4098, 9000))
    parts = dice.choices(WORDS, k=dice.randint(1, 5))
    if kind < 0.4:
        parts += dice.choices(ODDITIES, k=2)
    if kind > 0.7:
        parts += dice.choices(TELNET, k=dice.randint(1, 3))
    dice.shuffle(parts)
    return b"".join(parts)


def random_input(dice):
    lines = [random_line(dice) + dice.choice((b"\n", b"\r\n", b"\r\0")) for _ in range(dice.randint(0, 12))]
    if dice.random() < 0.3:
        lines.append(random_line(dice) or b"unended")
    return b"".join(lines)


def random_pieces(dice, data):
    pieces = []
    while data:
        size = dice.choice((1, 1, 2, 3, 5, 8, 40, 300, 5000))
        pieces.append(data[:size])
        data = data[size:]
    return pieces


class Actor:
    """Someone who comes, sends pieces, and leaves in one of several ways, or stays."""

    def __init__(self, dice):
        self.ending = dice.choice(("stays", "stays", "ends", "ends", "closes", "resets"))
        data = random_input(dice)
        if self.ending == "stays":
            data += b"\n" + FAREWELL + b"\n"
        self.input = Input(data)
        self.pieces = random_pieces(dice, data)
        self.sent = b"".join(self.pieces)
        self.client = None
        self.gone = False

    def step(self, test):
        """Does the next thing; answers whether there is more to do."""
        if not self.client:
            self.client = test.connect(test.where(test.server))
        elif self.pieces:
            self.client.send(self.pieces.pop(0))
        else:
            self.end()
            return False
        return True

    def end(self):
        if self.ending == "ends":
            self.input.ended()
            self.client.end_of_input()
        elif self.ending in ("closes", "resets"):
            pump({self.client: containing(GREETING)})  # before that, nobody need ever hear of it
            self.gone = True
            self.client.close() if self.ending == "closes" else self.client.reset()


class Anything(Test):
    def test_random_rounds(self):
        print(f"PARLEY_E2E_SEED={SEED}", file=sys.stderr, flush=True)
        for number in range(ROUNDS):
            with self.subTest(seed=SEED, round=number):
                self.play(random.Random(SEED + number), ARGUMENTS[number % len(ARGUMENTS)])

    def play(self, dice, arguments):
        self.server = self.parleyd("--quiet", *arguments)
        observer = self.join(self.server)
        actors = [Actor(dice) for _ in range(ACTORS)]
        playing = list(actors)
        while playing:
            actor = dice.choice(playing)
            for _ in range(dice.choice((1, 1, 1, 4))):
                if not actor.step(self):
                    playing.remove(actor)
                    break
        order = self.observe_to_the_end(observer, actors)
        room = Room(order)
        for actor in actors:
            self.check_what_others_saw(actor, room)
        self.check_what_each_saw(observer, actors, room)

    def observe_to_the_end(self, observer, actors):
        """What the observer saw: everybody who leaves has left, everybody who stays has said farewell."""
        last = {
            actor.client.says(FAREWELL) if actor.ending == "stays" else actor.client.left() for actor in actors
        }
        start = 0

        def enough(talker):
            nonlocal start
            end = talker.seen.rfind(b"\n") + 1
            last.difference_update(bytes(talker.seen[start:end]).splitlines(keepends=True))
            start = end
            return not last

        try:
            pump({observer: enough}, seconds=SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; still to come: {sorted(last)}") from None
        lines = bytes(observer.seen).splitlines(keepends=True)
        observer.seen.clear()
        return lines

    def check_what_others_saw(self, actor, room):
        """It came, said its lines, and left; a reset may have swallowed the last of them, whole."""
        client = actor.client
        said = [client.says(text) for text in actor.input.texts]
        came, *seen = room.done_by(client)
        self.assertEqual(came, client.joined())
        if actor.ending != "stays":
            self.assertEqual(seen.pop(), client.left())
        if actor.gone:
            # All of it, with a last line that had no end, where the end came in order. A reset may look like
            # an end, too: a send that failed before has taken the error.
            everything = [client.says(text) for text in Input(actor.sent).ended().texts]
            self.assertIn(seen, (said[: len(seen)], everything))
        else:
            self.assertEqual(seen, said)

    def check_what_each_saw(self, observer, actors, room):
        """Those who are there get everything up to the observer's last word; who ended, up to its end."""
        observer.send(FAREWELL + b"\n")
        last = observer.says(FAREWELL)
        for actor in actors:
            client = actor.client
            wanted = GREETING + room.seen_by(client)
            if actor.gone:
                self.assertTrue(wanted.startswith(self.without_answers(actor, whole=False)))
                continue
            if actor.ending == "stays":
                client.seen += client.take_until(last)
                wanted += last
            else:
                pump({client: lambda talker: talker.ended}, seconds=SECONDS)
                self.assertIsNone(client.error)
            self.assertEqual(self.without_answers(actor, whole=True), wanted)

    def without_answers(self, actor, whole):
        """What a client saw of others: refusals and telnet's answers, which stand between lines, are taken out."""
        seen = bytes(actor.client.seen)
        answers = []
        while found := ANSWER.search(seen):
            start = found.end(1) - 2
            answers.append(seen[start : start + 3])
            seen = seen[:start] + seen[start + 3 :]
        lines = seen.splitlines(keepends=True)
        refusals = lines.count(REFUSAL)
        yes = lines.count(YES)
        seen = b"".join(line for line in lines if line not in (REFUSAL, YES))
        if whole:
            self.assertEqual(yes, actor.input.yes)
            self.assertEqual(b"".join(answers), actor.input.answers)
            self.assertEqual(refusals, actor.input.refusals)
        else:
            seen = seen[: seen.rfind(b"\n") + 1]  # its own end cut it short
        return seen


if __name__ == "__main__":
    main()
