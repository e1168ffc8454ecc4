"""Measure the shape of the code and hold its bars; exits with 1 when one is crossed.

    python -m hms.dev.checks.shape                    measure, compare, print
    python -m hms.dev.checks.shape --coverage FILE    also print the branch coverage of this
                                                      report (`coverage json`)
    python -m hms.dev.checks.shape --shrink           take what is mended off the list of debts

`shape_debts.toml`, beside this file, lists the offences that the tree still has. A new offence
fails, and an offence that has gone fails until it is off the list, so the list only gets shorter.
"""

import argparse
import ast
import json
import re
import statistics
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from hms.dev.layout import ROOT

APPS = ("hms", "notifications", "users", "availability", "calendar_integration", "bookings")
PRODUCTION = (*APPS, "serverless")
DEBTS = Path(__file__).with_name("shape_debts.toml")

MOST_FILES_AT_A_ROOT = 12  # __init__.py not counted
LONGEST_TEMPLATE_LINE = 160  # characters, indentation included
MEDIAN_FUNCTION_LINES = 6
P90_FUNCTION_LINES = 18
# A framework finds these classes by their name.
SHARED_CLASS_NAMES = {"Command", "Migration"}
BANNED_WORDS = {"room", "house", "told", "said", "kept", "stands", "wants"}
# What people must not read: the words to look for, and the term of docs/glossary.md to use.
SPELLINGS = {
    "email": r"e-mails?|mails?",
    "staff": r"clerks?",
    "appointment": r"visits?",
    "log in": r"sign(?:s|ed|ing)?[ -]in",
    "log out": r"sign(?:s|ed|ing)?[ -]out",
    "time off": r"times off",
    "reschedule": r"mov(?:e|es|ed|ing) (?:the|this|a|an|your|my) (?:appointment|booking|visit)s?",
    "cancel, withdraw or undo": r"(?:take|takes|taken|took|taking)(?: it| them)? back",
}

Sources = Mapping[str, str]  # path, relative to the project's root -> text
Offences = dict[str, int]  # where -> how often, or how much


class Shape(NamedTuple):
    """All offences by rule, and lines of figures to print."""

    offences: dict[str, Offences]
    figures: list[str]


# What is read


def python_sources(root: Path = ROOT) -> Sources:
    """Python files of production: no tests, no migrations, no installed packages."""
    return {
        path: text
        for path, text in _read(root, PRODUCTION, ".py")
        if not {"tests", "migrations"}.intersection(Path(path).parts)
        and Path(path).name != "conftest.py"
    }


def sources_of_tests(root: Path = ROOT) -> Sources:
    found = {
        path: text
        for path, text in _read(root, (*PRODUCTION, "tests"), ".py")
        if "tests" in Path(path).parts
    }
    return found | {"conftest.py": (root / "conftest.py").read_text(encoding="utf-8")}


def template_sources(root: Path = ROOT) -> Sources:
    return {
        **dict(_read(root, ("templates", "serverless"), ".html")),
        **dict(_read(root, ("templates",), ".txt")),
    }


def catalogue_messages(root: Path = ROOT) -> dict[str, list[str]]:
    """Our own English messages in every catalogue, plural forms included, by its path."""
    found = {}
    for po in sorted([*root.glob("locale/*/*/*.po"), *root.glob("serverless/locale/*/*/*.po")]):
        with po.open("rb") as file:
            ids = [one.id for one in read_po(file) if one.id and not _is_of_a_library(one)]
        found[str(po.relative_to(root))] = [
            text for one in ids for text in ((one,) if isinstance(one, str) else one)
        ]
    return found


def _is_of_a_library(message: Message) -> bool:
    """Django and allauth choose these English words; our catalogues only translate them."""
    homes = [str(file) for file, _line in message.locations]
    return bool(homes) and all(home.startswith(("django/", "allauth/")) for home in homes)


def root_files(root: Path = ROOT) -> dict[str, list[str]]:
    """The names of the files directly in each app's folder."""
    return {
        app: sorted(path.name for path in (root / app).iterdir() if path.is_file()) for app in APPS
    }


def _read(root: Path, folders: Iterable[str], suffix: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((root / folder).rglob(f"*{suffix}")):
            name = path.relative_to(root)
            if not any(part == "node_modules" or part.startswith(".") for part in name.parts):
                yield str(name), path.read_text(encoding="utf-8")


# The rules


def crowded_roots(files: Mapping[str, list[str]]) -> Offences:
    """Apps with more files at their root than allowed -> number of files."""
    counts = {app: len(set(names) - {"__init__.py"}) for app, names in files.items()}
    return {app: count for app, count in counts.items() if count > MOST_FILES_AT_A_ROOT}


def import_circles(sources: Sources) -> Offences:
    """Groups of modules that import each other, directly or through others.

    Imports inside functions and under TYPE_CHECKING count.
    """
    graph = _import_graph(sources)
    return {" ↔ ".join(sorted(group)): 1 for group in _strong_components(graph) if len(group) > 1}


def doubled_classes(sources: Sources) -> Offences:
    """Top-level classes whose name another module uses too."""
    homes: dict[str, list[str]] = {}
    for path, text in sources.items():
        for node in _parsed(text).body:
            if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASS_NAMES:
                homes.setdefault(node.name, []).append(path)
    return {
        f"{name} in {path}": 1 for name, paths in homes.items() if len(paths) > 1 for path in paths
    }


def long_template_lines(sources: Sources) -> Offences:
    """Templates -> number of their lines that are too long."""
    counts = {
        path: sum(len(line) > LONGEST_TEMPLATE_LINE for line in text.splitlines())
        for path, text in sources.items()
    }
    return {path: count for path, count in counts.items() if count}


def function_lines(sources: Sources) -> list[int]:
    """The length of every function, from `def` to its end, without docstring and blank lines."""
    return [
        _length(node, text.splitlines())
        for text in sources.values()
        for node in ast.walk(_parsed(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def long_functions(lines: list[int]) -> Offences:
    """The bars for the functions of the whole tree that are crossed -> by what value."""
    median, p90 = statistics.median(lines), percentile(lines, 90)
    bars = {"median": (median, MEDIAN_FUNCTION_LINES), "p90": (p90, P90_FUNCTION_LINES)}
    return {name: round(value) for name, (value, bar) in bars.items() if value > bar}


def banned_names(sources: Sources) -> Offences:
    """Names given by production code that hold a banned word -> how often in that file.

    Exempt are names of tasks, which lie in the queue, and of database columns.
    """
    trees = {path: _parsed(text) for path, text in sources.items()}
    columns = {name for tree in trees.values() for name in _columns(tree)}
    found: Counter[str] = Counter()
    for path, tree in trees.items():
        names = [part for part in Path(path).with_suffix("").parts if _is_banned(part)]
        names += [name for name in _given_names(tree) if _is_banned(name) and name not in columns]
        found.update(f"{name} in {path}" for name in names)
    return dict(found)


def wrong_spellings(messages: Mapping[str, Iterable[str]]) -> Offences:
    """Sentences for people that use another word than the glossary's -> how often in that file."""
    found: Counter[str] = Counter()
    for path, texts in messages.items():
        for term, pattern in SPELLINGS.items():
            wrong = re.compile(rf"(?<![\w@.-])(?:{pattern})(?![\w@-])", re.IGNORECASE)
            hits = sum(len(wrong.findall(_without_placeholders(text))) for text in texts)
            if hits:
                found[f"{path} says something else than: {term}"] = hits
    return dict(found)


def template_messages(sources: Sources) -> dict[str, list[str]]:
    """The sentences marked for translation in each template."""
    return {
        path: [text for match in _MARKED.finditer(source) if (text := match["one"] or match["all"])]
        for path, source in sources.items()
    }


def percentile(values: list[int], percent: int) -> int:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


# How the rules look at the code


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


_MARKED = re.compile(
    r"""\{%\s*translate\s+(?P<quote>["'])(?P<one>.*?)(?P=quote)"""
    r"""|\{%\s*blocktranslate\b.*?%\}(?P<all>.*?)\{%\s*endblocktranslate""",
    re.DOTALL,
)
_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}|\{\{.*?\}\}|\{%.*?%\}|<[^>]*>")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _without_placeholders(text: str) -> str:
    return _PLACEHOLDER.sub(" ", text)


def _is_banned(name: str) -> bool:
    return any(word.lower() in BANNED_WORDS for word in _WORDS.findall(name))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    assert node.end_lineno is not None
    numbers = set(range(node.lineno, node.end_lineno + 1))
    if ast.get_docstring(node, clean=False) is not None:
        docstring = node.body[0]
        assert docstring.end_lineno is not None
        numbers -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return sum(bool(lines[number - 1].strip()) for number in numbers)


def _given_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not _is_task(node):
                yield node.name
            case ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.alias(asname=str(name)):
                yield name


def _is_task(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    called = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
    return any(isinstance(one, ast.Attribute) and one.attr == "task" for one in called)


def _columns(tree: ast.Module) -> Iterator[str]:
    """The names that a class body gives to fields of a model."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for part in node.body:
            if isinstance(part, ast.Assign) and _is_model_field(part.value):
                yield from (target.id for target in part.targets if isinstance(target, ast.Name))


def _is_model_field(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and isinstance(value.func.value, ast.Name)
        and value.func.value.id == "models"
    )


def _import_graph(sources: Sources) -> dict[str, set[str]]:
    modules = {_module_name(path): path for path in sources}
    return {
        name: {
            target
            for imported in _imported(_parsed(sources[path]), name, path.endswith("__init__.py"))
            if (target := _nearest(imported, modules)) is not None and target != name
        }
        for name, path in modules.items()
    }


def _module_name(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def _nearest(name: str, modules: Mapping[str, str]) -> str | None:
    """`bookings.models.Booking` is a name in the module `bookings.models`."""
    if name in modules:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in modules else None


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            up = node.level - is_package
            base = ".".join(parts[: len(parts) - up]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _strong_components(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Tarjan's algorithm: the largest groups in which every module reaches every other."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = lowest[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
            if target in stack:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == index[node]:
            at = stack.index(node)
            groups.append(set(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return groups


# The whole


def measured(root: Path = ROOT, coverage: Path | None = None) -> Shape:
    production, templates = python_sources(root), template_sources(root)
    lengths = function_lines(production)
    offences = {
        "files at an app's root": crowded_roots(root_files(root)),
        "import circles": import_circles(production),
        "doubled class names": doubled_classes(production),
        "long template lines": long_template_lines(templates),
        "function lines": long_functions(lengths),
        "words in names": banned_names(production),
        "spellings in sentences": wrong_spellings(
            template_messages(templates) | catalogue_messages(root)
        ),
    }
    return Shape(offences, _figures(root, production, lengths, coverage))


def _figures(
    root: Path, production: Sources, lengths: list[int], coverage: Path | None
) -> list[str]:
    code, tests = _code_lines(production), _code_lines(sources_of_tests(root))
    tools = _code_lines({p: text for p, text in production.items() if p.startswith("hms/dev/")})
    figures = [
        *(f"{app}: {len(names)} files at its root" for app, names in root_files(root).items()),
        f"functions: {len(lengths)}, median {statistics.median(lengths):g} lines, "
        f"p90 {percentile(lengths, 90)}, longest {max(lengths)}",
        f"test lines for each line of code: {tests / code:.2f} "
        f"({tests / (code - tools):.2f} without hms/dev)",
    ]
    return figures if coverage is None else [*figures, branch_coverage(coverage)]


def branch_coverage(report: Path) -> str:
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    covered, branches = totals["covered_branches"], totals["num_branches"]
    return f"branch coverage: {100 * covered / max(branches, 1):.1f} % of {branches} branches"


def _code_lines(sources: Sources) -> int:
    return sum(bool(line.strip()) for text in sources.values() for line in text.splitlines())


def read_debts(path: Path = DEBTS) -> dict[str, Offences]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def complaints(offences: Mapping[str, Offences], debts: Mapping[str, Offences]) -> list[str]:
    """What differs from the list of debts: one line for each offence that is new or gone."""
    lines = []
    for rule in sorted({*offences, *debts}):
        found, listed = offences.get(rule, {}), debts.get(rule, {})
        for where in sorted({*found, *listed}):
            now, then = found.get(where, 0), listed.get(where, 0)
            if now > then:
                lines.append(f"{rule}: {where} ({now}, listed {then})")
            elif now < then:
                lines.append(f"{rule}: {where} is mended ({now}, listed {then}); run --shrink")
    return lines


def shrunk(offences: Mapping[str, Offences], debts: Mapping[str, Offences]) -> dict[str, Offences]:
    """The debts without what is mended; never more than before."""
    return {
        rule: {
            where: min(count, offences.get(rule, {}).get(where, 0))
            for where, count in listed.items()
            if offences.get(rule, {}).get(where, 0)
        }
        for rule, listed in debts.items()
    }


def write_debts(debts: Mapping[str, Offences], path: Path = DEBTS) -> None:
    lines = ["# Offences that hms/dev/checks/shape.py still accepts. This list only gets shorter."]
    for rule, listed in debts.items():
        if listed:
            lines += ["", f"[{json.dumps(rule)}]"]
            lines += [
                f"{json.dumps(where, ensure_ascii=False)} = {count}"
                for where, count in sorted(listed.items())
            ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure the shape of the code, hold its bars.")
    parser.add_argument("--coverage", type=Path, help="a report written by `coverage json`")
    parser.add_argument("--shrink", action="store_true", help="take what is mended off the list")
    options = parser.parse_args(arguments)
    shape = measured(coverage=options.coverage)
    debts = read_debts()
    if options.shrink:
        debts = shrunk(shape.offences, debts)
        write_debts(debts)
    lines = complaints(shape.offences, debts)
    left = sum(len(listed) for listed in debts.values())
    print(*shape.figures, f"debts: {left}", *lines, sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
