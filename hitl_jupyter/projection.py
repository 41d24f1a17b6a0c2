"""The JSON projection of any Python value: what viewers see of a result. Bounded, and it never raises.

Nothing heavy is imported here: pydantic, numpy and pandas are recognised only where the task has loaded them itself,
so that a task that imports nothing starts at once.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

MAX_DEPTH = 20
MAX_NODES = 20_000
"""Values inside values, all told."""
MAX_ITEMS = 1_000
"""Of one list or mapping."""
MAX_ROWS = 100
"""Of one table."""
MAX_TEXT = 100_000
"""Characters of one text."""
MAX_TEXTS = 1_000_000
"""Characters of all texts together."""
MAX_REPR = 2_000
EXACT = 2**53
"""Up to here a browser counts exactly; larger whole numbers become text."""

CUT = "…"


def project(value: Any) -> Any:
    """What a viewer sees of ``value``: JSON, never more than a bounded piece of it, whatever it is.

    Models, dataclasses and named tuples become objects; dates become ISO text, durations seconds; sets become lists;
    arrays and tables are cut to their first rows; NaN and infinity become null; secrets become ``"**********"``;
    everything unknown becomes its ``repr``.

    Examples
    --------
    >>> project({"when": date(2024, 5, 1), "loss": float("nan"), "labels": {"a"}})
    {'when': '2024-05-01', 'loss': None, 'labels': ['a']}
    """
    try:
        return _Projector().of(value, 0)
    except Exception:  # a hostile __len__ or __iter__: the result still has to end the session
        return _safe_repr(value)


class _Projector:
    """One projection: it carries what is left of the bounds."""

    def __init__(self) -> None:
        self._nodes = MAX_NODES
        self._texts = MAX_TEXTS
        self._open: set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        self._nodes -= 1
        if isinstance(value, Enum):
            value = value.value
        if value is None or isinstance(value, bool):
            return bool(value) if value is not None else None
        if isinstance(value, int):
            return int(value) if -EXACT <= value <= EXACT else self._text(_digits(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, str):
            return self._text(value)
        if depth >= MAX_DEPTH or self._nodes <= 0 or id(value) in self._open:
            return CUT
        self._open.add(id(value))
        try:
            return self._compound(value, depth)
        except Exception:  # one unreadable member must not take the rest of the result with it
            return self._text(_safe_repr(value))
        finally:
            self._open.discard(id(value))

    def _compound(self, value: Any, depth: int) -> Any:
        for fits, convert in _CONVERSIONS:
            if fits(value):
                return self._converted(convert(value), depth)
        return self._text(_safe_repr(value))

    def _converted(self, value: Any, depth: int) -> Any:
        """What a conversion gave: a mapping, an iterable, or something simple to look at again."""
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, _Items):
            return self._items(value, depth)
        return self.of(value, depth + 1)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        projected: dict[str, Any] = {}
        left = len(value)
        for key, item in islice(value.items(), MAX_ITEMS):
            if self._nodes <= 0:
                break
            projected[self._key(key)] = self.of(item, depth + 1)
            left -= 1
        if left > 0:
            projected[CUT] = f"{left} more"
        return projected

    def _items(self, items: _Items, depth: int) -> list[Any]:
        projected: list[Any] = []
        for item in islice(items.values, MAX_ITEMS):
            if self._nodes <= 0:
                break
            projected.append(self.of(item, depth + 1))
        if (left := items.count - len(projected)) > 0:
            projected.append(f"{CUT} {left} more")
        return projected

    def _key(self, key: Any) -> str:
        if isinstance(key, Enum):
            key = key.value
        return self._text(key if isinstance(key, str) else _simple_key(key))

    def _text(self, text: str) -> str:
        allowed = max(0, min(MAX_TEXT, self._texts))
        cut = str.__str__(text) if len(text) <= allowed else text[:allowed] + CUT
        self._texts -= len(cut)
        return cut.encode("utf-8", "replace").decode("utf-8")


@dataclasses.dataclass(frozen=True)
class _Items:
    """Something to be shown as a list, with its whole length."""

    values: Iterable[Any]
    count: int


def _simple_key(key: Any) -> str:
    if isinstance(key, (date, time)):
        return key.isoformat()
    return _safe_repr(key) if isinstance(key, (bytes, tuple, frozenset)) else _safe_str(key)


def _digits(value: int) -> str:
    """All digits of a number, or, where Python refuses to print them, how large it is."""
    return str(value) if value.bit_length() <= 4096 else f"{'-' if value < 0 else ''}2**{value.bit_length() - 1}{CUT}"


def _safe_repr(value: Any) -> str:
    return _safely(repr, value)


def _safe_str(value: Any) -> str:
    return _safely(str, value)


def _safely(describe: Callable[[Any], str], value: Any) -> str:
    try:
        text = describe(value)
        text = text if len(text) <= MAX_REPR else text[:MAX_REPR] + CUT
        return str.__str__(text).encode("utf-8", "replace").decode("utf-8")
    except Exception:  # a repr may raise anything
        return f"<{type(value).__qualname__}>"


# -- conversions: tried in this order; the first that fits makes the value a mapping, a list or something simpler -----


def _loaded(module: str, *names: str) -> tuple[type, ...]:
    """Classes of a library, if the task has imported it."""
    loaded = sys.modules.get(module)
    found = (getattr(loaded, name, None) for name in names)
    return tuple(kind for kind in found if isinstance(kind, type))


def _is_secret(value: Any) -> bool:
    return isinstance(value, _loaded("pydantic", "SecretStr", "SecretBytes", "Secret"))


def _is_missing(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is getattr(pandas, "NaT", None) or value is getattr(pandas, "NA", None))


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_asdict")


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_array(value: Any) -> bool:
    """numpy arrays and scalars, torch tensors and their like."""
    return not isinstance(value, type) and all(hasattr(value, name) for name in ("dtype", "shape", "tolist"))


def _array(value: Any) -> Any:
    shape = tuple(int(n) for n in value.shape)
    if math.prod(shape) <= MAX_ITEMS:
        return value.tolist()
    head = value
    for _ in shape[1:]:
        head = head[0]
    return {"shape": list(shape), "dtype": str(value.dtype), "first": head[:MAX_ROWS].tolist()}


def _table(frame: Any) -> dict[str, Any]:
    head = frame.iloc[:MAX_ROWS, :MAX_ROWS]
    return {
        "columns": [_safe_str(column) for column in head.columns],
        "rows": [list(row) for row in head.itertuples(index=False, name=None)],
        "index": list(head.index),
        "shape": list(frame.shape),
    }


def _column(series: Any) -> dict[str, Any]:
    head = series.iloc[:MAX_ROWS]
    return {"name": series.name, "index": list(head.index), "values": list(head), "length": len(series)}


def _index(index: Any) -> _Items:
    return _Items(list(index[:MAX_ITEMS]), len(index))


def _set(value: AbstractSet[Any]) -> _Items:
    try:
        ordered = sorted(value)
    except Exception:  # not comparable: any fixed order will do
        ordered = sorted(value, key=_safe_repr)
    return _Items(ordered, len(value))


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}


def _struct(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name, None) for name in value.__struct_fields__}


def _bytes(value: bytes | bytearray) -> str:
    return f"<{len(value)} bytes>"


def _kind(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


_CONVERSIONS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (_is_missing, lambda value: None),
    (_is_secret, lambda value: "**********"),
    (_kind(datetime, date, time), lambda value: value.isoformat()),
    (_kind(timedelta), lambda value: value.total_seconds()),
    (_kind(Decimal, Fraction, UUID, PurePath, complex), str),
    (_kind(bytes, bytearray), _bytes),
    (lambda value: isinstance(value, _loaded("pydantic", "BaseModel")), lambda value: value.model_dump()),
    (_is_record, _fields),
    (lambda value: hasattr(type(value), "__struct_fields__"), _struct),
    (_is_named_tuple, lambda value: value._asdict()),
    (_kind(Mapping), lambda value: value),
    (_kind(list, tuple, range, deque), lambda value: _Items(value, len(value))),
    (_kind(AbstractSet), _set),
    (lambda value: isinstance(value, _loaded("pandas", "DataFrame")), _table),
    (lambda value: isinstance(value, _loaded("pandas", "Series")), _column),
    (lambda value: isinstance(value, _loaded("pandas", "Index")), _index),
    (_is_array, _array),
)
