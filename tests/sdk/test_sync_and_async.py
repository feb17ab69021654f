"""The two clients are the same, and the generated one is up to date."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import monogram_sdk
import monogram_sdk.local
import monogram_sdk.models
from monogram_sdk import AsyncMonogram, Monogram
from tests.support.resources import resources

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "unasync.py"


@pytest.fixture(scope="module")
def unasync() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("unasync", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public(value: object) -> dict[str, object]:
    """Return the public methods and properties of a class."""
    names = [name for name in dir(value) if not name.startswith("_") or name in ("__enter__", "__aenter__")]
    return {name: inspect.getattr_static(value, name) for name in names}


def test_the_generated_files_are_up_to_date() -> None:
    run = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture
def elsewhere(unasync: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one source that uses a single rule."""
    source = tmp_path / "package" / "_async"
    source.mkdir(parents=True)
    (source / "a.py").write_text("async def f() -> None:\n    pass\n")
    monkeypatch.setattr(unasync, "ROOT", tmp_path)
    monkeypatch.setattr(unasync, "FOLDERS", ("package",))
    monkeypatch.setattr(unasync, "RULES", [(r"\basync (def)\b", r"\1")])
    monkeypatch.setattr(sys, "argv", ["unasync.py"])
    return tmp_path / "package"


def test_generating_is_checked(unasync: ModuleType, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> int:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["unasync.py", "--check"])
            result: int = unasync.main()
            return result

    assert check() == 1, "nothing has been generated"
    assert unasync.main() == 0 and check() == 0
    generated = elsewhere / "_sync" / "a.py"
    assert generated.read_text().endswith("def f() -> None:\n    pass\n")
    assert "package/_async/a.py" in generated.read_text().splitlines()[0]
    generated.write_text(generated.read_text() + "\n# changed\n")
    assert check() == 1, "somebody changed it"
    assert unasync.main() == 0
    orphan = elsewhere / "_sync" / "orphan.py"
    orphan.write_text("")
    assert check() == 1, "its source is gone"
    assert unasync.main() == 0 and not orphan.exists()
    (elsewhere / "_async" / "a.py").write_text("async def f() -> None:\n    '''Use await.'''\n")
    assert unasync.main() == 1, "something async is left over"
    (elsewhere / "_async" / "a.py").write_text("def f() -> None:\n    pass\n")
    assert unasync.main() == 1, "a rule never applies"


def test_both_clients_have_the_same_calls(unasync: ModuleType) -> None:
    def sync(text: str) -> str:
        converted: str = unasync.convert(text, set())
        return converted

    def normal(text: str) -> str:
        return " ".join(text.split())

    with Monogram(url="http://127.0.0.1:1", key="sb_publishable_x") as client:
        other = AsyncMonogram(url="http://127.0.0.1:1", key="sb_publishable_x")
        pairs = [(Monogram, AsyncMonogram), (monogram_sdk.Pages, monogram_sdk.AsyncPages)]
        names = ("EventFeed", "ResponseFeed", "Room")
        pairs += [(getattr(monogram_sdk, name), getattr(monogram_sdk, f"Async{name}")) for name in names]
        assert sorted(resources(client)) == sorted(resources(other))
        pairs += [(type(resources(client)[name]), type(resources(other)[name])) for name in resources(client)]
    for one, two in pairs:
        assert f"Async{one.__name__}" == two.__name__
        assert normal(one.__doc__ or "") == normal(sync(two.__doc__ or ""))
        expected = {sync(name) for name in public(two)}
        assert set(public(one)) == expected
        for name, method in public(two).items():
            twin = public(one)[sync(name)]
            assert normal(inspect.getdoc(twin) or "") == normal(sync(inspect.getdoc(method) or "")), name
            if inspect.isfunction(method) and inspect.isfunction(twin):
                assert str(inspect.signature(twin)) == sync(str(inspect.signature(method))), name


def test_every_public_call_is_documented() -> None:
    with Monogram(url="http://127.0.0.1:1", key="sb_publishable_x") as client:
        for resource in resources(client).values():
            for name, method in public(type(resource)).items():
                doc = inspect.getdoc(method) or ""
                assert doc, f"{type(resource).__name__}.{name}"
                if not inspect.isfunction(method):
                    continue
                named = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
                if "Args:" in doc:
                    missing = [parameter for parameter in named if f"{parameter}:" not in doc]
                    assert missing == [], f"{type(resource).__name__}.{name}"


def test_every_method_that_is_awaited_is_marked_as_a_call() -> None:
    """Without the mark its requests would each have a deadline of their own, and its span no name."""
    client = AsyncMonogram(url="http://127.0.0.1:1", key="sb_publishable_x")
    methods = [
        (name, method)
        for name, resource in resources(client).items()
        for method in public(type(resource)).values()
        if inspect.iscoroutinefunction(method)
    ]
    assert len(methods) > 100
    for resource, method in methods:
        if (resource, method.__name__) == ("auth", "export"):  # Takes as long as there are pages and files.
            continue
        marked = inspect.unwrap(method)
        assert marked is not method, f"{resource}.{marked.__name__} lacks @async_call"


PACKAGES = [monogram_sdk, monogram_sdk.models, monogram_sdk.local]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_what_is_public_is_listed_in_order_and_is_what_type_checkers_see(package: ModuleType) -> None:
    names: list[str] = package.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    tree = ast.parse(Path(package.__file__ or "").read_text())
    (declared,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen: dict[str, object] = {}
    for statement in declared.body:
        assert isinstance(statement, ast.ImportFrom)
        module = importlib.import_module(statement.module or "")
        for alias in statement.names:
            submodule = f"{module.__name__}.{alias.name}"
            seen[alias.name] = sys.modules.get(submodule) or getattr(module, alias.name)
    assert set(seen) == set(names) <= set(dir(package))
    assert all(getattr(package, name) is seen[name] for name in names)
    assert getattr(package, "no_such_name", None) is None
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


def test_making_clients_warns_of_nothing() -> None:
    code = (
        "from monogram_sdk import Monogram, AsyncMonogram\n"
        "with Monogram(url='http://127.0.0.1:1', key='sb_publishable_x'): pass\n"
        "AsyncMonogram(url='http://127.0.0.1:1', key='sb_publishable_x')\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
