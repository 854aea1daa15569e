"""The echo with filters: what goes through which of them, and what the lowest one writes down."""

import re

from examples import Test, main


class Filters(Test):
    def server(self):
        program = self.serve("filters", 0)
        program.port = int(re.search(rb"port (\d+)", program.first)[1])
        return program

    def test_in_clear_and_then_not(self):
        server = self.server()
        client = self.connect(("127.0.0.1", server.port))
        client.send(b"hello\n")
        client.expect(b"hello\r\n")
        client.send(b"loud\n")
        client.expect(b"loud\r\n")
        client.send(b"hello\n")
        client.expect(b"HELLO\r\n")
        name = re.escape(client.name.encode())
        client.close()
        server.stdout.wait_for(
            rb"%s connected\n%s < hello\\n\n%s > hello\\r\\n\n%s < loud\\n\n%s > loud\\r\\n\n"
            rb"%s < hello\\n\n%s > HELLO\\r\\n\n%s < end\n%s > end\n%s lost: closed by the peer\n" % ((name,) * 10)
        )

    def test_what_came_behind_the_word_goes_through_the_filter(self):
        server = self.server()
        client = self.connect(("127.0.0.1", server.port))
        client.send(b"before\nloud\nat once\n")
        client.expect(b"before\r\nloud\r\nAT ONCE\r\n")


if __name__ == "__main__":
    main()
