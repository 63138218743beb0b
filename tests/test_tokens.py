"""Tokens of an OIDC provider: claims become an actor, and no spoilt token, whatever its trick, opens anything."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm
from reference_store import ReferenceStore
from test_no_leak import FACTS, VEIL, kept

from app.settings import Identity, Oidc
from app.tokens import Buckets, Gate
from graph import ContextGraph, InputError, NotAuthenticated

ISSUER, AUDIENCE = "https://idp.example", "orgcontext"
CONTEXT = kept(ReferenceStore(), VEIL.policy(), [*FACTS])


class Issuer:
    """A provider of this machine: its keys by id, served as a JWKS."""

    def __init__(self) -> None:
        self.private = {"one": rsa.generate_private_key(65537, 2048)}
        self.asked = 0
        issuer = self

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(issuer.jwks()).encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the library has for it
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/keys"

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        dump = RSAAlgorithm.to_jwk
        return {"keys": [{**dump(key.public_key(), as_dict=True), "kid": kid, "use": "sig"} for kid, key in self.private.items()]}

    def token(self, kid: str = "one", *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """A token with usual claims, but for those given; None leaves one out."""
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "azp": "reader", "exp": time.time() + 60, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key or self.private[kid], algorithm=algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """A provider that runs."""
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


def gate(issuer: Issuer, context: ContextGraph = CONTEXT, **more: Any) -> Gate:
    """A gate that takes its tokens."""
    oidc = {"issuer": ISSUER, "audience": AUDIENCE, "keys": issuer.address, **more}
    return Gate(context, Identity.model_validate({"oidc": oidc}), Path())


def refused(held: Gate, token: str) -> bool:
    """Whether this token is turned away."""
    try:
        held.caller(f"Bearer {token}")
    except NotAuthenticated:
        return True
    return False


def test_claims_become_an_actor_with_roles_and_rights(issuer: Issuer) -> None:
    """The agent acts for the person where the workspace says so; roles of the provider are added to those of the policy."""
    held = gate(issuer, behalf="person:{sub}", roles_claim="groups", roles={"keepers": "admin"})
    caller = held.caller(f"Bearer {issuer.token(groups=['keepers', 'x'], scope='openid audit:read context:read')}")
    assert (caller.actor.id, caller.actor.behalf) == ("agent:reader", "person:ann")
    assert (caller.rights, caller.actor.roles) == ({"audit:read", "context:read"}, {"reader", "admin"})
    plain = gate(issuer, actor="person:{sub}").caller(f"Bearer {issuer.token()}")
    assert (plain.actor.id, plain.actor.behalf, plain.rights) == ("person:ann", "", {"context:read", "analysis:read"})
    assert refused(gate(issuer, actor="agent:{client_id}"), issuer.token())
    for realm in (None, "", 7, ["eu"]):  # a claim that is missing, or no text, names nobody
        assert refused(gate(issuer, actor="agent:{azp}.{realm}"), issuer.token(realm=realm))


@pytest.mark.parametrize("header", ["Basic {}", "bearer{}", "{}", "Bearer", "Bearer  ", "", "Token {}"])
def test_only_a_bearer_is_let_in(issuer: Issuer, header: str) -> None:
    """A good token under another scheme, or none at all, is no token."""
    with pytest.raises(NotAuthenticated):
        gate(issuer).caller(header.format(issuer.token()))


def test_only_a_whole_token_is_taken(issuer: Issuer) -> None:
    """Times, issuer, audience, key and algorithm; `none`, a public key as a secret and another curve are no signatures."""
    held = gate(issuer, leeway=30)
    public = issuer.private["one"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = time.time()
    spoilt = [
        issuer.token(exp=now - 31),
        issuer.token(exp=None),
        issuer.token(nbf=now + 60),
        issuer.token(iss="https://evil.example"),
        issuer.token(iss=None),
        issuer.token(aud="other"),
        issuer.token(aud=None),
        issuer.token(key=rsa.generate_private_key(65537, 2048)),
        issuer.token(algorithm="RS512"),
        issuer.token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        _forged({"alg": "none", "kid": "one"}, issuer, b""),
        _forged({"alg": "HS256", "kid": "one"}, issuer, public),
        issuer.token()[:-4] + "AAAA",
        "a.b.c",
    ]
    assert [refused(held, token) for token in spoilt] == [True] * len(spoilt)
    assert not refused(held, issuer.token(exp=now - 10))


def test_tokens_do_not_use_up_what_others_have_left() -> None:
    """However many there are: of those that have not asked for long nothing is kept."""
    held = Buckets()
    asked = [held.take(f"token {number}", rate=0.001, burst=2) for number in range(500) for _ in range(3)]
    assert [wait > 0 for wait in asked] == [False, False, True] * 500
    assert held.take("token 7", rate=0.001, burst=2) > 0
    for number in range(500, 40_000):
        held.take(f"token {number}", rate=0.001, burst=2)
    assert held.take("token 7", rate=0.001, burst=2) == 0


def _forged(head: dict[str, str], issuer: Issuer, key: bytes) -> str:
    """A token whose header says another algorithm, signed with what everybody knows."""
    start = urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode() + "." + issuer.token().split(".")[1]
    sealed = urlsafe_b64encode(hmac.digest(key, start.encode(), "sha256")).rstrip(b"=").decode() if key else ""
    return f"{start}.{sealed}"


def test_a_providers_new_key_is_found_and_its_old_one_ends(issuer: Issuer) -> None:
    """Keys are read anew when a token names one that is not known, though not at every such token."""
    held = gate(issuer)
    assert not refused(held, issuer.token())
    issuer.private["two"] = rsa.generate_private_key(65537, 2048)
    assert not refused(held, issuer.token("two"))
    asked = issuer.asked
    for number in range(20):
        assert refused(held, issuer.token(key=issuer.private["two"], kid=f"no-{number}"))
    assert issuer.asked - asked <= 1


def test_keys_in_a_file_are_read_when_a_token_comes(issuer: Issuer, tmp_path: Path) -> None:
    """So a provider off the network can be used, and its keys exchanged."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(issuer.jwks()))
    oidc = Oidc(issuer=ISSUER, audience=AUDIENCE, keys="keys.json")
    held = Gate(CONTEXT, Identity(oidc=oidc), tmp_path)
    assert not refused(held, issuer.token())
    file.write_text(json.dumps({"keys": []}))
    assert refused(held, issuer.token())


@pytest.mark.parametrize("wrong", [{"algorithms": ["HS256"]}, {"algorithms": ["none"]}, {"keys": "http://idp.example/keys"}])
def test_settings_that_would_weaken_it_are_refused(issuer: Issuer, wrong: dict[str, Any]) -> None:
    """No shared secrets, no missing signatures, no keys over plain http."""
    with pytest.raises(InputError):
        gate(issuer, **wrong)
