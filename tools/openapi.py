"""An OpenAPI document as a page to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# HTTP API

Written from the service's own `/openapi.json`; `/docs` on your server shows the same and lets you try it. [Error
codes](errors.md) lists what `code` can be."""
NOTHING_MORE = "Successful Response"
"""What FastAPI says of an answer that nobody has described."""
METHODS = ("get", "post", "put", "patch", "delete")


def page(schema: dict[str, Any]) -> str:
    """What holds for all, every operation under its tag with its parameters, its body and its answers, then the shapes
    that they name.
    """
    lines = [HEAD, "", schema["info"]["description"].strip()]
    under: dict[str, list[str]] = {tag["name"]: [] for tag in schema["tags"]}
    for path, method, operation in operations(schema):
        (tag,) = operation["tags"]
        under[tag] += _operation(path, method, operation)
    for tag in schema["tags"]:
        lines += ["", f"## {tag['name']}", "", tag["description"], *under[tag["name"]]]
    lines += ["", "## Shapes"]
    for name, shape in schema.get("components", {}).get("schemas", {}).items():
        lines += _shape(name, shape)
    return "\n".join(lines) + "\n"


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _operation(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    lines = ["", f"### {method.upper()} {path}", "", operation.get("description") or operation.get("summary", "")]
    for needed in operation.get("security", []):
        scopes = " and ".join(f"`{scope}`" for each in needed.values() for scope in each)
        lines += ["", f"Needs a key with {scopes}." if scopes else "Needs a key."]
    if parameters := operation.get("parameters"):
        lines += ["", "| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
        lines += [_parameter(each) for each in parameters]
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        lines += ["", "Body: " + ", ".join(f"`{kind}` {_type(each.get('schema', {}))}" for kind, each in body.items())]
    lines += ["", "| answer | | body |", "| --- | --- | --- |"]
    lines += [_answer(status, each) for status, each in sorted(operation.get("responses", {}).items())]
    return lines


def _parameter(each: dict[str, Any]) -> str:
    name = f"`{each['name']}`{' (required)' if each.get('required') else ''}"
    return f"| {name} | {each['in']} | {_type(each.get('schema', {}))} | {_cell(each.get('description', ''))} |"


def _answer(status: str, each: dict[str, Any]) -> str:
    bodies = {_type(content.get("schema", {})) for content in each.get("content", {}).values()}
    said = _cell(each.get("description", "")).replace(NOTHING_MORE, "")
    return f"| {status} | {said} | {', '.join(sorted(bodies))} |"


def _shape(name: str, shape: dict[str, Any]) -> list[str]:
    lines = ["", f"### {name}", ""]
    if described := shape.get("description"):
        lines += [_cell(described), ""]
    if "properties" not in shape:
        return [*lines, _type(shape)]
    required = set(shape.get("required", ()))
    lines += ["| field | type | meaning |", "| --- | --- | --- |"]
    for field, each in shape["properties"].items():
        mark = " (required)" if field in required else ""
        lines.append(f"| `{field}`{mark} | {_type(each)} | {_cell(each.get('description', ''))} |")
    return lines


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words; what has a name is a link to its shape."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for some in ("anyOf", "oneOf"):
        if some in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[some]))
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
