"""The rules for what people read: code that is shown is code that runs, links lead somewhere, nothing is left out.

A C++ block of the guide stands below a comment that says whose code it is, a whole file's or a part's, which begins
at a line of that file and ends with its block. script/pages fills them.

    <!-- examples/echo_server.cpp -->
    <!-- examples/one_after_another.cpp: void echo(Socket& client) -->
"""

import re
from pathlib import Path

from public_names import public_names
from rules import code_blocks, files, includes, lines, same_code

GUIDES = ("docs/guide", "docs/zh/guide")  # a chapter stands in both, with the same code
REFERENCE = {  # headers of parley/, and their pages in docs/reference/
    "socket.h": "socket.md",
    "select.h": "select.md",
    "socketserver.h": "socketserver.md",
    "reactor.h": "reactor.md",
    "stream.h": "stream.md",
    "service.h": "reactor.md",
    "tls.h": "tls.md",
}
LONGEST_EXAMPLE = 39
LONGER_EXAMPLES = {"chat.cpp": 49, "chat_coroutine.cpp": 49, "chat_forms.cpp": 59, "chat_select.cpp": 129, "forwarder.cpp": 50, "hand_over.cpp": 49}  # whole programs rather than answers to one listing

MARK = re.compile(r"^<!-- (examples/[\w./-]+)(?:: (.*\S))? -->$")
FENCE = re.compile(r"^(`{3,})(.*)$")
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def part(source, begins):
    """The lines of a source from the one that is `begins` (and the comment above it) to the end of its block."""
    at = next((number for number, line in enumerate(source) if line.strip().startswith(begins)), None)
    if at is None:
        return None
    indent = len(source[at]) - len(source[at].lstrip())
    end = at
    if not source[at].partition("//")[0].rstrip().endswith((";", "}")):
        end += 1
        last = re.compile(rf" {{{indent}}}}}(.*[^{{])?$")  # `}`, and what may follow it, `} catch (...) {` apart
        while end < len(source) - 1 and not last.match(source[end]):
            end += 1
    while at > 0 and source[at - 1].strip().startswith("//"):
        at -= 1
    return [line[indent:].rstrip() for line in source[at : end + 1]]


def example(root, name, begins):
    """(the code that a mark asks for, what is wrong with the mark)"""
    if not (Path(root) / name).exists():
        return None, f"{name} does not exist"
    source = lines(root, name)
    code = part(source, begins) if begins else source
    return code, None if code else f"{name} has no line that begins with '{begins}'"


def filled(root, path):
    """(a chapter's lines with the examples as they are, its complaints)"""
    out, complaints, text, at = [], [], lines(root, path), 0
    while at < len(text):
        mark, fence = MARK.match(text[at]), FENCE.match(text[at])
        if mark and at + 1 < len(text) and text[at + 1].startswith("```cpp"):
            end = next((n for n in range(at + 2, len(text)) if text[n] == "```"), len(text))
            code, wrong = example(root, mark[1], mark[2])
            if wrong:
                complaints.append(f"{path}:{at + 1}: {wrong}")
                code = text[at + 2 : end]
            out += [*text[at : at + 2], *code, "```"]
            at = end + 1
            continue
        if mark:
            complaints.append(f"{path}:{at + 1}: no ```cpp block follows this mark")
        elif fence:
            end = next((n for n in range(at + 1, len(text)) if text[n].strip() == fence[1]), len(text) - 1)
            if fence[2].strip().lower() in ("cpp", "c++", "cxx", "cc"):
                complaints.append(f"{path}:{at + 1}: whose code is this? <!-- examples/name.cpp --> must stand above it")
            out += text[at:end]
            at = end
        out.append(text[at])
        at += 1
    return out, complaints


def chapters(root):
    return [path for guide in GUIDES for path in files(root, "*.md", under=guide)]


def guide_code(root):
    """The C++ of the guide is the examples', to the letter."""
    complaints = []
    for path in chapters(root):
        text, wrong = filled(root, path)
        complaints += wrong
        if not wrong and text != lines(root, path):
            pairs = zip(text + [None], lines(root, path) + [None])
            number = next(n for n, (a, b) in enumerate(pairs, 1) if a != b)
            complaints.append(f"{path}:{number}: differs from its example; run script/pages")
    return complaints


def fill(root):
    """Writes the examples into the chapters; answers the complaints."""
    complaints = []
    for path in chapters(root):
        text, wrong = filled(root, path)
        complaints += wrong
        if text != lines(root, path):
            (Path(root) / path).write_text("\n".join(text) + "\n", encoding="utf-8")
    return complaints


def guide_twins(root):
    """Each chapter stands in English and in Chinese, and both show the same blocks."""
    names = [{Path(path).name for path in files(root, "*.md", under=guide)} for guide in GUIDES]
    if not names[0] | names[1]:
        return ["docs/guide has no chapter"]
    complaints = []
    for name in sorted(names[0] | names[1]):
        here = [f"{guide}/{name}" for guide, there in zip(GUIDES, names) if name in there]
        complaints += same_code(root, *here) if len(here) == 2 else [f"{here[0]} has no twin in the other language"]
    return complaints


def prose(root, path):
    """(line number, line) of a page, without its code."""
    fenced = set()
    for number, block in code_blocks(root, path):
        fenced.update(range(number, number + len(block)))
    for number, line in enumerate(lines(root, path), 1):
        if number not in fenced:
            yield number, re.sub(r"(`+).*?\1", lambda code: "x" * len(code[0]), line)


def anchors(root, path):
    """What a link into a page may name: its headings, as they are addressed."""
    fenced = {n for number, block in code_blocks(root, path) for n in range(number, number + len(block))}
    found = set()
    for number, line in enumerate(lines(root, path), 1):
        if number not in fenced and (heading := re.match(r"#{1,6} +(.*?)[# ]*$", line)):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            found.add(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return found


def links(root):
    """A link from a page to a file of the tree, or to a heading of a page, finds it."""
    complaints = []
    pages = files(root, "*.md", under="docs") + [path for path in files(root, "*.md") if path.count("/") <= 1]
    for path in sorted(set(pages)):
        for number, line in prose(root, path):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                there = (Path(root) / path).parent / file if file else Path(root) / path
                if not there.exists():
                    complaints.append(f"{path}:{number}: {file} does not exist")
                elif anchor and there.suffix == ".md":
                    if anchor not in anchors(root, there.resolve().relative_to(Path(root).resolve()).as_posix()):
                        complaints.append(f"{path}:{number}: {target} leads to no heading")
    return complaints


def words_of_code(text):
    """The words in code, be it between backticks or in a block, and in headings."""
    code = re.findall(r"^```.*?^```|`(?:[^`\n]|\n(?!\n))+`|^#+ [^\n]*$", text, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\w+", " ".join(code)))


def sections(text):
    """(heading, the text below it up to the next heading that is not deeper) for each heading of a page."""
    text = re.sub(r"^```.*?^```", lambda block: block[0].replace("#", " "), text, flags=re.DOTALL | re.MULTILINE)
    headings = list(re.finditer(r"^(#+) (.*)$", text, re.MULTILINE))
    for number, heading in enumerate(headings):
        after = (other.start() for other in headings[number + 1 :] if len(other[1]) <= len(heading[1]))
        yield heading[2], text[heading.start() : next(after, len(text))]


def missing_names(page, names):
    """The names that do not stand on a page, in code. A class with a heading of its own has its members below it."""
    everything = words_of_code(page)
    parts = [(set(re.findall(r"\w+", heading)), words_of_code(text)) for heading, text in sections(page)]
    for owner, name in names:
        below = [words for heading, words in parts if owner in heading]
        if f"{owner}::{name}" in page or any(name in words for words in below or [everything]):
            continue
        yield f"{owner}::{name}" if owner else name


def reference(root):
    """Each public name of a header for users stands on that header's page, or on that of one before it."""
    complaints, told = [], set()
    for header, page in REFERENCE.items():
        page = f"docs/reference/{page}"
        missing = [path for path in (page, f"parley/{header}") if not (Path(root) / path).exists()]
        complaints += [f"{path} is missing" for path in missing]
        if missing:
            continue
        included = [name for _, name in includes(root, f"parley/{header}") if name.startswith("parley/")]
        text = "\n".join(lines(root, page))
        for path in included:
            if path not in told:
                for name in missing_names(text, public_names("\n".join(lines(root, path)))):
                    complaints.append(f"{page}: {name} is missing ({path})")
        told.update(included)
    return complaints


def example_length(root):
    """An example is read at one glance."""
    complaints = []
    for path in files(root, "*.cpp", under="examples"):
        longest = LONGER_EXAMPLES.get(Path(path).name, LONGEST_EXAMPLE)
        if len(lines(root, path)) > longest:
            complaints.append(f"{path}: {len(lines(root, path))} lines, of which {longest} are allowed")
    return complaints
