"""How this server is announced: an A2A agent card, the `server.json` of an MCP registry, and the configuration of the usual clients."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.server.tools import TOOLS

CLIENTS = ("claude-code", "claude-desktop", "codex", "cursor", "gemini-cli", "vscode", "windsurf", "zed", "generic")
_PLACES = {"vscode": "servers", "zed": "context_servers"}  # where a client's settings hold servers, if not where most do
_SAYS = "What an organization has on file, as scoped, dated context for agents."
_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def agent_card(organization: str, address: str) -> dict[str, Any]:
    """The card at `/.well-known/agent-card.json`, as A2A 1.0 has it. What it can be reached by is MCP, which the card says."""
    base = address.rstrip("/")
    return {
        "name": f"orgcontext of {organization}".strip(),
        "description": _SAYS,
        "version": version("orgcontext"),
        "supportedInterfaces": [
            {"url": f"{base}/mcp", "protocolBinding": "https://modelcontextprotocol.io", "protocolVersion": "2026-07-28"}
        ],
        "provider": {"organization": organization, "url": base},
        "capabilities": {"streaming": False, "pushNotifications": False},
        "securitySchemes": {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
        "securityRequirements": [{"schemes": {"bearer": {"list": []}}}],
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json", "text/plain"],
        "skills": [
            {"id": name, "name": tool.title, "description": tool.says(name), "tags": ["context", tool.right]}
            for name, tool in TOOLS.items()
        ],
    }


def server_json(organization: str, address: str, *, name: str = "dev.orgcontext/context") -> dict[str, Any]:
    """The entry of an MCP registry (its schema of 2025-12-11) for this server at this address."""
    header = {"name": "Authorization", "description": "Bearer and an orgcontext token.", "isRequired": True, "isSecret": True}
    return {
        "$schema": _SCHEMA,
        "name": name,
        "title": f"Context of {organization}"[:100],
        "description": _SAYS[:100],
        "version": version("orgcontext"),
        "remotes": [{"type": "streamable-http", "url": f"{address.rstrip('/')}/mcp", "headers": [header]}],
    }


def client_config(client: str, folder: Path, actor: str) -> str:
    """What stands in the settings of an MCP client so that it starts this server for this actor: TOML for Codex, JSON for all others."""
    program: dict[str, Any] = {
        "command": sys.executable,
        "args": ["-m", "app.cli", "-w", str(folder.resolve()), "mcp"],
        "env": {"ORGCONTEXT_ACTOR": actor},
    }
    if client == "codex":
        said = [f"{name} = {json.dumps(program[name])}" for name in ("command", "args")]
        return "\n".join(["[mcp_servers.orgcontext]", *said, "[mcp_servers.orgcontext.env]", f"ORGCONTEXT_ACTOR = {json.dumps(actor)}"])
    typed = {"type": "stdio"} if client == "vscode" else {}
    return json.dumps({_PLACES.get(client, "mcpServers"): {"orgcontext": {**typed, **program}}}, indent=2)
