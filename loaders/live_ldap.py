"""Directories, by ldap3 (an optional extra): a search becomes LDIF (RFC 2849). Passwords and keys are not asked for and not kept."""

from __future__ import annotations

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# ldap3 has no types
import base64
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from graph import InputError, UnreadableSource
from loaders.live import Asking, Ldap, Page, is_loopback, scrubbed, secret, shown

_SECRET = frozenset(
    {
        "userpassword", "unicodepwd", "dbcspwd", "lmpwdhistory", "ntpwdhistory", "supplementalcredentials", "sambantpassword",
        "sambalmpassword", "sambapasswordhistory", "krbprincipalkey", "krbextradata", "krb5key", "pwdhistory", "authpassword",
        "ms-mcs-admpwd", "mslaps-password", "olcrootpw", "userpkcs12", "ipanthash", "ipatokenotpkey",
    }
)  # fmt: skip


def ask(live: Ldap, asking: Asking) -> Iterator[Page]:
    """The entries that the search finds, as one LDIF file. `UnreadableSource` for a directory that refuses, without a secret in it."""
    yield Page("entries.ldif", _entries(live, asking))


def _entries(live: Ldap, asking: Asking) -> Iterator[bytes]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ldap3 calls pyasn1 by old names
            import ldap3
            from ldap3.core.exceptions import LDAPException
    except ImportError:
        raise InputError(f"{asking.source}: a live directory needs ldap3: install orgcontext[ldap]") from None  # says it all
    password = secret(asking, variable=live.password_env, file=live.password_file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same at run time
        try:
            connection = _connection(ldap3, live, asking, password)
            try:
                _bind(connection, live)
                yield b"version: 1\n"
                yield from _found(ldap3, connection, live)
            finally:
                _close(connection)
        except (LDAPException, OSError, ssl.SSLError) as error:
            said = scrubbed(error, live.url.get_secret_value(), password)
            raise UnreadableSource(f"{asking.source}: {shown(live.url.get_secret_value())} does not answer: {said}") from None  # password


def _connection(ldap3: Any, live: Ldap, asking: Asking, password: str) -> Any:
    url = live.url.get_secret_value()
    parts = urlsplit(url)
    if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
        raise InputError(f"{asking.source}: url: {shown(url)} is no address such as ldaps://directory.example.org")
    safe = parts.scheme == "ldaps" or live.starttls
    if live.user and not password:
        raise InputError(f"{asking.source}: {live.user} needs a password: name its `password_env:` or `password_file:`")
    if password and not safe and not is_loopback(parts.hostname):
        raise InputError(f"{asking.source}: a password travels over ldaps:// or with `starttls: true` only, not to {shown(url)}")
    ca = str(asking.path(live.ca_file)) if live.ca_file else None
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca) if safe else None
    server = ldap3.Server(
        parts.hostname,
        port=parts.port or (636 if parts.scheme == "ldaps" else 389),
        use_ssl=parts.scheme == "ldaps",
        tls=tls,
        connect_timeout=live.timeout,
        get_info=ldap3.NONE,
    )
    return ldap3.Connection(
        server,
        user=live.user or None,
        password=password or None,
        read_only=True,
        raise_exceptions=True,
        receive_timeout=live.timeout,
        auto_referrals=False,
        check_names=False,
        return_empty_attributes=False,
    )


def _bind(connection: Any, live: Ldap) -> None:
    connection.open()
    if live.starttls and not connection.server.ssl:
        connection.start_tls(read_server_info=False)
    connection.bind()


def _close(connection: Any) -> None:
    """Say goodbye, and close the socket even where the other side, or a broken handshake, left no connection to say it on."""
    socket = connection.socket
    with suppress(Exception):
        connection.unbind()
    if socket is not None:
        socket.close()


def _found(ldap3: Any, connection: Any, live: Ldap) -> Iterator[bytes]:
    wanted = [name for name in live.attributes if name.lower() not in _SECRET]
    found = connection.extend.standard.paged_search(
        live.base,
        live.filter,
        search_scope=ldap3.SUBTREE,
        attributes=wanted,
        paged_size=live.size,
        time_limit=round(live.timeout),
        generator=True,
    )
    yield from sorted(_record(entry["raw_dn"], entry["raw_attributes"]) for entry in found if entry.get("type") == "searchResEntry")


def _record(dn: bytes, attributes: dict[str, list[bytes]]) -> bytes:
    lines = [_line("dn", dn)]
    for name, values in sorted(attributes.items(), key=lambda one: (one[0].lower() != "objectclass", one[0].lower())):
        if name.partition(";")[0].lower() not in _SECRET:
            lines += [_line(name, value) for value in values]
    return b"\n" + b"\n".join(lines) + b"\n"


def _line(name: str, value: bytes) -> bytes:
    """An attribute of LDIF: as it stands where it is plain text, in base64 where RFC 2849 wants it."""
    plain = not value.startswith((b" ", b":", b"<")) and not value.endswith(b" ") and all(32 <= sign < 127 for sign in value)
    return name.encode() + (b": " + value if plain else b":: " + base64.b64encode(value))
