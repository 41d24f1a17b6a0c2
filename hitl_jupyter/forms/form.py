"""Forms of Python types: what to show, and how to turn what comes back into the author's own value."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import to_json

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.forms.choices import Choices
from hitl_jupyter.forms.docstrings import parameter_docs
from hitl_jupyter.forms.layout import fields_of, split_layout
from hitl_jupyter.forms.schema import FormSchema, ParameterSchema, adapter_of, is_object, json_schema, no_form
from hitl_jupyter.forms.specs import model_of, portable
from hitl_jupyter.forms.words import field_errors
from hitl_jupyter.masking import secret_texts, without_secrets
from hitl_jupyter.projection import project

Text = Annotated[str, Field(json_schema_extra={"ui:widget": "textarea"})]
"""A text of several lines: ``body: Text``."""

VALUE = "value"
"""The one field of a form whose type is not an object."""


@dataclass(frozen=True)
class Form:
    """A form: what a browser needs to show it, and the check of what comes back.

    Attributes
    ----------
    schema
        JSON Schema of an object, the same under drafts 7 and 2020-12 unless the type is recursive.
    ui_schema
        Layout hints; always with ``ui:order``.
    fields
        The same as the proof of concept's list of ``{name, description, type, value, required, …}``.
    initial
        What to fill in at first, or None; never with a secret in it.
    check
        Raw JSON values to the author's value; raises ``InvalidValues`` with an error per field.
    """

    schema: dict[str, Any]
    ui_schema: dict[str, Any]
    fields: list[dict[str, Any]]
    initial: dict[str, Any] | None
    check: Callable[[dict[str, Any]], Any]


def form_for(spec: Any, *, initial: Any = None, title: str | None = None) -> Form:
    """The form of a type.

    Parameters
    ----------
    spec
        A pydantic model, a dataclass, a ``TypedDict``; or a builtin type, ``date``, ``list[…]``, ``Literal``, an
        ``Enum``, any of them in ``Optional`` or ``Annotated`` with pydantic's limits; or a list of
        ``{name, type, description?, title?, value?, required?, options?, minimum?, maximum?, min_length?,
        max_length?, pattern?}`` with the types string, text, int, float, bool, enum, multi, date and secret. What is
        not an object by itself becomes the one field ``value``.
    initial
        What to fill in at first: an instance, or a dict, which may be partial.
    title
        The heading of the form, or the label of its one field.

    Raises
    ------
    TypeError
        No form can be made of the type.
    ValueError
        A field list is not well-formed.

    Examples
    --------
    >>> form = form_for(Annotated[int, Field(ge=1)], title="How many?")
    >>> form.schema["required"], form.schema["properties"]["value"]["title"]
    (['value'], 'How many?')
    >>> form.check({"value": 3})
    3
    >>> form.check({"value": 0})
    Traceback (most recent call last):
    ...
    hitl_jupyter.errors.InvalidValues: value: Enter 1 or more.
    """
    if isinstance(spec, (list, tuple)) and all(isinstance(entry, Mapping) for entry in spec):
        return _fields_form(spec, initial, title)
    if spec is None or isinstance(spec, (str, Mapping, BaseModel)) or inspect.isroutine(spec):
        raise no_form(spec, "it is a value, not a type")
    adapter = adapter_of(portable(spec))
    schema = _schema_of(spec, adapter, FormSchema)
    if not schema:
        raise no_form(spec, "it takes anything")
    if not is_object(schema):
        return _value_form(portable(spec), initial, title)
    return _form(schema, _Check(adapter, schema), _filled(adapter, initial), title)


def choice_form(options: Iterable[Any], *, multiple: bool = False, default: Any = None) -> Form:
    """A form with one choice, in the field ``value``; its check gives the option itself back, or a list of them.

    Parameters
    ----------
    options
        Values, members of an ``Enum`` (or the class), or a mapping of label to value.
    multiple
        Let the person choose any number of them.
    default
        The option chosen at first, or a list of them.

    Examples
    --------
    >>> form = choice_form({"Mean": sum, "Largest": max})
    >>> form.check({"value": "Largest"})
    <built-in function max>
    """
    choices = Choices(options)
    annotation = choices.several() if multiple else choices.one()
    extra: dict[str, Any] = {"ui:widget": "checkboxes" if multiple else "radio" if choices.few else "select"}
    if default is not None:
        extra["default"] = [choices.wire_of(each) for each in default] if multiple else choices.wire_of(default)
    return _value_form(Annotated[annotation, Field(json_schema_extra=extra)], None, "Your choice")


def parameters_form(function: Callable[..., Any]) -> Form:
    """The form of a task's parameters, without its context, the first one; described as its docstring describes them.

    Its check gives keyword arguments: only those that were given, so that the function's own defaults hold. Values may
    be JSON, or Python objects of the annotated types. A parameter without an annotation takes anything.

    Examples
    --------
    >>> def train(ctx, rounds: int = 10, *, name: str): ...
    >>> form = parameters_form(train)
    >>> form.schema["required"], form.check({"name": "a", "rounds": 3})
    (['name'], {'rounds': 3, 'name': 'a'})
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.POSITIONAL_ONLY for p in parameters):
        raise TypeError(f"{function.__name__} has positional-only parameters: a task's parameters are passed by name.")
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    hints = _hints(function)
    definitions: dict[str, Any] = {
        f"parameter_{at}": (_usable(hints.get(p.name, Any)), _parameter_field(p)) for at, p in enumerate(named)
    }
    config = ConfigDict(extra="allow" if open_ended else "forbid", arbitrary_types_allowed=True)
    model = create_model("Parameters", __config__=config, **definitions)
    adapter = TypeAdapter(model)
    schema = _explained(_untitled(_schema_of(model, adapter, ParameterSchema)), inspect.getdoc(function) or "")
    return _form(schema, _ParameterCheck(adapter, schema), {}, None)


# -- building -------------------------------------------------------------------------------------------------------


def _form(schema: dict[str, Any], check: _Check, initial: dict[str, Any], title: str | None) -> Form:
    pure, layout = split_layout(schema)
    if title is not None:
        pure = {**pure, "title": title}
    known = {name: value for name, value in initial.items() if name in pure["properties"]}
    shown = without_secrets(project(known), pure) or None
    return Form(pure, layout, fields_of(pure, layout, shown), shown, check)


def _value_form(spec: Any, initial: Any, title: str | None) -> Form:
    annotation: Any = spec if title is None else Annotated[spec, Field(title=title)]
    definitions: dict[str, Any] = {VALUE: annotation}
    try:
        model = create_model("Answer", __config__=ConfigDict(extra="forbid"), **definitions)
    except Exception as error:  # pydantic raises several unrelated kinds here
        raise no_form(spec, error) from error
    adapter = TypeAdapter(model)
    schema = _schema_of(spec, adapter, FormSchema)
    if title is None and schema["properties"][VALUE].get("title") == "Value":
        schema["properties"][VALUE]["title"] = "Your answer"
    filled = {} if initial is None else {VALUE: _dumped(TypeAdapter(spec), initial)}
    return _form(_untitled(schema), _Check(adapter, schema, lambda answer: getattr(answer, VALUE)), filled, None)


def _fields_form(entries: Any, initial: Any, title: str | None) -> Form:
    model, prefill = model_of(entries)
    adapter = TypeAdapter(model)
    schema = _untitled(_schema_of(model, adapter, FormSchema))
    filled = {**prefill, **_filled(adapter, initial)}
    return _form(schema, _Check(adapter, schema, _by_alias), filled, title)


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the heading that would name a class of ours."""
    return {keyword: held for keyword, held in schema.items() if keyword != "title"}


def _schema_of(spec: Any, adapter: TypeAdapter[Any], generator: type[FormSchema]) -> dict[str, Any]:
    try:
        return json_schema(adapter, generator)
    except Exception as error:  # pydantic raises several unrelated kinds here
        raise no_form(spec, error) from error


def _by_alias(answer: BaseModel) -> dict[str, Any]:
    fields = type(answer).model_fields
    return {str(field.alias): getattr(answer, name) for name, field in fields.items()}


def _filled(adapter: TypeAdapter[Any], initial: Any) -> dict[str, Any]:
    if initial is None:
        return {}
    if isinstance(initial, Mapping):
        return dict(initial)
    dumped = _dumped(adapter, initial)
    if not isinstance(dumped, dict):
        raise TypeError(f"initial is {type(initial).__name__}: pass an instance of the form's type, or a dict.")
    return dumped


def _dumped(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.dump_python(value, mode="json", by_alias=True, warnings=False)
    except Exception:  # not of the form's type: shown as well as can be
        return project(value)


# -- parameters of a function ---------------------------------------------------------------------------------------


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # an annotation that only a type checker can resolve: those that are types already still count
        found = getattr(function, "__annotations__", {})
        return {name: hint for name, hint in found.items() if not isinstance(hint, str)}


def _usable(hint: Any) -> Any:
    ported = portable(hint)
    try:
        TypeAdapter(ported, config=None if _has_config(ported) else ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # no validator for this type: the function takes what it is given
        return Any
    return ported


def _has_config(kind: Any) -> bool:
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind) or hasattr(kind, "__required_keys__")
    )


def _explained(schema: dict[str, Any], doc: str) -> dict[str, Any]:
    """With the docstring's word on each parameter whose annotation has none of its own."""
    told = {name: {"description": text} for name, text in parameter_docs(doc).items()}
    properties = {name: {**told.get(name, {}), **part} for name, part in schema["properties"].items()}
    return {**schema, "properties": properties}


def _parameter_field(parameter: inspect.Parameter) -> Any:
    default = ... if parameter.default is parameter.empty else parameter.default
    return Field(default, alias=parameter.name)


# -- checking -------------------------------------------------------------------------------------------------------


class _Check:
    """Raw JSON values to the author's value."""

    def __init__(
        self, adapter: TypeAdapter[Any], schema: dict[str, Any], unwrap: Callable[[Any], Any] = lambda answer: answer
    ) -> None:
        self._adapter = adapter
        self._schema = schema
        self._unwrap = unwrap

    def __call__(self, values: dict[str, Any]) -> Any:
        if not isinstance(values, dict):
            raise _invalid([{"field": "", "message": "The values of a form are an object of its fields."}])
        try:
            return self._unwrap(self._validated(values))
        except ValidationError as error:
            secrets = secret_texts(project(values), self._schema)
            raise _invalid(field_errors(error, values, secrets)) from None

    def _validated(self, values: dict[str, Any]) -> Any:
        try:
            text = to_json(values, inf_nan_mode="constants")
        except ValueError:
            message = "These values are not JSON: send text, numbers, booleans, lists and objects."
            raise _invalid([{"field": "", "message": message}]) from None
        # by alias alone: a secret under its Python name would not be where its schema says
        return self._adapter.validate_json(text, by_alias=True, by_name=False)


class _ParameterCheck(_Check):
    """Values by name to keyword arguments."""

    def _validated(self, values: dict[str, Any]) -> Any:
        model = self._adapter.validate_python(values, by_alias=True, by_name=False)
        fields = type(model).model_fields
        given = {str(fields[name].alias): getattr(model, name) for name in fields if name in model.model_fields_set}
        return given | (model.model_extra or {})


def _invalid(errors: list[dict[str, str]]) -> InvalidValues:
    sentences = (f"{error['field']}: {error['message']}" if error["field"] else error["message"] for error in errors)
    return InvalidValues(" ".join(sentences), errors=errors)
