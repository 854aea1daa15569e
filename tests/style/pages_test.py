#!/usr/bin/env python3
"""Each rule about pages is given a tree that keeps it and trees that break it; and what script/pages writes."""

import tempfile
import unittest
from pathlib import Path

import pages
from rules_test import RulesTest

CODE = """// Says hello.

#include <iostream>

// To somebody.
void hello(int who) try {
  if (who) {
    say(who);
  }
} catch (...) {
  throw;
}

struct Two {
  int one;

 private:
  int two;  // not the other
};

int main() { hello(1); }
"""
HELLO = CODE[CODE.index("// To somebody") : CODE.index("\n\nstruct")]
TWO = CODE[CODE.index("struct") : CODE.index("\n\nint main")]


def block(code, mark="<!-- examples/hello.cpp -->\n"):
    return f"Words.\n\n{mark}```cpp\n{code.rstrip()}\n```\n\nMore words.\n"


def guide(english, chinese=None):
    return {"examples/hello.cpp": CODE, "docs/guide/1-a.md": english, "docs/zh/guide/1-a.md": chinese or english}


class GuideCode(RulesTest):
    def test_a_whole_file_and_parts_of_it(self):
        self.keeps(pages.guide_code, guide(block(CODE)))
        for begins, code in (("void hello", HELLO), ("struct Two", TWO), ("int main", "int main() { hello(1); }"),
                             ("int two", "int two;  // not the other"), ("if (who)", "if (who) {\n  say(who);\n}")):
            with self.subTest(begins=begins):
                self.keeps(pages.guide_code, guide(block(code, f"<!-- examples/hello.cpp: {begins} -->\n")))

    def test_other_languages_need_no_mark(self):
        self.keeps(pages.guide_code, guide("```sh\nls\n```\n\n```\n$ echo\n```\n\n````md\n```cpp\n```\n````\n"))

    def test_code_that_differs(self):
        self.breaks(pages.guide_code, {**guide(block(CODE), block(CODE.replace("not", "nor")))}, "docs/zh/guide/1-a.md:22")
        self.breaks(pages.guide_code, {**guide(block(CODE), block(CODE[:-30]))}, "docs/zh/guide/1-a.md:", "script/pages")

    def test_code_of_nobody(self):
        for mark in ("", "<!-- hello.cpp -->\n", "<!-- examples/hello.cpp -->\n\n"):
            with self.subTest(mark=mark):
                self.assertIn("whose code is this", self.complaints(
                    pages.guide_code, {"docs/guide/a.md": block(CODE, mark), "examples/hello.cpp": CODE})[-1])

    def test_a_mark_that_leads_nowhere(self):
        for mark, words in (("<!-- examples/no.cpp -->\n", "does not exist"),
                            ("<!-- examples/hello.cpp: void no -->\n", "void no")):
            self.breaks(pages.guide_code, {"docs/guide/a.md": block(CODE, mark), "examples/hello.cpp": CODE}, words)
        self.breaks(pages.guide_code, {"docs/guide/a.md": "<!-- examples/hello.cpp -->\nwords\n"}, "no ```cpp block follows")

    def test_filling(self):
        with tempfile.TemporaryDirectory() as root:
            for path, text in guide(block("old\n"), block("alt\n\n", "<!-- examples/hello.cpp: void hello -->\n")).items():
                (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(root) / path).write_text(text, encoding="utf-8")
            self.assertEqual(len(pages.guide_code(root)), 2)
            self.assertEqual(pages.fill(root), [])
            self.assertEqual((Path(root) / "docs/guide/1-a.md").read_text(encoding="utf-8"), block(CODE))
            self.assertIn(HELLO, (Path(root) / "docs/zh/guide/1-a.md").read_text(encoding="utf-8"))
            self.assertEqual(pages.guide_code(root), [])


class GuideTwins(RulesTest):
    def test_the_same_code_between_other_words(self):
        self.keeps(pages.guide_twins, guide(block(CODE), block(CODE).replace("More words", "中文")))

    def test_other_code(self):
        self.breaks(pages.guide_twins, guide(block(CODE), block(CODE.replace("not", "nor"))), "different code")
        self.breaks(pages.guide_twins, guide(block(CODE), block(CODE) + "```\nmore\n```\n"), "2")

    def test_a_chapter_without_its_twin(self):
        for path in ("docs/guide/2-b.md", "docs/zh/guide/2-b.md"):
            self.breaks(pages.guide_twins, {**guide(block(CODE)), path: ""}, path, "no twin")

    def test_no_chapter_at_all(self):
        self.breaks(pages.guide_twins, {"docs/a.md": ""}, "no chapter")


class Links(RulesTest):
    TREE = {"README.md": "[a](docs/a.md), [b](docs/a.md#the-two-sockets), [c](https://no.where), [d](#here)\n# Here\n",
            "docs/a.md": "# The *two* `sockets`\n[up](../README.md) [folder](guide) `[no](nowhere.md)`\n"
                         "```\n[no](nowhere.md)\n# no heading\n```\n",
            "docs/guide/b.md": "[![x](../a.md)](../../README.md)\n"}

    def test_links_that_lead_somewhere(self):
        self.keeps(pages.links, self.TREE)

    def test_links_that_lead_nowhere(self):
        for path, link in (("README.md", "[x](docs/b.md)"), ("docs/guide/b.md", "text [x](a.md) text"),
                           ("docs/a.md", "[x](../docs/b/)"), ("CHANGELOG.md", "[x](nothing)")):
            self.breaks(pages.links, {**self.TREE, path: self.TREE.get(path, "") + link}, path, "does not exist")

    def test_headings_that_are_not_there(self):
        for link in ("[x](a.md#three)", "[x](a.md#no-heading)", "[x](../README.md#there)"):
            self.breaks(pages.links, {**self.TREE, "docs/c.md": link}, "no heading")
        self.breaks(pages.links, {**self.TREE, "docs/c.md": "[x](#there)\n# Here\n"}, "no heading")


class Reference(RulesTest):
    TREE = {
        **{f"parley/{name}": "" for name in pages.REFERENCE},
        **{f"docs/reference/{name}": "" for name in pages.REFERENCE.values()},
        "parley/socket.h": '#include "parley/socket/a.h"\n#include <string>\n',
        "parley/socket/a.h": '#include "parley/socket/detail.h"\n'
                             "namespace parley { class Socket { public: void bind(); void close(); };\n"
                             "struct Key { int close; }; int lookup(); }\n",
        "parley/socket/detail.h": "int hidden();",
        "docs/reference/socket.md": "## Socket\n`bind(address)`\n### Closing\n```\nvoid close();\n```\n"
                                    "## Look-ups\n`int\nlookup()`, `Key`, `Key::close`\n",
    }

    def page(self, old, new):
        text = self.TREE["docs/reference/socket.md"]
        self.assertIn(old, text)
        return {**self.TREE, "docs/reference/socket.md": text.replace(old, new)}

    def test_every_name_has_its_place(self):
        self.keeps(pages.reference, self.TREE)

    def test_a_name_that_is_missing(self):
        self.breaks(pages.reference, self.page("`int\nlookup()`", "lookup"), "lookup is missing", "parley/socket/a.h")
        self.breaks(pages.reference, self.page("bind", "binding"), "Socket::bind is missing")
        self.breaks(pages.reference, self.page("void close();", "x"), "Socket::close is missing")  # Key's is not Socket's

    def test_what_two_headers_have_stands_on_the_first_ones_page(self):
        tree = {**self.TREE, "parley/reactor.h": '#include "parley/socket/a.h"\n#include "parley/reactor/b.h"\n',
                "parley/reactor/b.h": "void later();", "docs/reference/reactor.md": "`later()`"}
        self.keeps(pages.reference, tree)
        self.breaks(pages.reference, {**tree, "docs/reference/reactor.md": ""}, "reactor.md: later is missing")

    def test_a_header_on_the_page_of_another(self):
        self.assertEqual(pages.REFERENCE["service.h"], "reactor.md")
        tree = {**self.TREE, "parley/service.h": '#include "parley/service/c.h"\n', "parley/service/c.h": "void serve();"}
        self.breaks(pages.reference, tree, "reactor.md: serve is missing", "parley/service/c.h")
        self.keeps(pages.reference, {**tree, "docs/reference/reactor.md": "`serve()`"})

    def test_a_page_or_a_header_that_is_missing(self):
        for path in ("docs/reference/select.md", "parley/select.h"):
            self.breaks(pages.reference, {key: text for key, text in self.TREE.items() if key != path}, path, "missing")


class ExampleLength(RulesTest):
    def test_up_to_the_limit(self):
        self.keeps(pages.example_length, {"examples/a.cpp": "x\n" * 39, "examples/chat.cpp": "x\n" * 49})

    def test_past_it(self):
        self.breaks(pages.example_length, {"examples/a.cpp": "x\n" * 40}, "40", "39")
        self.breaks(pages.example_length, {"examples/chat.cpp": "x\n" * 50}, "50", "49")


if __name__ == "__main__":
    unittest.main()
