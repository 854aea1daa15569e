"""The public names of a header, found by reading it: enough C++ for our own headers, and no more."""

import re

TOKEN = re.compile(r'[A-Za-z_]\w*|\d[\w.\']*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|::|->|&&|\|\||\S')
NOISE = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*|\[\[.*?\]\]", re.DOTALL | re.MULTILINE)
CLOSING = {"(": ")", "[": "]", "{": "}"}
HIDDEN_NAMESPACES = ("std", "detail")
IMPLIED = ("print", "value_type", "difference_type")  # every value prints; iterators have what C++ asks of them


def is_word(token):
    return token[0].isalpha() or token[0] == "_"


class Reader:
    """Walks over the tokens of a header and collects (class, name); the class is empty for what is in none."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(NOISE.sub(" ", text))
        self.at = 0
        self.names = []

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def skip_group(self):
        """Past a bracket and what it holds."""
        closing = [CLOSING[self.take()]]
        while closing and self.peek():
            token = self.take()
            if token in CLOSING:
                closing.append(CLOSING[token])
            elif token == closing[-1]:
                closing.pop()

    def skip_angles(self):
        """Past <...>."""
        depth = 0
        while self.peek():
            if self.peek() in CLOSING:
                self.skip_group()
                continue
            depth += {"<": 1, ">": -1}.get(self.take(), 0)
            if depth == 0:
                return

    def skip_requirement(self):
        """Past what follows `requires`: names with arguments, parentheses and requires expressions."""
        while self.peek():
            if self.peek() == "requires":
                self.take()
                if self.peek() == "(":
                    self.skip_group()
            if self.peek() in CLOSING:
                self.skip_group()
            else:
                self.take()
                while self.peek() == "::":
                    self.at += 2
                if self.peek() == "<":
                    self.skip_angles()
            if self.peek() not in ("&&", "||"):
                return
            self.take()

    def add(self, owner, name, public):
        if public and name not in IMPLIED and (owner, name) not in self.names:
            self.names.append((owner, name))

    def read_scope(self, owner="", public=True):
        """Declarations up to the closing brace, or the end. Whoever derives has what is protected, types apart."""
        types_public = public
        while self.peek() and self.peek() != "}":
            token = self.peek()
            if token in ("public", "protected", "private"):
                self.at += 2  # and the colon
                public, types_public = token != "private", token == "public"
            elif token == ";":
                self.take()
            elif token == "template":
                self.take()
                if self.peek() == "<":
                    self.skip_angles()
                if self.peek() == "requires":
                    self.take()
                    self.skip_requirement()
            elif token == "namespace":
                self.read_namespace(public)
            elif token in ("class", "struct", "union", "enum"):
                self.read_class(owner, public, types_public)
            elif token in ("friend", "static_assert"):
                self.read_declaration(owner, False)
            elif token == "using":
                self.read_using(owner, public)
            else:
                self.read_declaration(owner, public)
        if self.peek():
            self.take()

    def read_namespace(self, public):
        words = []
        while self.peek() not in ("{", ";", ""):
            words.append(self.take())
        if self.take() == "{":
            hidden = len(words) == 1 or any(word in HIDDEN_NAMESPACES for word in words)
            self.read_scope("", public and not hidden)

    def read_class(self, owner, public, types_public):
        begin = self.at
        kind, name, specialised = self.take(), "", False
        while self.peek() not in ("{", ";", "(", "=", ":", ""):
            if self.peek() == "<":
                self.skip_angles()
                continue
            token = self.take()
            specialised = specialised or token == "::"  # of somebody else's: std::hash
            if is_word(token) and token not in ("class", "struct", "final"):
                name = token
        if self.peek() == ":":
            while self.peek() not in ("{", ";"):  # what it derives from
                self.take()
        if self.peek() in ("(", "="):  # `struct X f();` after all
            self.at = begin + 1
            self.read_declaration(owner, public)
        elif self.peek() == "{":
            public = types_public and not specialised
            self.add(owner, name, public)
            if kind == "enum":
                self.skip_group()
            else:
                self.take()
                inner = len(self.names)
                self.read_scope(name, kind != "class")
                if not public:
                    del self.names[inner:]

    def read_using(self, owner, public):
        words = []
        while self.peek() not in (";", ""):
            words.append(self.take())
        if "=" in words:
            self.add(owner, words[1], public)
        elif "namespace" not in words and words[-1] != words[-3]:  # a base's constructors have no name of their own
            self.add(owner, words[-1], public)

    def read_declaration(self, owner, public):
        """A function, with its body if it has one, or a variable."""
        name, function, initialisers, previous, overrides = "", False, False, "", False
        while self.peek() not in (";", "}", ""):
            token = self.peek()
            if token == "<" and is_word(previous or "0") and not function:
                self.skip_angles()
                previous = ">"
                continue
            if token == "operator" and not function:
                self.take()
                while self.peek() != "(" or self.tokens[self.at + 1 : self.at + 3] == [")", "("]:
                    self.take()
                    if self.peek() == ")":
                        self.take()
                function, public = True, False
                continue
            if token == "(":
                self.skip_group()
                if not function and previous not in ("explicit", "noexcept", "decltype", "alignas"):
                    function = True
                previous = ")"
                continue
            if token == "{":
                body = function and not (initialisers and (is_word(previous) or previous == ">"))
                self.skip_group()
                previous = "}"
                if body:
                    break
                continue
            if token == "[":
                self.skip_group()
                continue
            if token == "=" and not function:  # a variable's value
                while self.peek() not in (";", ""):
                    self.skip_group() if self.peek() in CLOSING else self.take()
                break
            overrides = overrides or token == "override"
            initialisers = initialisers or (function and token == ":")
            if not function and is_word(token):
                name = token
            if not function and token == "~":
                public = False
            if not function and token == ",":  # a second variable
                self.add(owner, name, public)
            previous = self.take()
        if self.peek() == ";":
            self.take()
        if name and name != owner and not overrides:
            self.add(owner, name, public)


def public_names(text):
    """[(class or "", name)] of a header: classes, functions, variables, and the public members of classes."""
    reader = Reader(text)
    while reader.peek():
        reader.read_scope()
    return reader.names
