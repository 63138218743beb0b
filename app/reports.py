"""Findings in the forms that other programs read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from graph import Finding

_PLACE = re.compile(r"(.+?):(\d+)(?::(\d+))?")
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding], places: Mapping[str, str] = MappingProxyType({})) -> str:
    """The findings as a SARIF 2.1.0 log (OASIS): a rule a check; a place `file:line:column` is physical, an id is logical.

    `places` has the `file:line` of ids, for readers that show nothing without a file (GitHub's code scanning).
    """
    checks = sorted({one.check for one in findings})
    driver = {"name": "orgcontext", "version": version("orgcontext"), "rules": [{"id": name} for name in checks]}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(one, places) for one in findings]}],
    }
    return json.dumps(log, ensure_ascii=False, indent=1) + "\n"


def _result(finding: Finding, places: Mapping[str, str]) -> dict[str, Any]:
    text = " ".join(part for part in (finding.message, finding.remedy) if part)
    return {
        "ruleId": finding.check,
        "level": finding.level,
        "message": {"text": text},
        "locations": [_location(finding.subject, places)],
        "partialFingerprints": {"orgcontextFinding/v1": finding.id},
    }


def _location(subject: str, places: Mapping[str, str]) -> dict[str, Any]:
    if subject not in places:
        met = _PLACE.fullmatch(subject)
        return _physical(met) if met and met[3] else {"logicalLocations": [{"fullyQualifiedName": subject}]}
    met = _PLACE.fullmatch(places[subject])
    physical = _physical(met) if met else {"physicalLocation": {"artifactLocation": {"uri": quote(places[subject].partition("#")[0])}}}
    return physical | {"logicalLocations": [{"fullyQualifiedName": subject}]}


def _physical(met: re.Match[str]) -> dict[str, Any]:
    region = {"startLine": int(met[2])} | ({"startColumn": int(met[3])} if met[3] else {})
    return {"physicalLocation": {"artifactLocation": {"uri": quote(met[1])}, "region": region}}


def baseline(findings: Sequence[Finding]) -> str:
    """The ids of these findings as the file that `gaps --baseline` reads; one a line, sorted."""
    return json.dumps({"version": 1, "gaps": sorted({one.id for one in findings})}, ensure_ascii=False, indent=1) + "\n"


_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def junit(findings: Sequence[Finding]) -> str:
    """The findings as JUnit XML, as CI servers read it: a suite a check, a case a subject, a failure each; a note is no failure."""
    root = ET.Element("testsuites", name="orgcontext gaps", tests=str(len(findings)), failures=str(sum(map(_fails, findings))))
    for check in sorted({one.check for one in findings}):
        cases = [one for one in findings if one.check == check]
        suite = ET.SubElement(root, "testsuite", name=_xml(check), tests=str(len(cases)), failures=str(sum(map(_fails, cases))))
        for one in cases:
            _case(suite, one)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _fails(finding: Finding) -> bool:
    return finding.level != "note"


def _case(suite: ET.Element, one: Finding) -> None:
    case = ET.SubElement(suite, "testcase", classname=_xml(one.check), name=_xml(one.id))
    text = _xml("\n".join(part for part in (one.message, f"owner: {one.owner}" if one.owner else "", one.remedy) if part))
    if _fails(one):
        ET.SubElement(case, "failure", type=one.level, message=_xml(one.message)).text = text
    else:
        ET.SubElement(case, "system-out").text = text


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
