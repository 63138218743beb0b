"""Who calls from outside: API keys, kept hashed in the store, and tokens of an OIDC provider; each stands for an actor and says what it may do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import multiprocessing
import re
import secrets
import threading
import time
from array import array
from collections.abc import Mapping
from ctypes import Array, c_double
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.synchronize import Lock as SharedLock
from pathlib import Path
from typing import Any, Literal, cast, get_args

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKSet, PyJWTError
from pydantic import Field

from app.settings import Identity, Oidc
from graph import Actor, ContextGraph, InputError, NotAllowed, NotAuthenticated, NotFound, Value, canonical

Right = Literal["context:read", "analysis:read", "propose:write", "review:write", "audit:read", "admin"]
RIGHTS: tuple[str, ...] = get_args(Right)
READER = ("context:read", "analysis:read")

_PREFIX = "token/"
_COST = {"n": 2**14, "r": 8, "p": 1}  # of scrypt (RFC 7914): 16 MiB and some 50 ms for a guess
_FRESH = 2.0  # seconds for which a token that was checked is believed, and so the longest that a revoked one still opens
_KEPT = 10_000  # tokens that are remembered as good
_SLOTS, _WAYS = 1024, 8  # places for what tokens have left: so many, each for so many tokens
_STUCK = 0.05  # seconds to wait for who counts
_PAUSE = 10.0  # seconds between two readings of a provider's keys because of a key that is not known
_ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_PLACE = re.compile(r"\{([\w.:/-]+)\}")


class Key(Value):
    """An API key as it is kept: for whom, for what, until when; of the secret only a slow hash."""

    id: str
    actor: str
    behalf: str = ""
    rights: tuple[Right, ...]
    label: str = ""
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    salt: str = Field(repr=False)
    hash: str = Field(repr=False)

    def state(self, now: datetime) -> Literal["good", "revoked", "expired"]:
        """Whether it opens at this time."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= now else "good"


@dataclass(frozen=True)
class Caller:
    """Who calls, by which token, and what that token may do."""

    actor: Actor
    rights: frozenset[str]
    token: str

    def may(self, right: str) -> None:
        """Nothing, if the token has this right; `NotAllowed` otherwise."""
        if not self.rights & {right, "admin"}:
            message = f"the token may not do this: it needs the right {right}"
            raise NotAllowed(message)


# API keys


def create(
    context: ContextGraph,
    actor: str,
    *,
    rights: tuple[str, ...] = READER,
    behalf: str = "",
    lasts: timedelta | None = timedelta(days=90),
    label: str = "",
) -> tuple[Key, str]:
    """A new key and its text, which is shown this once and kept nowhere."""
    if wrong := [right for right in rights if right not in RIGHTS]:
        message = f"there is no right {wrong[0]!r}; there are {', '.join(RIGHTS)}"
        raise InputError(message)
    if ":" not in actor:
        message = f"{actor!r} is no id of an actor such as agent:clause-checker or person:e-1002"
        raise InputError(message)
    secret, salt, now = secrets.token_urlsafe(32), secrets.token_bytes(16), context.now()
    key = Key.model_validate(
        {
            "id": secrets.token_hex(6),
            "actor": actor,
            "behalf": behalf,
            "rights": rights,
            "label": label,
            "created": now,
            "expires": None if lasts is None else now + lasts,
            "salt": base64.b64encode(salt).decode(),
            "hash": _hashed(secret, salt),
        }
    )
    _keep(context, key)
    return key, f"oc_{key.id}_{secret}"


def keys(context: ContextGraph) -> list[Key]:
    """All keys that were ever made, oldest first."""
    found = [Key.model_validate_json(text) for text in context.store.notes(_PREFIX).values()]
    return sorted(found, key=lambda key: (key.created, key.id))


def key(context: ContextGraph, id_: str) -> Key:
    """One key; `NotFound` for one that never was."""
    text = context.store.notes(_PREFIX + id_).get(_PREFIX + id_)
    if not text:
        message = f"there is no key {id_!r}; `orgcontext tokens list` shows all"
        raise NotFound(message)
    return Key.model_validate_json(text)


def revoke(context: ContextGraph, id_: str) -> Key:
    """The key, which opens nothing any more."""
    held = key(context, id_)
    ended = held if held.revoked else held.model_copy(update={"revoked": context.now()})
    _keep(context, ended)
    return ended


def rotate(context: ContextGraph, id_: str) -> tuple[Key, str]:
    """A new key in place of this one, for the same actor with the same rights and as long; the old one is revoked."""
    held = key(context, id_)
    lasts = held.expires - held.created if held.expires else None
    made = create(context, held.actor, rights=held.rights, behalf=held.behalf, lasts=lasts, label=held.label)
    revoke(context, id_)
    return made


def _keep(context: ContextGraph, key: Key) -> None:
    context.store.remember(_PREFIX + key.id, canonical(key.model_dump(mode="json")))


def _hashed(secret: str, salt: bytes) -> str:
    return base64.b64encode(hashlib.scrypt(secret.encode(), salt=salt, dklen=32, **_COST)).decode()


# the gate


class Buckets:
    """How many questions each token has left, for all threads of a server and, where it is `shared`, all of its processes.

    Of each token three numbers are kept: its mark, what is left, and when it last asked. It has its place among a few where its mark sends
    it; where these are all taken, it takes that of the token that has not asked for the longest.
    """

    def __init__(self) -> None:
        self._lock: threading.Lock | SharedLock = threading.Lock()
        self._slots: array[float] | Array[c_double] = array("d", bytes(8 * _SLOTS * _WAYS * 3))

    @classmethod
    def shared(cls) -> Buckets:
        """Such that processes have in common to which it is handed when they are spawned."""
        made, spawning = cls(), multiprocessing.get_context("spawn")
        made._lock, made._slots = spawning.Lock(), spawning.RawArray(c_double, _SLOTS * _WAYS * 3)
        return made

    def take(self, token: str, *, rate: float, burst: int) -> float:
        """0 where the token may ask now, which is counted; otherwise the seconds until it may again."""
        mark = (
            int.from_bytes(hashlib.blake2b(token.encode(), digest_size=6).digest()) + 1
        )  # exact as a float, and never that of an empty place
        first, slots = mark % _SLOTS * _WAYS * 3, self._slots
        places = range(first, first + _WAYS * 3, 3)
        held = self._lock.acquire(timeout=_STUCK)  # a process that was killed with it in its hands does not stop the others
        try:
            now = time.monotonic()  # one clock for all processes of a machine
            place = next((one for one in places if slots[one] == mark), -1)
            if place < 0:
                place = min(places, key=lambda one: slots[one + 2])
                slots[place], slots[place + 1], slots[place + 2] = mark, burst, now
            left = min(float(burst), slots[place + 1] + (now - slots[place + 2]) * rate)
            slots[place + 1], slots[place + 2] = left - (left >= 1), now
        finally:
            if held:
                self._lock.release()
        return 0 if left >= 1 else (1 - left) / rate


@dataclass
class Gate:
    """Tells who calls from what stands in the `Authorization` header; used by all threads of a server."""

    context: ContextGraph
    identity: Identity
    folder: Path
    buckets: Buckets = field(default_factory=Buckets)
    _good: dict[bytes, str] = field(default_factory=dict[bytes, str])
    _callers: dict[bytes, tuple[float, Caller]] = field(default_factory=dict[bytes, tuple[float, Caller]])
    _pepper: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self._provider = _Provider(self.identity.oidc, self.folder) if self.identity.oidc else None

    def caller(self, header: str) -> Caller:
        """Who calls. `NotAuthenticated` for a token that is not good, the same words whatever is wrong with it; `NotAllowed` for an agent
        that is not registered, which is recorded.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated
        began = time.monotonic()
        found = self._by_key(token.strip()) if token.startswith("oc_") else self._by_claims(token.strip())
        self.context.admit(found.actor)
        if len(self._callers) > _KEPT:
            self._callers.clear()
        self._callers[self._mark(header)] = began, found
        return found

    def at_hand(self, header: str) -> Caller | None:
        """Who calls, where that was told a moment ago; this waits for nothing."""
        known = self._callers.get(self._mark(header))
        return known[1] if known and time.monotonic() - known[0] < _FRESH else None

    def _mark(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode(), key=self._pepper).digest()

    def spare(self, caller: Caller) -> float:
        """0 where the token may ask now, which is counted; otherwise the seconds until it may again."""
        return self.buckets.take(caller.token, rate=self.identity.rate, burst=self.identity.burst)

    def _by_key(self, token: str) -> Caller:
        held = self._checked(token)
        if held is None or held.state(self.context.now()) != "good":
            raise NotAuthenticated
        return Caller(self.context.access.actor(held.actor, behalf=held.behalf), frozenset(held.rights), held.id)

    def _checked(self, token: str) -> Key | None:
        """The key whose text this is. The slow hash is paid once; after that a fast one of what was good before."""
        mark = self._mark(token)
        known = self._good.get(mark)
        _, _, rest = token.partition("_")
        id_, _, secret = rest.partition("_")
        text = self.context.store.notes(_PREFIX + id_).get(_PREFIX + id_) if re.fullmatch(r"[0-9a-f]{12}", id_) else ""
        held = Key.model_validate_json(text) if text else None
        if held and known == held.hash:
            return held
        salt = base64.b64decode(held.salt) if held else b"0" * 16  # an id that is not there takes as long as one that is
        good = hmac.compare_digest(_hashed(secret, salt), held.hash if held else "")
        if not (held and good):
            return None
        if len(self._good) > _KEPT:
            self._good.clear()
        self._good[mark] = held.hash
        return held

    def _by_claims(self, token: str) -> Caller:
        if not self._provider:
            raise NotAuthenticated
        claims = self._provider.claims(token)
        said = self._provider.oidc
        actor, behalf = _filled(said.actor, claims), _filled(said.behalf, claims)
        if not actor:
            raise NotAuthenticated
        known = self.context.access.actor(actor, behalf=behalf)
        listed: Any = claims.get(said.roles_claim) if said.roles_claim else None
        extra = (
            {said.roles[str(role)] for role in cast("list[object]", listed) if str(role) in said.roles}
            if isinstance(listed, list)
            else set[str]()
        )
        rights = frozenset(right for right in str(claims.get("scope", "")).split() if right in RIGHTS) or frozenset(READER)
        caller = known.model_copy(update={"roles": known.roles | extra})
        return Caller(caller, rights, f"{said.issuer} {actor} {behalf}")


def _filled(pattern: str, claims: Mapping[str, Any]) -> str:
    """The pattern with claims in its braces; "" where one is missing or no text."""
    found = {name: claims.get(name) for name in _PLACE.findall(pattern)}
    if not all(isinstance(value, str) and value for value in found.values()):
        return ""
    return _PLACE.sub(lambda place: str(found[place[1]]), pattern)


class _Provider:
    """The keys of an OIDC provider, and tokens checked with them."""

    def __init__(self, oidc: Oidc, folder: Path) -> None:
        if wrong := [name for name in oidc.algorithms if name not in _ASYMMETRIC]:
            message = f"identity: oidc: algorithms: {wrong[0]!r} is not taken; there are {', '.join(_ASYMMETRIC)}"
            raise InputError(message)
        self.oidc, self._file = oidc, folder / oidc.keys
        self._client, self._asked = None, -_PAUSE
        if "://" in oidc.keys:
            if not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", oidc.keys):
                message = f"identity: oidc: keys: {oidc.keys}: keys are fetched by https only, or from the loopback"
                raise InputError(message)
            self._client = PyJWKClient(oidc.keys, lifespan=300, timeout=5)

    def claims(self, token: str) -> Mapping[str, Any]:
        """What a good token claims; `NotAuthenticated` for any other."""
        oidc = self.oidc
        try:
            return jwt.decode(
                token,
                self._key(token),
                algorithms=list(oidc.algorithms),
                audience=oidc.audience,
                issuer=oidc.issuer,
                leeway=oidc.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (PyJWTError, ValueError, OSError, TypeError, StopIteration, IndexError) as error:
            raise NotAuthenticated from error

    def _key(self, token: str) -> PyJWK:
        """The key that the token names; keys are read anew when it names one that is not known, so that they can be rotated."""
        named = jwt.get_unverified_header(token).get("kid")
        if self._client:
            return self._fetched(self._client, named)
        found = PyJWKSet.from_dict(json.loads(self._file.read_text(encoding="utf-8"))).keys
        return next(one for one in found if one.key_id == named) if named or len(found) > 1 else found[0]

    def _fetched(self, client: PyJWKClient, named: str | None) -> PyJWK:
        """The key of this id; whoever names keys that are not there does not make the provider be asked each time."""
        known = [one for one in client.get_signing_keys() if one.key_id == named]
        if not known and time.monotonic() - self._asked > _PAUSE:
            self._asked = time.monotonic()
            known = [one for one in client.get_signing_keys(refresh=True) if one.key_id == named]
        if not known:
            raise NotAuthenticated
        return known[0]
