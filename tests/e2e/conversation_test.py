"""The chat itself, over each way that parleyd can wait for its clients."""

from parley_e2e import GREETING, Test, main


class Conversation:
    """Joins, lines, leaves: a subset of the rules that every back end must keep."""

    def test_three_people_talk(self):
        server = self.parleyd()
        megan = self.join(server)
        elise = self.join(server, megan)
        marc = self.join(server, megan, elise)
        self.say(megan, b"anybody here?\r\n", b"anybody here?", elise, marc)
        self.say(elise, b"me\n", b"me", megan, marc)
        self.say(marc, b"\n", b"", megan, elise)
        elise.close()
        megan.expect(elise.left())
        marc.expect(elise.left())
        self.say(megan, b"now we are two\n", b"now we are two", marc)
        marc.close()
        megan.expect(marc.left())
        megan.close()
        server.stdout.wait_for_exactly(
            b"".join(
                (
                    megan.joined(),
                    elise.joined(),
                    marc.joined(),
                    megan.says(b"anybody here?"),
                    elise.says(b"me"),
                    marc.says(b""),
                    elise.left(),
                    megan.says(b"now we are two"),
                    marc.left(),
                    megan.left(),
                )
            )
        )

    def test_the_room_outlives_its_people(self):
        server = self.parleyd()
        for _ in range(3):
            first = self.join(server)
            second = self.join(server, first)
            self.say(second, b"again\n", b"again", first)
            second.close()
            first.expect(second.left())
            first.close()
            server.stdout.wait_for(first.left().replace(b".", rb"\."))

    def test_nobody_hears_oneself(self):
        server = self.parleyd()
        alone = self.join(server)
        alone.send(b"echo?\n")
        other = self.join(server, alone)  # the next thing that comes is the other, not the echo
        self.fence(other, alone)

    def test_a_last_line_without_an_end_is_delivered(self):
        server = self.parleyd()
        stays = self.join(server)
        goes = self.join(server, stays)
        goes.send(b"first\nlast line")
        goes.end_of_input()
        stays.expect(goes.says(b"first"), goes.says(b"last line"), goes.left())
        goes.expect_end()

    def test_an_end_after_an_ended_line_adds_none(self):
        server = self.parleyd()
        stays = self.join(server)
        goes = self.join(server, stays)
        goes.send(b"all\r\n")
        goes.end_of_input()
        stays.expect(goes.says(b"all"), goes.left())
        goes.expect_end()

    def test_who_says_nothing_leaves_nothing_behind(self):
        server = self.parleyd()
        stays = self.join(server)
        goes = self.join(server, stays)
        goes.end_of_input()
        stays.expect(goes.left())
        goes.expect_end()
        self.fence(self.join(server, stays), stays)

    def test_a_reset_is_a_leave(self):
        server = self.parleyd()
        stays, goes = self.join_many(server, 2)
        self.fence(goes, stays)
        goes.reset()
        stays.expect(goes.left())
        self.fence(self.join(server, stays), stays)

    def test_someone_who_types_a_byte_at_a_time_disturbs_nobody(self):
        server = self.parleyd()
        slow, quick, other = self.join_many(server, 3)
        for byte in b"a slow\r":
            slow.send(bytes([byte]))
            self.say(quick, b"quick\n", b"quick", slow, other)
        slow.send(b"\n")
        quick.expect(slow.says(b"a slow"))
        other.expect(slow.says(b"a slow"))

    def test_a_burst_of_one_arrives_whole_and_in_order(self):
        server = self.parleyd()
        sender, *readers = self.join_many(server, 4)
        lines = [b"line %d" % number for number in range(5000)]
        sender.send(b"".join(line + b"\n" for line in lines))
        seen = b"".join(map(sender.says, lines))
        for reader in readers:
            reader.expect(seen)
        server.stdout.wait_for(b"line 4999\r\n")

    def test_a_large_last_burst_arrives_before_the_leave(self):
        server = self.parleyd()
        sender, reader = self.join_many(server, 2)
        line = b"x" * 4000
        sender.send(200 * (line + b"\n"))
        sender.end_of_input()
        reader.expect(200 * sender.says(line), sender.left())
        sender.expect_end()

    def test_many_come_and_go_at_once(self):
        server = self.parleyd()
        stays = self.join(server)
        guests = [self.connect(self.where(server)) for _ in range(50)]
        for guest in guests:
            guest.take_until(GREETING)
            guest.send(b"hello\n")
            guest.end_of_input()
        seen = stays.take_until(guests[0].left())
        while not all(guest.left() in seen for guest in guests):
            seen += stays.take_until(b"\r\n")
        self.assertEqual(len(seen), sum(len(guest.joined() + guest.says(b"hello") + guest.left()) for guest in guests))
        for guest in guests:
            came, spoke, left = (seen.index(part) for part in (guest.joined(), guest.says(b"hello"), guest.left()))
            self.assertTrue(came < spoke < left)


class Default(Conversation, Test):
    pass


class Epoll(Conversation, Test):
    arguments = ("--reactor", "epoll")


class Poll(Conversation, Test):
    arguments = ("--reactor", "poll")


class Select(Conversation, Test):
    arguments = ("--reactor=select",)


class FlushInterval(Conversation, Test):
    """Messages that wait for one another arrive the same."""

    arguments = ("--flush-interval", "10ms")


class LongFlushInterval(Conversation, Test):
    arguments = ("--reactor=poll", "--flush-interval=50ms")


if __name__ == "__main__":
    main()
