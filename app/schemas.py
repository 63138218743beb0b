"""The JSON Schemas of answers that other programs read."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_STEP = {"type": "array", "items": _TEXT, "minItems": 3, "maxItems": 3}
_ORIGIN = {
    "type": "object",
    "required": ["source", "locator", "loaded_at", "digest"],
    "properties": {
        "source": _TEXT,
        "locator": _TEXT,
        "loaded_at": {"type": "string", "format": "date-time"},
        "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    },
}
_MAYBE = {"type": ["string", "null"]}
_FRESHNESS = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"enum": ["current", "due", "overdue", "unverified"]},
        "verified_at": _MAYBE,
        "verified_by": _MAYBE,
        "due_at": _MAYBE,
        "owner": _MAYBE,
    },
}
_ENTITY = {
    "type": "object",
    "required": ["id", "kind", "name", "properties", "why", "rank", "origins", "freshness", "conflicts"],
    "properties": {
        "id": _TEXT,
        "kind": _TEXT,
        "name": _TEXT,
        "properties": {"type": "object"},
        "why": {"type": "array", "items": _STEP},
        "rank": {"type": "number", "minimum": 0, "maximum": 1},
        "origins": {"type": "array", "items": _ORIGIN},
        "freshness": _FRESHNESS,
        "conflicts": {"type": "array", "items": {"type": "object"}},
        "valid_from": _TEXT,
        "valid_to": _TEXT,
        "aliases": {"type": "array", "items": _TEXT},
    },
}
_RELATION = {
    "type": "object",
    "required": ["source", "kind", "target", "properties", "origins"],
    "properties": {
        "source": _TEXT,
        "kind": _TEXT,
        "target": _TEXT,
        "properties": {"type": "object"},
        "origins": {"type": "array", "items": _ORIGIN},
    },
}
_MISSING = {
    "type": "object",
    "required": ["requirement", "state", "ask"],
    "properties": {"requirement": _TEXT, "state": {"enum": ["unavailable", "over_budget"]}, "ask": _TEXT},
}
_BUDGET = {
    "type": "object",
    "required": ["tokens", "used", "left_out"],
    "properties": {
        "tokens": {"type": "integer"},
        "used": {"type": "integer"},
        "left_out": {"type": "integer"},
        "left_out_by_kind": {"type": "object", "additionalProperties": {"type": "integer"}},
        "next": _TEXT,
        "needed": {"type": "integer"},
    },
}

ANSWER_SCHEMAS: dict[str, dict[str, Any]] = {
    "scope": {
        "title": "The answer of scope",
        "type": "object",
        "required": ["revision", "at", "actor", "question", "answer"],
        "properties": {
            "revision": {"type": "integer"},
            "at": _TEXT,
            "actor": _TEXT,
            "question": {"type": "object"},
            "answer": {
                "type": "object",
                "required": ["anchors", "entities", "relations", "missing", "budget"],
                "properties": {
                    "anchors": {"type": "array", "items": _TEXT},
                    "entities": {"type": "array", "items": _ENTITY},
                    "relations": {"type": "array", "items": _RELATION},
                    "missing": {"type": "array", "items": _MISSING},
                    "budget": _BUDGET,
                },
            },
        },
    }
}
