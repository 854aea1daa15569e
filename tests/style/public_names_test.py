#!/usr/bin/env python3
"""What public_names finds in headers as we write them, and what it passes over."""

import unittest

from public_names import public_names


class PublicNames(unittest.TestCase):
    def finds(self, text, *names):
        found = [f"{owner}::{name}" if owner else name for owner, name in public_names(text)]
        self.assertEqual(found, list(names))

    def test_functions(self):
        self.finds("namespace parley { void one(int a = f(1), std::string s = {}); }", "one")
        self.finds("std::pair<Socket, Socket> two(Family family = Family::local, int proto = 0);", "two")
        self.finds("inline bool three() noexcept(false) { return x < 1 || y > 2; } int four();", "three", "four")
        self.finds("[[nodiscard]] constexpr Interest five(Interest a) { if (a) { return b; } return a; } auto six() -> int;",
                   "five", "six")
        self.finds("std::vector<std::vector<int>> seven(std::function<void(int)> call);", "seven")

    def test_variables(self):
        self.finds("extern const Option<bool> one; constexpr int two = f(3); inline std::array<int, 2> three{1, 2};",
                   "one", "two", "three")
        self.finds("namespace parley { namespace options { extern const Option<std::optional<seconds>> linger; } }", "linger")

    def test_templates(self):
        self.finds("template <class T, int N = (1 > 0)> struct One { T one; };", "One", "One::one")
        self.finds("template <class T> requires std::invocable<T, int> && (sizeof(T) > 1) T two(T t);", "two")
        self.finds("template <class T> requires requires(T t) { t.x(); } void three(T t);", "three")
        self.finds("template <class T> concept Four = requires(T t) { { t.x() } -> Same<int>; };", "Four")
        self.finds("template <> struct std::hash<parley::One> { int operator()(int) const; int x; };")

    def test_classes(self):
        self.finds("class A; struct B final : public A, private std::vector<int> { int b = 1; }; enum class C { x, y = 2 };",
                   "B", "B::b", "C")
        self.finds("class A { int no(); public: int yes() const; static A make(); private: int never; public: int more{}; };",
                   "A", "A::yes", "A::make", "A::more")
        self.finds("struct A { enum class Kind { x }; struct B { int b; }; Kind kind; };",
                   "A", "A::Kind", "A::B", "B::b", "A::kind")

    def test_who_derives_has_functions_and_members_but_no_types(self):
        self.finds("class A { protected: virtual void hook() {} int setting = 1; struct Aid { int x; }; private: int no; };",
                   "A", "A::hook", "A::setting")

    def test_what_has_no_name_of_its_own(self):
        self.finds("""class A {
         public:
          explicit A(int x) : x_(x), y_{x}, B<int>{x} { f(); }
          explicit(sizeof(int) > 2) A(long x);
          A(const A&) = delete;
          A& operator=(A&& other) noexcept { if (this != &other) reset(); return *this; }
          ~A() { reset(); }
          explicit operator bool() const { return x_; }
          bool operator==(const A&) const = default;
          std::strong_ordering operator<=>(const A& other) const;
          int operator()(int x) const noexcept;
          const char* what() const noexcept override { return ""; }
          using B::B;
          friend void no(int x) { f(); }
          friend class C;
          int last();
        };""", "A", "A::last")

    def test_aliases(self):
        self.finds("using One = std::function<void()>; namespace a { using namespace b; } struct S { using B::two; };",
                   "One", "S", "S::two")

    def test_what_is_not_code(self):
        self.finds('#pragma once\n#define X(a) \\\n  int a;\n// int no();\n/* int no(); */ static_assert(sizeof(X) == "{");\n'
                   "int yes();", "yes")

    def test_what_is_nobodys_business(self):
        self.finds("namespace parley { namespace detail { int no(); struct No { int no; }; } namespace { int no; } "
                   "void print(Writer& out, int x); int yes; }", "yes")


if __name__ == "__main__":
    unittest.main()
