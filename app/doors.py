"""The commands that open doors to agents, and say who may come in: mcp, serve, tokens, agents-md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands import formats, named, opened
from app.operations.question import columns
from graph import ContextGraph, InputError, nearest

if TYPE_CHECKING:
    from app.tokens import Key


@click.command()
@click.option(
    "--print-config",
    "client",
    default="",
    metavar="NAME",
    help="Print the settings for a client: claude-code, codex, cursor, vscode, …; `generic` for any.",
)
@click.option(
    "--server-json", "address", default="", metavar="URL", help="Print the entry for an MCP registry of the server at this address."
)
@click.option("--as", "asker", default="", metavar="ACTOR", help="Who asks, in the printed settings; default: ORGCONTEXT_ACTOR.")
@click.pass_obj
def mcp(folder: Path, client: str, address: str, asker: str) -> None:
    """Serve agents by MCP over standard input and output; who asks is ORGCONTEXT_ACTOR."""
    from app.server import serve_stdio
    from app.server.cards import CLIENTS, client_config, server_json
    from app.settings import read_settings

    if address:
        click.echo(json.dumps(server_json(read_settings(folder).workspace.organization, address), indent=2, ensure_ascii=False))
    elif client:
        if client not in CLIENTS:
            message = f"--print-config {client}: there are {', '.join(CLIENTS)}{nearest(client, CLIENTS)}"
            raise InputError(message)
        click.echo(client_config(client, folder, asker or read_settings(folder).actor or "agent:YOUR-AGENT"))
    else:
        serve_stdio(folder)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; off the loopback only with tokens.")
@click.option("--port", default=8080, show_default=True, help="The port.")
@click.option("--name", "names", multiple=True, help="A name under which it is called, as in the Host header; `*` for any.")
@click.option("--origin", "origins", multiple=True, help="A page's origin that may call it; none unless stated.")
@click.option("--tls-cert", default="", type=click.Path(), help="The certificate, to speak TLS.")
@click.option("--tls-key", default="", type=click.Path(), help="Its key.")
@click.option("--workers", type=click.IntRange(1, 64), help="How many processes answer; default: as many as there are cores, up to 4.")
@click.pass_obj
def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    names: tuple[str, ...],
    origins: tuple[str, ...],
    tls_cert: str,
    tls_key: str,
    workers: int | None,
) -> None:
    """Serve HTTP under /v1 and MCP under /mcp on one port; who asks is told by a token."""
    from app.server import Listening
    from app.server import serve as run

    click.echo(f"serving on {'https' if tls_cert else 'http'}://{host}:{port} (/v1, /mcp, /openapi.json); end with Ctrl-C", err=True)
    many = workers or min(4, os.cpu_count() or 1)
    run(folder, Listening(host=host, port=port, names=names, origins=origins, certificate=tls_cert, key=tls_key, workers=many))


@click.group()
def tokens() -> None:
    """API keys for agents and programs that call by HTTP and MCP."""


@tokens.command("create")
@click.option("--actor", required=True, help="Whom the key stands for: agent:clause-checker, person:e-1002.")
@click.option("--behalf", default="", help="The person for whom the agent acts.")
@click.option("--scope", "rights", multiple=True, help="What it may do; default: context:read and analysis:read.")
@click.option("--expires", default="90d", show_default=True, help="For how long it is good: 12h, 90d; `never`.")
@click.option("--label", default="", help="What it is for, in your words.")
@formats()
@click.pass_obj
def tokens_create(folder: Path, actor: str, behalf: str, rights: tuple[str, ...], expires: str, label: str, form: str, asker: str) -> None:
    """Make a key. Its text is shown this once."""
    from app.tokens import READER, create

    with _keeper(folder, asker) as context:
        key, text = create(context, actor, behalf=behalf, rights=rights or READER, lasts=_span(expires), label=label)
    _key_shown(key, form, text)


@tokens.command("list")
@formats()
@click.pass_obj
def tokens_list(folder: Path, form: str, asker: str) -> None:
    """All keys with their state; never their texts."""
    from app.tokens import keys

    with _keeper(folder, asker) as context:
        rows = [(one, one.state(context.now())) for one in keys(context)]
    if form == "json":
        click.echo(json.dumps([{**_key_data(one), "state": state} for one, state in rows]))
        return
    shown = (
        (one.id, state, one.actor, ",".join(one.rights), f"{one.expires:%Y-%m-%d}" if one.expires else "never", one.label)
        for one, state in rows
    )
    click.echo(columns(shown) or "There is no key; `orgcontext tokens create --actor ID` makes one.\n", nl=False)


@tokens.command("rotate")
@click.argument("id_", metavar="ID")
@formats()
@click.pass_obj
def tokens_rotate(folder: Path, id_: str, form: str, asker: str) -> None:
    """Make a new key in place of this one, which opens nothing any more."""
    from app.tokens import rotate

    with _keeper(folder, asker) as context:
        key, text = rotate(context, id_)
    _key_shown(key, form, text)


@tokens.command("revoke")
@click.argument("id_", metavar="ID")
@formats()
@click.pass_obj
def tokens_revoke(folder: Path, id_: str, form: str, asker: str) -> None:
    """End a key; servers let it go within two seconds."""
    from app.tokens import revoke

    with _keeper(folder, asker) as context:
        _key_shown(revoke(context, id_), form, "")


@contextmanager
def _keeper(folder: Path, asker: str) -> Generator[ContextGraph]:
    """The graph, for who may see all of it: keys open what others may see."""
    from app.settings import actor_of

    with opened(folder) as (settings, context):
        context.needs_everything(actor_of(settings, context, named=asker), "make or end keys")
        yield context


def _span(text: str) -> timedelta | None:
    if text == "never":
        return None
    found = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if not found:
        message = f"--expires: {text!r} is no span such as 12h, 90d or 8w, nor `never`"
        raise InputError(message)
    return int(found[1]) * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[found[2]]


def _key_data(key: Key) -> dict[str, Any]:
    return key.model_dump(mode="json", exclude={"salt", "hash"})


def _key_shown(key: Key, form: str, text: str) -> None:
    if form == "json":
        click.echo(json.dumps(_key_data(key) | ({"token": text} if text else {})))
        return
    until = f"until {key.expires:%Y-%m-%d %H:%M} UTC" if key.expires else "without an end"
    click.echo(f"{key.id}  {key.actor}  {', '.join(key.rights)}  {'revoked' if key.revoked else until}")
    if text:
        click.echo(f"{text}\nKeep it now: it is not kept here, and is never shown again.")


@click.command("agents-md")
@click.argument("task", default="")
@click.option("--budget", type=click.IntRange(100, 100_000), default=4000, show_default=True, help="Tokens that the file may take.")
@click.option(
    "--check", "old", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Say whether this file is stale: exit code 1."
)
@formats()
@click.pass_obj
def agents_md(folder: Path, *, task: str, budget: int, old: Path | None, form: str, asker: str) -> None:
    """The context of a task as an AGENTS.md, dated and with its revision, for agents that read only files."""
    from app.operations import ask, envelope
    from app.operations.agents import AgentsMdOf, made_for, stale
    from app.settings import actor_of

    text = old.read_text(encoding="utf-8", errors="replace") if old else ""
    if old:
        task, asker, budget = made_for(text)
    if not task:
        message = "agents-md needs a task, or --check FILE"
        raise InputError(message)
    question = AgentsMdOf(task=task, budget=budget)
    with opened(folder) as (settings, context):
        actor = actor_of(settings, context, named=asker)
        reply = ask(context, actor, "agents-md", question)
        now, said = reply.text(), envelope(reply, actor, question)
    if old:
        wrong = stale(text, now)
        click.echo(json.dumps({"file": str(old), "stale": wrong}) if form == "json" else f"{old}: {wrong or 'holds'}")
        raise SystemExit(1 if wrong else 0)
    click.echo(said if form == "json" else now, nl=False)


COMMANDS = named(mcp, serve, tokens, agents_md)
