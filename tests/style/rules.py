"""The rules that no compiler checks. Each takes the root of a tree and answers its complaints."""

import graphlib
import re
from pathlib import Path

# A folder may include folders of its own floor and below. What stands inside a folder belongs to it.
FLOORS = {
    "parley/base": 0,
    "parley/socket": 1, "parley/process": 1,
    "parley/server": 2, "parley/reactor": 2,
    "parley/line": 3, "parley/stream": 3, "parley/tls": 3,
    "parley/http": 4, "parley/mail": 4,
    "parley/websocket": 5, "parley/url": 5, "parley/service": 5,
    "parley": 9,  # the headers named after Python's modules, over all folders
    "chat/hall": 10,
    "chat/wire": 11,
    "chat/post": 12,
    "chat/history": 13, "chat/accounts": 13, "chat/cluster": 13, "chat/web": 13, "chat/config": 13,
    "chat": 14,
}
POSIX_FOLDERS = ("parley/socket", "parley/process", "parley/reactor/backends", "parley/reactor/connect")
THIRD_PARTY = ("CLI/", "toml++/", "fmt/", "spdlog/", "gtest/", "gmock/", "benchmark/", "openssl/", "boost/",
               "asio", "ares", "liburing", "wslay/", "gsasl", "sqlite3", "nats/")
STANDARD = set(
    "algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts "
    "condition_variable coroutine deque exception execution filesystem format forward_list fstream functional "
    "future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory "
    "memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex "
    "scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token "
    "streambuf string string_view strstream syncstream system_error thread tuple type_traits typeindex typeinfo "
    "unordered_map unordered_set utility valarray variant vector version "
    "cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef cstdint "
    "cstdio cstdlib cstring ctime cuchar cwchar cwctype".split())

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]')
LONGEST = 500


def files(root, *patterns, under=""):
    """The files of a tree by pattern, without what was built or brought in."""
    found = set()
    for pattern in patterns:
        for path in (Path(root) / under).rglob(pattern):
            relative = path.relative_to(root)
            if path.is_file() and relative.parts[0] not in ("build", ".git", "node_modules"):
                found.add(relative.as_posix())
    return sorted(found)


def lines(root, path):
    return (Path(root) / path).read_text(encoding="utf-8", errors="replace").splitlines()


def includes(root, path):
    """(line number, what is included) for each include of a file."""
    for number, line in enumerate(lines(root, path), 1):
        if match := INCLUDE.match(line):
            yield number, match[1]


def folder_of(path):
    """The folder with a floor that a file or an include stands in; None where there is none."""
    folder = path.rpartition("/")[0]
    if folder in ("parley", "chat"):
        return folder
    found = [name for name in FLOORS if "/" in name and (folder + "/").startswith(name + "/")]
    return found[0] if found else None


def ours(path):
    return path.startswith(("parley/", "chat/"))


def is_test(path):
    return path.endswith("_test.cpp")


def is_system(name):
    """Whether an include is the operating system's: neither C++'s, nor ours, nor a library's."""
    return name not in STANDARD and not ours(name) and not name.startswith(THIRD_PARTY)


def circle(graph):
    """A way through the graph that ends where it began; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def floors(root):
    """A folder includes only its own floor's and lower floors' folders, never in a circle; the hall, base/ alone."""
    complaints, folders, headers = [], {}, {}
    for path in files(root, "*.h", "*.cpp", under="parley") + files(root, "*.h", "*.cpp", under="chat"):
        here = folder_of(path)
        if here is None:
            complaints.append(f"{path}: its folder has no floor yet; give it one in tests/style/rules.py")
            continue
        for number, name in includes(root, path):
            if (Path(root) / path).parent.joinpath(name).exists():
                complaints.append(f"{path}:{number}: write the include from the root: {path.rpartition('/')[0]}/{name}")
            if not ours(name):
                continue
            there = folder_of(name)
            headers.setdefault(path, set()).add(name)
            if there is None:
                complaints.append(f"{path}:{number}: {name} stands in a folder that has no floor")
            elif path.startswith("parley/") and name.startswith("chat/"):
                complaints.append(f"{path}:{number}: the library includes {name} of the chat server")
            elif is_test(path):
                continue  # a test may stand on more than what it tests
            elif here == "chat/hall" and there not in ("chat/hall", "parley/base"):
                complaints.append(f"{path}:{number}: chat/hall includes {name}; it may know parley/base alone")
            elif FLOORS[there] > FLOORS[here]:
                complaints.append(f"{path}:{number}: goes up from {here} to {name}")
            elif there != here:
                folders.setdefault(here, set()).add(there)
    for what, graph in (("folders", folders), ("files", headers)):
        if way := circle(graph):
            complaints.append(f"{what} include each other in a circle: {' -> '.join(way)}")
    return complaints


def system_headers(root):
    """POSIX headers stand in few folders alone, so that other systems can come without moving the rest."""
    complaints = []
    for path in files(root, "*.h", "*.cpp", under="parley") + files(root, "*.h", "*.cpp", under="chat"):
        if is_test(path):
            continue
        allowed = path.startswith(tuple(name + "/" for name in POSIX_FOLDERS))
        for number, name in includes(root, path):
            if path.startswith("parley/base/") and name not in STANDARD and not name.startswith("parley/base/"):
                complaints.append(f"{path}:{number}: base/ includes {name}; C++'s own headers and base/ are enough")
            elif is_system(name) and not allowed:
                complaints.append(f"{path}:{number}: <{name}> belongs in {', '.join(POSIX_FOLDERS)} alone")
    return complaints


CLASS = re.compile(r"\b(?:class|struct)((?:\s*\[\[[^\]]*\]\])?)\s+(\w+)\b(?!\s*[>,=])[^;{}()]*\{")
COMMENT = re.compile(r"//[^\n]*")


def own_text(text, begin):
    """What stands in a class itself, from its opening brace on, without what stands in braces there."""
    depth, own = 0, []
    for character in text[begin:]:
        depth -= character == "}"
        if depth == 1 or (depth == 0 and own):
            own.append(character)
        depth += character == "{"
        if depth == 0:
            break
    return "".join(own)


def awaitables(root):
    """Each class that can be awaited says so, so that the compiler warns of a forgotten co_await."""
    complaints = []
    for path in files(root, "*.h", "*.cpp", under="parley"):
        if is_test(path):
            continue
        text = COMMENT.sub("", "\n".join(lines(root, path)))
        for match in CLASS.finditer(text):
            if "await_resume" in own_text(text, match.end() - 1) and "nodiscard" not in match[1]:
                number = text.count("\n", 0, match.start()) + 1
                complaints.append(f"{path}:{number}: {match[2]} can be awaited: class [[nodiscard]] {match[2]}")
    return complaints


def public_headers(include_dir):
    """No system or third-party header in a header that is installed. Takes the installed include folder."""
    found = files(include_dir, "*.h", under="parley")
    complaints = [] if found else [f"{include_dir}: no header was installed"]
    for path in found:
        if path.endswith("_test.h"):
            complaints.append(f"{path}: a test's header is installed")
        for number, name in includes(include_dir, path):
            if name.startswith("parley/"):
                if name not in found:
                    complaints.append(f"{path}:{number}: {name} is not installed")
            elif name not in STANDARD:
                complaints.append(f"{path}:{number}: a public header includes <{name}>")
    return complaints


def file_length(root):
    """No file over 500 lines that does not say why within its first ten."""
    complaints = []
    for path in files(root, "*.h", "*.cpp", "*.py", "*.sh", "*.cmake", "CMakeLists.txt", "script/*", "*.ts"):
        text = lines(root, path)
        reason = any(re.match(r"\W*Longer than 500 lines: \S", line) for line in text[:10])
        if len(text) > LONGEST and not reason:
            complaints.append(f"{path}: {len(text)} lines; split it, or say in its head 'Longer than 500 lines: why'")
    return complaints


def code_blocks(root, path):
    """The fenced code blocks of a page, each as (its first line's number, its lines with both fences)."""
    blocks, fence = [], None
    for number, line in enumerate(lines(root, path), 1):
        mark = re.match(r"[ \t]*(`{3,}|~{3,})", line)
        if fence is None and mark:
            fence = mark[1]
            blocks.append((number, [line]))
        elif fence is not None:
            blocks[-1][1].append(line)
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
    return blocks


def same_code(root, one, other):
    """Complains about the first code block that two pages do not share."""
    blocks, others = code_blocks(root, one), code_blocks(root, other)
    for (number, block), (twin_number, twin) in zip(blocks, others):
        if block != twin:
            return [f"{one}:{number} and {other}:{twin_number} show different code"]
    if len(blocks) != len(others):
        return [f"{one} has {len(blocks)} code blocks, {other} {len(others)}"]
    return []


FIELD = re.compile(r"  (?! |using |static |friend |//)([^={}]*[\w>*&] \w+);")  # and nothing that it begins with


def settings(root):
    """Each field of what programs fill in field by field has an initializer: to leave it out is no warning then."""
    complaints = []
    for path in files(root, "*.h", under="parley"):
        inside = None
        for number, line in enumerate(lines(root, path), 1):
            if match := re.match(r"struct (\w+(?:Settings|Options|Limits)|Limits|Ancillary)\b[^;]*\{$", line):
                inside = match[1]
            elif line == "};":
                inside = None
            elif inside and (match := FIELD.match(line)) and not match[1].endswith(" const"):
                complaints.append(f"{path}:{number}: {inside}: write {match[1]}{{}};")
    return complaints


def readme_twins(root):
    """README.md and README.zh.md show the same code."""
    names = ("README.md", "README.zh.md")
    missing = [f"{name} is missing" for name in names if not (Path(root) / name).exists()]
    if missing:
        return missing
    return same_code(root, *names) if code_blocks(root, names[0]) else ["README.md has no code block"]
