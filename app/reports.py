"""Findings in the forms that other programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from graph import Finding

_PLACE = re.compile(r"(.+):(\d+):(\d+)")
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding]) -> str:
    """The findings as a SARIF 2.1.0 log (OASIS): a rule a check; a place `file:line:column` is physical, an id is logical."""
    checks = sorted({one.check for one in findings})
    driver = {"name": "orgcontext", "version": version("orgcontext"), "rules": [{"id": name} for name in checks]}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": [_result(one) for one in findings]}]}
    return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _result(finding: Finding) -> dict[str, Any]:
    text = " ".join(part for part in (finding.message, finding.remedy) if part)
    return {
        "ruleId": finding.check,
        "level": finding.level,
        "message": {"text": text},
        "locations": [_location(finding.subject)],
        "partialFingerprints": {"orgcontextFinding/v1": finding.id},
    }


def _location(subject: str) -> dict[str, Any]:
    met = _PLACE.fullmatch(subject)
    if met is None:
        return {"logicalLocations": [{"fullyQualifiedName": subject}]}
    region = {"startLine": int(met[2]), "startColumn": int(met[3])}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(met[1])}, "region": region}}
