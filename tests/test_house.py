"""The house keeps its floors: imports go down only, none hides in a function, and nothing grows too large."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hitl_jupyter"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

# Room → the rooms it may import. A room is a folder or a module of the package; `messages` is link/messages.py alone.
WORDS = {
    "errors", "protocol", "states", "snapshot", "summary", "wording", "tables", "final_output", "masking", "projection",
    "forms", "questions", "version", "kernel_launch",
}  # fmt: skip
MAY_IMPORT: dict[str, set[str]] = {
    "version": set(),
    "errors": set(),
    "kernel_launch": set(),
    "protocol": {"errors", "kernel_launch"},
    "states": {"protocol"},
    "snapshot": {"protocol", "states"},
    "summary": {"protocol", "snapshot"},
    "wording": {"protocol", "snapshot"},
    "tables": set(),
    "final_output": {"snapshot", "tables", "wording"},
    "masking": {"errors"},
    "projection": {"errors"},
    "forms": {"errors", "masking", "projection"},
    "questions": {"errors", "protocol", "snapshot"},
    "scripts": WORDS,
    "author": {*WORDS, "messages"},
    "link": WORDS,
    "worker": {*WORDS, "author", "link"},
    "journal": WORDS,
    "launchers": {*WORDS, "link"},
    "engine": {*WORDS, "link", "journal", "launchers"},
    "server": {*WORDS, "link", "engine", "journal", "launchers"},
    "notebook": {*WORDS, "link", "engine", "journal", "launchers", "author", "worker", "scripts"},
    "terminal": {*WORDS, "notebook", "scripts"},
    "testing": {*WORDS, "author", "notebook", "scripts"},
    "demo": {"__init__"},
    "__init__": {*WORDS, "author", "notebook", "server"},
}

# Outside libraries that belong to one floor. Everything else may be used by everybody.
ONLY_IN: dict[str, set[str]] = {
    "tornado": {"server"},
    "jupyter_server": {"server"},
    "ipywidgets": {"notebook"},
    "anywidget": {"notebook"},
    "click": {"terminal"},
    "rich": {"terminal"},
    "httpx": {"notebook"},
    "websocket": {"notebook"},
    "apsw": {"journal"},
    "cloudpickle": {"author", "worker", "notebook"},
    "pytest": {"testing"},
    "yaml": {"scripts"},
    "IPython": {"author", "worker", "notebook", "__init__"},
    "pydantic": {"forms", "author", "worker", "notebook", "demo"},
}

# What the process that serves everybody must never load: user code's floor, and what opens user code.
NEVER_IN_THE_SERVER = (
    "cloudpickle", "pandas", "numpy", "matplotlib", "sklearn", "torch", "ipywidgets", "anywidget",
    "pydantic", "hitl_jupyter.forms", "hitl_jupyter.author", "hitl_jupyter.worker", "hitl_jupyter.notebook",
    "hitl_jupyter.demo",
)  # fmt: skip


def room_of(path: Path) -> str:
    """The room a file of the package stands in."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def room_named(module: str) -> str:
    """The room that an imported module of the package is in."""
    parts = module.split(".")
    if parts[1:3] == ["link", "messages"]:
        return "messages"
    return parts[1] if len(parts) > 1 else "__init__"


def allowed_in(room: str) -> set[str]:
    """The rooms that a room may import: itself, its row of the table, and with ``link`` its messages."""
    allowed = MAY_IMPORT[room] | {room}
    return allowed | {"messages"} if "link" in allowed else allowed


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module's full name, with the line; ``from package import room`` counts as the room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((_source(node.module or "", alias.name), node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _is_late(node):
            yield str(ast.literal_eval(node.args[0])), node.lineno


def _is_late(call: ast.Call) -> bool:
    """``heavy("module")`` imports late, and is an import all the same."""
    return isinstance(call.func, ast.Name) and call.func.id == "heavy" and isinstance(call.args[0], ast.Constant)


def _source(module: str, name: str) -> str:
    inside = PACKAGE.parent / module.replace(".", "/") / name
    is_module = module.startswith("hitl_jupyter") and (inside.is_dir() or inside.with_suffix(".py").exists())
    return f"{module}.{name}" if is_module else module


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function, methods and nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def named(path: Path) -> str:
    """A file's name in a test's id."""
    return str(path.relative_to(ROOT))


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.fixture(params=MODULES, ids=named)
def module(request: pytest.FixtureRequest) -> Path:
    """Each module of the package in turn."""
    path: Path = request.param
    return path


@pytest.fixture
def tree(module: Path) -> ast.AST:
    """Its syntax tree."""
    return ast.parse(module.read_text(), str(module))


def test_imports_go_down_the_floors_only(module: Path, tree: ast.AST) -> None:
    allowed = allowed_in(room_of(module))
    wrong = [
        f"{named(module)}:{line} imports {name}"
        for name, line in imports(tree)
        if name.split(".")[0] == "hitl_jupyter" and room_named(name) not in allowed
    ]
    assert not wrong


def test_a_library_stays_on_its_floor(module: Path, tree: ast.AST) -> None:
    room = room_of(module)
    wrong = [
        f"{named(module)}:{line} imports {name}"
        for name, line in imports(tree)
        if room not in ONLY_IN.get(name.split(".")[0], {room})
    ]
    assert not wrong


def test_no_import_statement_hides_in_a_function(module: Path, tree: ast.AST) -> None:
    statements = [
        f"{named(module)}:{node.lineno}"
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert room_of(module) == "__init__" or not statements, "an import that must hide is on the wrong floor"


def test_no_file_is_longer_than_one_can_keep_in_mind(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_FILE


def test_no_function_is_longer_than_a_screen(tree: ast.AST) -> None:
    too_long = {function.name: body_length(function) for function in functions(tree)}
    assert not {name: lines for name, lines in too_long.items() if lines > LONGEST_FUNCTION}


def test_names_are_never_mangled(tree: ast.AST) -> None:
    mangled = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_mangled(node.attr)]
    assert not mangled


def _is_mangled(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def test_every_room_is_in_the_table() -> None:
    assert {room_of(path) for path in MODULES} <= MAY_IMPORT.keys()


def test_no_room_shares_its_name_with_a_public_function() -> None:
    lazily = re.findall(r'^\s+"(\w+)":', (PACKAGE / "__init__.py").read_text(), re.MULTILINE)
    assert not set(lazily) & (MAY_IMPORT.keys() - {"__init__"})


def test_the_server_process_never_loads_what_opens_user_code() -> None:
    look = f"import sys, hitl_jupyter.server.extension; print([m for m in {NEVER_IN_THE_SERVER!r} if m in sys.modules])"
    assert _run(look) == "[]"


def test_a_worker_starts_without_anything_heavy() -> None:
    heavy = (
        "jupyter_server",
        "tornado",
        "IPython",
        "pandas",
        "matplotlib",
        "apsw",
        "ipywidgets",
        "hitl_jupyter.engine",
    )
    look = f"import sys, hitl_jupyter.worker.main; print([m for m in {heavy!r} if m in sys.modules])"
    assert _run(look) == "[]"


def test_importing_the_package_loads_nothing_of_it() -> None:
    look = "import sys, hitl_jupyter; print([m for m in sys.modules if m.startswith('hitl_jupyter.')])"
    assert _run(look) in ("[]", "['hitl_jupyter.version']")


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_dependency_is_declared_and_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=]", line)[0].replace("-", "_") for line in project["dependencies"]}
    used = {name.split(".")[0] for path in MODULES for name, _ in imports(ast.parse(path.read_text()))}
    modules = {"websocket_client": "websocket", "pyyaml": "yaml"}
    through_another = {"ipywidgets"}  # what anywidget stands on; its version is that of the browser's half
    assert {modules.get(name, name) for name in declared} - through_another <= used
