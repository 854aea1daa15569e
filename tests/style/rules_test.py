#!/usr/bin/env python3
"""Each rule is given a tree that keeps it and trees that break it, and must tell them apart."""

import tempfile
import unittest
from pathlib import Path

import rules


class RulesTest(unittest.TestCase):
    def complaints(self, rule, tree):
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                file = Path(root) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return rule(root)

    def keeps(self, rule, tree):
        self.assertEqual(self.complaints(rule, tree), [])

    def breaks(self, rule, tree, *words):
        found = self.complaints(rule, tree)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])


class Settings(RulesTest):
    def test_fields_with_and_without_an_initializer(self):
        head = "struct CallSettings {\n  CallSettings() {}\n  static int most;\n  using Wrap = int;\n  bool often() const;\n"
        good = head + "  int size = 0;\n  std::function<void(int)> told{};  // when it is done;\n};\nstruct Got {\n  int size;\n};\n"
        self.keeps(rules.settings, {"parley/a.h": good})
        self.breaks(rules.settings, {"parley/a.h": good.replace("size = 0", "size")}, "a.h:6", "CallSettings", "int size{}")
        self.breaks(rules.settings, {"parley/a.h": good.replace("told{}", "told")}, "a.h:7")
        self.breaks(rules.settings, {"parley/a.h": "struct Ancillary {\n  std::map<int, int> kept;\n};\n"}, "a.h:2")


class Awaitables(RulesTest):
    def test_a_class_that_says_so(self):
        text = "class [[nodiscard]] Sleep final : Suspension {\n void await_resume() {}\n};\n"
        self.keeps(rules.awaitables, {"parley/stream/a.h": text, "parley/stream/b_test.cpp": text.replace("[[", "//")})

    def test_a_class_that_does_not(self):
        for head in ("class Sleep", "class Sleep final : Suspension", "struct Sleep", "template <class A>\nclass Sleep"):
            with self.subTest(head=head):
                text = "\n" + head + " {\n  bool await_ready() { return true; }\n  int await_resume();\n};\n"
                self.breaks(rules.awaitables, {"parley/stream/a.h": text}, "parley/stream/a.h:", "[[nodiscard]] Sleep")

    def test_one_inside_another(self):
        text = "class Queue {\n  void f() { g(); }\n  class Put : Waiter {\n    void await_resume() { h(); }\n  };\n};\n"
        self.breaks(rules.awaitables, {"parley/stream/a.h": text}, "parley/stream/a.h:3", "[[nodiscard]] Put")
        self.keeps(rules.awaitables, {"parley/stream/a.h": text.replace("class Put", "class [[nodiscard]] Put")})


class Floors(RulesTest):
    TREE = {
        "parley/base/bytes.h": "#include <string>\n",
        "parley/socket/socket.h": '#include "parley/base/bytes.h"\n#include <sys/socket.h>\n',
        "parley/reactor/reactor.h": '#include "parley/socket/socket.h"\n',
        "parley/reactor/backends/memory.cpp": '#include "parley/reactor/reactor.h"\n',
        "parley/reactor.h": '#include "parley/reactor/reactor.h"\n',
        "chat/hall/hall.h": '#include "parley/base/bytes.h"\n',
        "chat/wire/line.h": '#include "chat/hall/hall.h"\n#include "parley/reactor.h"\n',
        "chat/post/post.cpp": '#include "chat/wire/line.h"\n',
        "chat/main.cpp": '#include "chat/post/post.h"\n#include <parley/reactor.h>\n',
    }

    def test_the_tree_as_it_should_be(self):
        self.keeps(rules.floors, self.TREE)

    def test_an_include_that_goes_up(self):
        for path, name in (
            ("parley/base/a.h", "parley/socket/socket.h"),
            ("parley/socket/a.cpp", "parley/reactor/reactor.h"),
            ("parley/socket/a.cpp", "parley/reactor.h"),
            ("parley/line/a.h", "parley/reactor.h"),
            ("parley/reactor/backends/a.h", "parley/line/receiver.h"),
            ("chat/wire/a.h", "chat/post/post.h"),
            ("chat/post/a.h", "chat/config/config.h"),
        ):
            with self.subTest(path=path, name=name):
                self.breaks(rules.floors, {**self.TREE, path: f'\n#include "{name}"\n'}, path + ":2", name)

    def test_a_test_may_go_up_but_not_into_the_chat(self):
        self.keeps(rules.floors, {"parley/socket/a_test.cpp": '#include "parley/reactor/reactor.h"\n'})
        self.breaks(rules.floors, {"parley/socket/a_test.cpp": '#include "chat/hall/hall.h"\n'}, "chat server")

    def test_the_library_that_includes_the_chat(self):
        self.breaks(rules.floors, {"parley/line/a.h": '#  include <chat/hall/hall.h>\n'}, "chat server")

    def test_a_hall_that_knows_sockets(self):
        self.breaks(rules.floors, {"chat/hall/a.h": '#include "parley/socket/socket.h"\n'}, "parley/base alone")

    def test_rooms_of_one_floor_in_a_circle(self):
        tree = {"parley/socket/a.h": '#include "parley/process/b.h"\n',
                "parley/process/c.cpp": '#include "parley/socket/d.h"\n'}
        self.breaks(rules.floors, tree, "folders include each other", "parley/process", "parley/socket")
        del tree["parley/process/c.cpp"]
        self.keeps(rules.floors, tree)

    def test_headers_of_one_room_in_a_circle(self):
        tree = {"parley/base/a.h": '#include "parley/base/b.h"\n', "parley/base/b.h": '#include "parley/base/a.h"\n'}
        self.breaks(rules.floors, tree, "files include each other")

    def test_a_room_without_a_floor(self):
        self.breaks(rules.floors, {"parley/attic/a.h": ""}, "parley/attic/a.h", "no floor")
        self.breaks(rules.floors, {"chat/main.cpp": '#include "chat/attic/a.h"\n'}, "no floor")

    def test_an_include_beside_instead_of_from_the_root(self):
        self.breaks(rules.floors, {"parley/base/a.h": '#include "b.h"\n', "parley/base/b.h": ""}, "from the root")


class SystemHeaders(RulesTest):
    def test_where_they_belong(self):
        for path in ("parley/socket/a.cpp", "parley/process/a.h", "parley/reactor/backends/a.cpp",
                     "parley/reactor/connect/a.cpp",
                     "parley/base/a_test.cpp", "tests/conformance/a.cpp"):
            self.keeps(rules.system_headers, {path: "#include <sys/socket.h>\n#include <vector>\n"})
        self.keeps(rules.system_headers, {"chat/main.cpp": "#include <spdlog/spdlog.h>\n#include <CLI/CLI.hpp>\n"})

    def test_where_they_do_not(self):
        for path in ("parley/reactor/a.h", "parley/line/a.cpp", "chat/hall/a.h", "chat/main.cpp"):
            for name in ("sys/epoll.h", "unistd.h", "errno.h"):
                self.breaks(rules.system_headers, {path: f"#include <{name}>\n"}, path + ":1", name)

    def test_base_has_nothing_but_cpp(self):
        self.keeps(rules.system_headers, {"parley/base/a.h": '#include <chrono>\n#include "parley/base/b.h"\n'})
        for name in ("time.h", "fmt/format.h", "sys/mman.h"):
            self.breaks(rules.system_headers, {"parley/base/a.cpp": f"#include <{name}>\n"}, "base/", name)


class PublicHeaders(RulesTest):
    def test_a_clean_one(self):
        self.keeps(rules.public_headers, {"parley/socket.h": '#include <string>\n#include "parley/base/a.h"\n',
                                          "parley/base/a.h": "#include <cstdint>\n"})

    def test_what_must_not_show(self):
        for name in ("sys/socket.h", "netdb.h", "openssl/ssl.h", "spdlog/spdlog.h", "stdint.h"):
            self.breaks(rules.public_headers, {"parley/socket.h": f"#include <{name}>\n"}, name)

    def test_a_header_left_at_home(self):
        self.breaks(rules.public_headers, {"parley/socket.h": '#include "parley/base/a.h"\n'}, "not installed")

    def test_a_test_among_them(self):
        self.breaks(rules.public_headers, {"parley/base/a_test.h": ""}, "a test's header")

    def test_nothing_at_all(self):
        self.breaks(rules.public_headers, {}, "no header")


class FileLength(RulesTest):
    def test_up_to_the_limit(self):
        self.keeps(rules.file_length, {"a.cpp": "x\n" * 500, "docs/a.md": "x\n" * 900, "build/a.cpp": "x\n" * 900})

    def test_past_it(self):
        for path in ("a.cpp", "parley/base/a.h", "tests/a.py", "script/test"):
            self.breaks(rules.file_length, {path: "x\n" * 501}, path, "501")

    def test_past_it_with_a_reason(self):
        reason = "// Longer than 500 lines: one table, as the standard prints it.\n"
        self.keeps(rules.file_length, {"a.cpp": reason + "x\n" * 500})
        self.breaks(rules.file_length, {"a.cpp": "x\n" * 10 + reason + "x\n" * 500}, "a.cpp")
        self.breaks(rules.file_length, {"a.cpp": "// Longer than 500 lines:\n" + "x\n" * 500}, "a.cpp")


class ReadmeTwins(RulesTest):
    ENGLISH = "Hello\n```sh\nscript/server\n```\ntext\n~~~~\n```\n~~~~\n"

    def test_the_same_code_between_other_words(self):
        chinese = self.ENGLISH.replace("Hello\n", "你好\n\n").replace("text", "文字")
        self.keeps(rules.readme_twins, {"README.md": self.ENGLISH, "README.zh.md": chinese})

    def test_different_code(self):
        for other in (self.ENGLISH.replace("server", "serve"), self.ENGLISH.replace("```sh", "```"),
                      self.ENGLISH.replace("~~~~\n```\n~~~~", "~~~~\n~~~~")):
            self.breaks(rules.readme_twins, {"README.md": self.ENGLISH, "README.zh.md": other}, "different code")

    def test_a_block_more(self):
        chinese = self.ENGLISH + "```\nmore\n```\n"
        self.breaks(rules.readme_twins, {"README.md": self.ENGLISH, "README.zh.md": chinese}, "2 code blocks")

    def test_one_of_them_missing(self):
        self.breaks(rules.readme_twins, {"README.md": self.ENGLISH}, "README.zh.md is missing")

    def test_no_code_at_all(self):
        self.breaks(rules.readme_twins, {"README.md": "a\n", "README.zh.md": "b\n"}, "no code block")


if __name__ == "__main__":
    unittest.main()
