"""The API's description as a page to read: made here from what `/openapi.json` says, without script and without a
request to anybody else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from kelaspay.i18n import ENGLISH
from kelaspay.web.pages import page

router = APIRouter(include_in_schema=False)

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a member of a body."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, ready to be read."""

    method: str
    path: str
    summary: str
    text: str
    scope: str | None
    """None for a route without a key, empty for any key."""
    parameters: list[Field]
    body: list[Field]
    example: str
    answer: list[Field]
    responses: list[tuple[str, str]]


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    told: Schema = request.app.openapi()
    groups = [(tag, [each for each in operations(told) if each[0] == tag["name"]]) for tag in told["tags"]]
    listed = [(tag, [operation for _, operation in found]) for tag, found in groups if found]
    paragraphs = [prose(each) for each in told["info"]["description"].strip().split("\n\n")]
    return page("docs.html", language=ENGLISH, info=told["info"], paragraphs=paragraphs, groups=listed, prose=prose)


def operations(told: Schema) -> list[tuple[str, Operation]]:
    """Every route with the name of its group."""
    schemas = told["components"]["schemas"]
    return [
        (operation["tags"][0], _operation(method, path, operation, schemas))
        for path, each in told["paths"].items()
        for method, operation in each.items()
    ]


def prose(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = text.split("`")
    made = [Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)]
    return Markup().join(made)


def _operation(method: str, path: str, operation: Schema, schemas: Schema) -> Operation:
    body = _schema(operation.get("requestBody", {}), schemas)
    fine = next(each for status, each in sorted(operation["responses"].items()) if status.startswith("2"))
    security = operation.get("security")
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        text=operation.get("description", ""),
        scope=" ".join(security[0]["ApiKey"]) if security else None,
        parameters=[
            Field(each["name"], _kind(each["schema"]), each.get("required", False), each.get("description", ""))
            for each in operation.get("parameters", ())
        ],
        body=_fields(body),
        example=_example(body),
        answer=_fields(_schema(fine, schemas)),
        responses=[(status, each["description"]) for status, each in sorted(operation["responses"].items())],
    )


def _schema(holder: Schema, schemas: Schema) -> Schema:
    """The schema of a body, with a reference followed."""
    content: Schema = next(iter(holder.get("content", {}).values()), {})
    schema: Schema = content.get("schema", {})
    schema = schema.get("items", schema)
    found: Schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _fields(schema: Schema) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, _kind(each), name in required, each.get("description", ""))
        for name, each in schema.get("properties", {}).items()
    ]


def _kind(schema: Schema) -> str:
    """What a value is, in few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    bounds = {"minimum": "or more", "maximum": "or less"}
    limits = [f"{schema[name]} {word}" for name, word in bounds.items() if name in schema]
    if "maxLength" in schema:
        limits.append(f"up to {schema['maxLength']} characters")
    return ", ".join([str(schema.get("format") or schema.get("type", "any")), *limits])


def _example(schema: Schema) -> str:
    found = {name: each["examples"][0] for name, each in schema.get("properties", {}).items() if each.get("examples")}
    return json.dumps(found, indent=2, ensure_ascii=False) if found else ""
