"""`spec.classification` of a job: which detector, with which parameters and threshold."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Literal

from external_engine.errors import Kind, Refusal, wrong_request, wrong_setting

VERSION = 1
"""The version of the settings' JSON."""

EXTERNAL = "External"
"""The engine's name in a job that leaves the detector to `parameters.detector`."""

TYPES: dict[str, Any] = {"integer": int, "number": (int, float), "string": str}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a detector, with its limits; clients see it as JSON Schema."""

    name: str
    type: Literal["integer", "number", "string"]
    description: str
    default: int | float | str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        schema = {
            "type": self.type,
            "description": self.description,
            "default": self.default,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "enum": list(self.choices) or None,
        }
        return {key: value for key, value in schema.items() if value is not None}

    def check(self, value: Any) -> None:
        """Raises a refusal with the parameter's path if the value is invalid."""
        right_type = isinstance(value, TYPES[self.type]) and not isinstance(value, bool)
        if not right_type or (self.type == "number" and not math.isfinite(value)):
            self._refuse(f"{json.dumps(value)} is not of type {self.type}")
        if self.choices and value not in self.choices:
            self._refuse(f"{json.dumps(value)} is not one of {', '.join(self.choices)}")
        if self.minimum is not None and value < self.minimum:
            self._refuse(f"{value} is below {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            self._refuse(f"{value} is above {self.maximum}")

    def _refuse(self, message: str) -> None:
        raise wrong_setting(f"classification.parameters.{self.name}", "PARAMETER_INVALID", message)


def schema(detector: str, parameters: Iterable[Parameter]) -> str:
    """Returns the JSON Schema (draft 2020-12) of a detector's parameters."""
    properties: dict[str, Any] = {"detector": {"const": detector}}
    properties |= {parameter.name: parameter.schema() for parameter in parameters}
    return json.dumps({"type": "object", "properties": properties, "additionalProperties": False})


def checked(given: Mapping[str, Any], known: Iterable[Parameter]) -> dict[str, Any]:
    """Checks the given parameters and adds the defaults of the others."""
    parameters = {parameter.name: parameter for parameter in known}
    for name, value in given.items():
        if name not in parameters:
            path = f"classification.parameters.{name}"
            message = f"unknown parameter; {hint(name, parameters)}"
            raise wrong_setting(path, "PARAMETER_UNKNOWN", message)
        parameters[name].check(value)
    return {name: parameter.default for name, parameter in parameters.items()} | dict(given)


def hint(name: str, known: Iterable[str]) -> str:
    """Suggests a known name for an unknown one."""
    names = list(known)
    near = get_close_matches(name, names, 1)
    return f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"


@dataclass(frozen=True)
class Threshold:
    """Which scores are suspicious."""

    method: str
    value: float

    DEFAULTS: ClassVar[dict[str, float | None]] = {"contamination": 0.02, "quantile": 0.98, "score": None}

    @classmethod
    def parse(cls, given: Any) -> "Threshold":
        if given is None:
            given = {"method": "contamination"}
        if not isinstance(given, dict):
            raise wrong_request("SETTINGS_INVALID", "`threshold` is not an object")
        method, value = given.get("method"), given.get("value")
        if method not in list(cls.DEFAULTS):
            message = f"this engine has no threshold `{method}`; use {', '.join(cls.DEFAULTS)}"
            raise wrong_setting("classification.threshold.method", "THRESHOLD_UNSUPPORTED", message)
        value = cls.DEFAULTS[method] if value is None else value
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise cls._wrong(f"`{method}` needs a number")
        if method == "contamination" and not 0 < value <= 0.5:
            raise cls._wrong("contamination is a share of the rows: above 0, at most 0.5")
        if method == "quantile" and not 0 < value < 1:
            raise cls._wrong("quantile takes a value between 0 and 1")
        return cls(method, float(value))

    @staticmethod
    def _wrong(message: str) -> Refusal:
        return wrong_setting("classification.threshold.value", "THRESHOLD_INVALID", message)


@dataclass(frozen=True)
class Settings:
    """The settings of a request. The seed is ignored: no detector here uses random numbers."""

    detector: str
    parameters: dict[str, Any]
    threshold: Threshold

    @classmethod
    def parse(cls, text: str, version: int, detectors: list[str]) -> "Settings":
        """Parses a request's JSON; `detectors` are the available names, the default first."""
        if version != VERSION:
            message = f"the request has settings of version {version}, but this engine supports version {VERSION}"
            raise Refusal(Kind.INCOMPATIBLE, "SETTINGS_VERSION", message)
        try:
            given = json.loads(text)
            engine, parameters = given["engine"], dict(given.get("parameters") or {})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            message = f"the settings are not JSON of `spec.classification`: {error!r}"
            raise wrong_request("SETTINGS_INVALID", message) from error
        path = "classification.engine"
        if engine == EXTERNAL:
            path = "classification.parameters.detector"
            engine = parameters.pop("detector", detectors[0])
        elif parameters.pop("detector", engine) != engine:
            path = "classification.parameters.detector"
            raise wrong_setting(path, "PARAMETER_INVALID", f"the engine is `{engine}` already")
        if engine not in detectors:
            message = f"there is no detector `{engine}`; {hint(str(engine), detectors)}"
            raise wrong_setting(path, "DETECTOR_UNKNOWN", message)
        return cls(engine, parameters, Threshold.parse(given.get("threshold")))
