"""The description of the service (OpenAPI 3.1), made from the table of operations."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from app.operations import CONTENT, OPERATIONS, Operation

MEDIA = {
    "text": "text/plain",
    "json": "application/json",
    "markdown": "text/markdown",
    "turtle": "text/turtle",
    "jsonld": "application/ld+json",
    "graphml": "application/graphml+xml",
    "sarif": "application/sarif+json",
    "junit": "application/junit+xml",
    "html": "text/html",
    "csv": "text/csv",
    "eml": "message/rfc822",
    "badge": "image/svg+xml",
    "patch": "application/rdf-patch",
}
_PROBLEMS = {
    "401": "No token, or none that is good.",
    "403": "The token, or a rule, does not allow it.",
    "404": "Nothing that the asker may see.",
    "405": "No such method.",
    "408": "The body did not come in time.",
    "409": "Somebody else was first.",
    "413": "The body is too large.",
    "421": "The server does not go by that name.",
    "422": "The question cannot be used.",
    "429": "Asked more often than the token may.",
    "503": "The store is busy or gone.",
    "504": "The answer took too long.",
}


_JSON = {"type": ["string", "array", "object"]}  # a text that may be given as the JSON that it holds


def path_of(operation: Operation) -> str:
    """Where an operation is asked."""
    return f"/v1/{operation.name.replace(' ', '/')}"


def description(organization: str) -> dict[str, Any]:
    """The OpenAPI document."""
    title = f"orgcontext{f' of {organization}' if organization else ''}"
    bearer = {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the organization's OIDC provider."}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("orgcontext"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "security": [{"token": []}],
        "paths": {path_of(one): _path(one) for one in OPERATIONS.values()},
        "components": {
            "securitySchemes": {"token": bearer},
            "schemas": {
                "Answer": {
                    "type": "object",
                    "required": ["revision", "at", "actor", "question", "answer"],
                    "properties": {
                        "revision": {"type": "integer"},
                        "at": {"type": "string"},
                        "actor": {"type": "string"},
                        "question": {"type": "object"},
                        "answer": {},
                    },
                },
                "Problem": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    }


def _path(operation: Operation) -> dict[str, Any]:
    name = operation.name.replace(" ", "_")
    schema = operation.question.model_json_schema(ref_template="#/components/schemas/{model}")
    defs: dict[str, Any] = schema.pop("$defs", {})
    schema = _resolved(schema, defs)
    about: dict[str, Any] = {"summary": operation.summary, "tags": [operation.right], "responses": dict(_responses(operation))}
    texts = [name for name, info in operation.question.model_fields.items() if info.json_schema_extra == CONTENT]
    members = {name: one | (_JSON if name in texts else {}) for name, one in schema.get("properties", {}).items()}
    stated = {**schema, "properties": {**members, "format": _form(operation)}}
    body = {"required": bool(schema.get("required")), "content": {"application/json": {"schema": stated}}}
    post = {"post": {**about, "operationId": f"post_{name}", "requestBody": body}}
    if operation.writes:
        return post
    return {"get": {**about, "operationId": f"get_{name}", "parameters": list(_parameters(schema, operation))}} | post


def _resolved(schema: Any, defs: dict[str, Any]) -> Any:
    """The schema with what it refers to in place, so that each stands alone."""
    if isinstance(schema, list):
        return [_resolved(one, defs) for one in schema]  # pyright: ignore[reportUnknownVariableType]  # JSON
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(defs[schema["$ref"].rpartition("/")[2]], defs)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # JSON
    hidden = ("place", "file")
    return {key: _resolved(value, defs) for key, value in schema.items() if key not in hidden}  # pyright: ignore[reportUnknownVariableType]  # JSON


def _parameters(schema: dict[str, Any], operation: Operation) -> Iterator[dict[str, Any]]:
    needed = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in needed, "schema": one, "description": one.get("description", "")}
    yield {"name": "format", "in": "query", "required": False, "schema": _form(operation)}


def _form(operation: Operation) -> dict[str, Any]:
    return {"type": "string", "enum": list(operation.formats)}


def _responses(operation: Operation) -> Iterator[tuple[str, Any]]:
    content: dict[str, Any] = {
        MEDIA[form]: {"schema": {} if MEDIA[form].endswith("json") else {"type": "string"}} for form in operation.formats if form != "json"
    }
    content["application/json"] = {"schema": {"$ref": "#/components/schemas/Answer"}}
    yield "200", {"description": "The answer.", "content": content}
    yield "304", {"description": "The answer is the one that is known."}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, said in _PROBLEMS.items():
        yield status, {"description": said, "content": problem}
