"""The stubs say what the module has, and everything has a docstring and annotations."""

import ast
import inspect
from pathlib import Path

import pytest

import collapipe
from collapipe import _core

FOLDER = Path(collapipe.__file__).parent
STUBS = ast.parse((FOLDER / "_core.pyi").read_text())
# What every class has from object, or pyo3 adds by itself.
INHERITED = set(dir(object)) | {"__len__", "__module__"}


def parameters(function):
    """Names of a stub's parameters, without self."""
    of = function.args
    names = [argument.arg for argument in (*of.posonlyargs, *of.args, *of.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def real_parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def in_stubs(of):
    return {node.name: node for node in of.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}


def test_py_typed_is_there():
    assert (FOLDER / "py.typed").exists() and (FOLDER / "_core.pyi").exists()


def test_the_module_has_what_the_stubs_say_and_no_more():
    real = {name for name in dir(_core) if not name.startswith("__")}
    assert real == set(in_stubs(STUBS))
    assert "__version__" in dir(_core)


@pytest.mark.parametrize("name", sorted(in_stubs(STUBS)))
def test_stubs(name):
    stub, real = in_stubs(STUBS)[name], getattr(_core, name)
    if isinstance(stub, ast.FunctionDef):
        assert parameters(stub) == real_parameters(real)
        return
    if issubclass(real, BaseException):
        bases = [base.id for base in stub.bases]
        assert bases == [base.__name__ for base in real.__bases__] and real.__doc__
        annotated = [of.target.id for of in stub.body if isinstance(of, ast.AnnAssign)]
        assert all(hasattr(real, attribute) for attribute in annotated)
        return
    members = in_stubs(stub)
    public = {member for member in dir(real) if member not in INHERITED or member in real.__dict__ and member == "__len__"}
    public -= {"__doc__", "__new__", "__repr__"}
    assert public == set(members) - {"__init__"}
    for member, of in members.items():
        if member == "__init__":
            assert parameters(of) == real_parameters(real)
            continue
        found = inspect.getattr_static(real, member)
        decorators = {decorator.id for decorator in of.decorator_list}
        assert ("property" in decorators) == inspect.isgetsetdescriptor(found), member
        assert ("staticmethod" in decorators) == isinstance(found, staticmethod), member
        if "property" not in decorators and member != "__len__":
            assert parameters(of) == real_parameters(getattr(real, member)), member


def public():
    for name in collapipe.__all__:
        of = getattr(collapipe, name)
        if name != "__version__":
            yield name, of
        if inspect.isclass(of) and of.__module__.startswith("collapipe."):
            for member, value in vars(of).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, (property, classmethod))):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize("name", [name for name, _ in public()])
def test_everything_public_is_documented_and_typed(name):
    of = dict(public())[name]
    assert inspect.getdoc(of), name
    function = of.fget if isinstance(of, property) else of.__func__ if isinstance(of, classmethod) else of
    if inspect.isfunction(function):
        signature = inspect.signature(function)
        assert signature.return_annotation is not inspect.Signature.empty
        untyped = [name for name, of in signature.parameters.items() if name not in ("self", "cls") and of.annotation is of.empty]
        assert not untyped


def test_all_names_are_there():
    assert set(collapipe.__all__) <= set(dir(collapipe))
    pytest.importorskip("ray")  # what the one module that is not imported by itself needs
    from collapipe import ray

    assert {"compare", "sweep", "reproduce"} <= set(dir(ray))
