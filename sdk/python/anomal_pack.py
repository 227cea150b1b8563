"""Packs for Anomal in Python: functions with a decorator become metrics, filters and flags that run in its sandbox.

    from anomal_pack import metric, flag, Component

    @metric
    def digits(name: str) -> int:
        "Digits in a name."
        return sum(character.isdigit() for character in name)

The annotations of the arguments are the types of the columns: str, int, float, bool or Datetime. A row without a value is
skipped, unless the annotation is Optional. Keyword-only arguments with a default are parameters: str, int, float, bool or
list[str]. The documentation of a function is the description of its component. A result must depend on the arguments
alone.
"""

import inspect
import json
import struct
import typing

TEXT, INTEGER, FLOAT, BOOLEAN, DATETIME = range(5)
METRIC, FILTER, FLAG, GROUP_FLAG = range(4)


class Datetime(int):
    """A time: microseconds since 1970 in UTC."""


class Group(str):
    """An argument of a group flag that is part of the key of groups."""


class Problem(Exception):
    """Parameters that are refused."""

    def __init__(self, parameter, message):
        super().__init__(message)
        self.parameter, self.message = parameter, message


_KINDS = {str: [TEXT], Group: [TEXT], int: [INTEGER], float: [INTEGER, FLOAT], bool: [BOOLEAN], Datetime: [DATETIME]}
_SCHEMAS = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    list[str]: {"type": "array", "items": {"type": "string"}},
}
_COMPONENTS = {}


def metric(function):
    """A value for each row: int, float, bool, str or Datetime, or None."""
    return _define(METRIC, function)


def filter(function):
    """Whether a row is removed."""
    return _define(FILTER, function)


def flag(function):
    """What was found if a row is hit (str), or None; or whether it is hit (bool)."""
    return _define(FLAG, function)


def group_flag(function):
    """The rows of a group that are hit, as (number, found), ascending. Arguments annotated with Group are the key; the
    others are lists with the values of the group's rows: list[str], or list[Datetime] for the time that sorts them."""
    return _define(GROUP_FLAG, function)


def _define(role, function):
    component = Component(role, function)
    _COMPONENTS[component.name] = component
    return function


def _optional(annotation):
    arguments = [one for one in typing.get_args(annotation) if one is not type(None)]
    if type(None) in typing.get_args(annotation) and len(arguments) == 1:
        return arguments[0], True
    return annotation, False


class Component:
    def __init__(self, role, function):
        self.role, self.function, self.name = role, function, function.__name__
        self.description = " ".join((inspect.getdoc(function) or f"The component {self.name}.").split())
        hints = typing.get_type_hints(function)
        self.inputs, self.parameters = [], []
        for argument in inspect.signature(function).parameters.values():
            annotation, optional = _optional(hints.get(argument.name, str))
            if argument.kind is argument.KEYWORD_ONLY:
                if annotation not in _SCHEMAS:
                    raise TypeError(f"{self.name}: the parameter {argument.name} has a type that is not supported")
                self.parameters.append((argument.name, annotation, argument.default))
                continue
            purpose = 0
            if role == GROUP_FLAG and annotation is Group:
                purpose = 1
            elif role == GROUP_FLAG:
                annotation, optional = typing.get_args(annotation)[0], True
                annotation = _optional(annotation)[0]
                purpose = 2 if annotation is Datetime else 0
            self.inputs.append((argument.name, _KINDS[annotation], purpose, not optional))
        returned, _ = _optional(hints.get("return", str))
        self.output = _KINDS[returned][-1] if role == METRIC else None
        self.distinct = role != GROUP_FLAG and [kind for _, kind, _, required in self.inputs if required] == [[TEXT]] \
            and len(self.inputs) == 1

    def schema(self):
        properties, required = {}, []
        for name, annotation, default in self.parameters:
            properties[name] = dict(_SCHEMAS[annotation])
            if default is inspect.Parameter.empty:
                required.append(name)
            else:
                properties[name]["default"] = default
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def describe(self):
        inputs = [(name, list(kinds), purpose, False) for name, kinds, purpose, _ in self.inputs]
        schema = json.dumps(self.schema())
        return (self.name, self.role, self.description, inputs, schema, self.output, self.distinct)

    def prepare(self, text):
        given, values = json.loads(text), {}
        for name, annotation, default in self.parameters:
            if name not in given:
                if default is inspect.Parameter.empty:
                    raise Problem(name, "this parameter must be set")
                continue
            value = given[name]
            if annotation is float and type(value) is int:
                value = float(value)
            wanted = list if annotation == list[str] else annotation
            if type(value) is not wanted or wanted is list and not all(type(item) is str for item in value):
                raise Problem(name, f"it must be of type {_SCHEMAS[annotation]['type']}")
            values[name] = value
        return values

    def rows(self, inputs, values):
        """The results of all rows; None where a value is missing that is required."""
        columns = [read(column) for column in inputs]
        required = [place for place, (_, _, _, required) in enumerate(self.inputs) if required]
        function = self.function
        if len(columns) == 1 and required:
            return [None if cell is None else function(cell, **values) for cell in columns[0]]
        return [
            None if any(row[place] is None for place in required) else function(*row, **values) for row in zip(*columns)
        ]

    def metric(self, inputs, values):
        return write(self.output, self.rows(inputs, values))

    def filter(self, inputs, values):
        return bits([removes is True for removes in self.rows(inputs, values)])

    def flag(self, inputs, values):
        found = enumerate(self.rows(inputs, values))
        return hits([(row, "" if text is True else text) for row, text in found if text is not None and text is not False])

    def group_flag(self, inputs, groups, values):
        columns = [read(column) for column in inputs]
        bounds = memoryview(groups).cast("I")
        found = []
        for first, end in zip(bounds, bounds[1:]):
            arguments = [
                column[first] if purpose == 1 else column[first:end]
                for column, (_, _, purpose, _) in zip(columns, self.inputs)
            ]
            found.extend((first + row, text) for row, text in self.function(*arguments, **values))
        return hits(found)


def read(column):
    """The values of a column as a list."""
    if column is None:
        return []
    kind, rows, validity, offsets, values = column
    if kind == TEXT:
        ends = memoryview(offsets).cast("I")
        if values.isascii():
            text = values.decode("ascii")
            cells = [text[ends[row] : ends[row + 1]] for row in range(rows)]
        else:
            cells = [values[ends[row] : ends[row + 1]].decode() for row in range(rows)]
    elif kind == BOOLEAN:
        cells = [bool(values[row >> 3] >> (row & 7) & 1) for row in range(rows)]
    else:
        cells = list(memoryview(values).cast("d" if kind == FLOAT else "q"))
    if validity:
        cells = [cell if validity[row >> 3] >> (row & 7) & 1 else None for row, cell in enumerate(cells)]
    return cells


def bits(values):
    packed = bytearray((len(values) + 7) // 8)
    for place, value in enumerate(values):
        if value:
            packed[place >> 3] |= 1 << (place & 7)
    return bytes(packed)


def write(kind, cells):
    """A column of values."""
    rows, offsets = len(cells), b""
    validity = bits([cell is not None for cell in cells]) if None in cells else b""
    if kind == TEXT:
        encoded = [(cell or "").encode() for cell in cells]
        ends, end = [0], 0
        for text in encoded:
            end += len(text)
            ends.append(end)
        offsets, values = struct.pack(f"<{rows + 1}I", *ends), b"".join(encoded)
    elif kind == BOOLEAN:
        values = bits(cells)
    else:
        values = struct.pack(f"<{rows}{'d' if kind == FLOAT else 'q'}", *[cell or 0 for cell in cells])
    return (kind, rows, validity, offsets, values)


def hits(found):
    rows = struct.pack(f"<{len(found)}I", *[row for row, _ in found])
    return (rows, write(TEXT, [text.encode()[:1024].decode(errors="ignore") for _, text in found]))


class Pack:
    """The exports of a pack. The module `app` of a pack has a class `Guest` with this one as its base."""

    # Of the class: each call has an object of its own.
    component, values = None, {}

    def describe(self):
        return [component.describe() for component in _COMPONENTS.values()]

    def prepare(self, component, parameters):
        if component not in _COMPONENTS:
            raise _error((None, f"there is no component `{component}`"))
        Pack.component = _COMPONENTS[component]
        try:
            Pack.values = Pack.component.prepare(parameters)
        except Problem as problem:
            raise _error((problem.parameter, problem.message))

    def metric(self, inputs):
        return self._call("metric", inputs)

    def filter(self, inputs):
        return self._call("filter", inputs)

    def flag(self, inputs):
        return self._call("flag", inputs)

    def group_flag(self, inputs, groups):
        return self._call("group_flag", inputs, groups)

    def _call(self, role, *arguments):
        try:
            return getattr(Pack.component, role)(*arguments, Pack.values)
        except Exception as error:
            raise _error(f"{type(error).__name__}: {error}")


def _error(value):
    from componentize_py_types import Err

    return Err(value)
