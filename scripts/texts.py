#!/usr/bin/env python3
"""Prints every text of the product that a person may read, as `file:line: text`, to be read from top to end.

    python3 scripts/texts.py [folder or file …]

These are strings of two words or more in Rust (errors, logs, `sidetone check`, HTTP problems), the command line's help,
the description of the API, strings and text of the web pages, and the comments of agents' files and of files to deploy
with. Strings of tests, SQL and code are left out as far as their form shows it.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_SHIPPED = re.compile(r"(^|/)(tests?|testkit|benches|fixtures|examples|node_modules|dist)(/|\.rs$|\.ts$)|build\.rs$")
RUST = re.compile(
    r"""(?P<skip>//[^\n]*|/\*.*?\*/|'(?:\\.|[^\\'])'|\bb"(?:\\.|[^"\\])*")"""
    r"""|r(?P<hash>\#*)"(?P<raw>.*?)"(?P=hash)|"(?P<text>(?:\\.|[^"\\])*)\"""",
    re.S,
)
WEB = re.compile(
    r"""(?P<skip>//[^\n]*|/\*.*?\*/|<!--.*?-->)"""
    r"""|"(?P<text>(?:\\.|[^"\\\n])*)"|`(?P<tick>(?:\\.|[^`\\])*)`|>(?P<between>[^<>{}=;]+)<""",
    re.S,
)
SQL = re.compile(
    r"^\(?\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|AND|OR|WHERE|SET|ON|JOIN|LEFT|ORDER|FROM|CASE|GROUP|"
    r"UNION|LIMIT|PRAGMA|BEGIN|VALUES|FOR|EXISTS|NOT|COALESCE|EXPLAIN|RETURNING|HAVING|LOCK|IS|IN)\b"
)


def whole(text):
    """One line of it: continued lines joined."""
    return re.sub(r"\s+", " ", re.sub(r"\\\n\s*", "", text)).strip()


def is_prose(text):
    return len(re.findall(r"[^\W\d_]{2,}", text)) >= 2 and " " in text.strip() and not SQL.match(text)


def strings(source, pattern):
    """Line and text of each string that reads as prose."""
    for found in pattern.finditer(source):
        text = next((v for k, v in found.groupdict().items() if k not in ("skip", "hash") and v is not None), None)
        if text is not None and is_prose(whole(text)):
            yield source.count("\n", 0, found.start()) + 1, whole(text)


def comments(source, sign):
    """Line and text of each block of comments."""
    block, first = [], 0
    for number, line in enumerate(source.splitlines() + [""], 1):
        if line.strip().startswith(sign):
            block, first = block + [line.strip().lstrip(sign).strip()], first or number
        elif block:
            yield first, whole(" ".join(block))
            block, first = [], 0


def texts(path, source):
    if path.endswith(".rs"):
        product = re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", source)[0]
        yield from strings(product, RUST)
        if re.search(r"derive\([^)]*\b(Parser|Args|Subcommand|ValueEnum|ToSchema|IntoParams)\b|utoipa::path", product):
            yield from comments(product, "///")
    elif path.startswith("web/") and path.endswith((".ts", ".tsx", ".html")):
        yield from strings(source, WEB)
    elif path.startswith(("agent-config/", "deploy/", "docs/ops/")) and not path.endswith((".md", ".json")):
        yield from comments(source, "#")


def main():
    tracked = subprocess.run(["git", "ls-files", *sys.argv[1:]], cwd=ROOT, capture_output=True, text=True, check=True)
    for path in tracked.stdout.split("\n"):
        if path and not NOT_SHIPPED.search(path) and (ROOT / path).is_file():
            try:
                source = (ROOT / path).read_text()
            except UnicodeDecodeError:
                continue
            for line, text in sorted(texts(path, source)):
                print(f"{path}:{line}: {text}")


if __name__ == "__main__":
    main()
