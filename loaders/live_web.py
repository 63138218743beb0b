"""Web APIs, by urllib3: JSON with paging, and SCIM 2.0. Certificates are checked, a token travels safely or not at all, redirects and
pages on other hosts are refused, and 429 and 5xx are tried again with the pauses that the server asks for.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import jmespath
import urllib3
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from graph import InputError, UnreadableSource, Value
from loaders.live import Asking, Http, Live, Page, Scim, Web, is_loopback, scrubbed, secret, shown

MAX_PAGE = 256 * 1024 * 1024
_PIECE = 64 * 1024
_PAUSE = 60  # seconds: a server that asks for a longer pause is not waited for longer
_AGAIN = (429, 500, 502, 503, 504)


class _Answer(Value):
    url: str
    body: bytes
    link: str


def ask(live: Live, asking: Asking) -> Iterator[Page]:
    """The pages of the API, each a file in JSON. `UnreadableSource` for what does not answer as it should, without a secret in it."""
    assert isinstance(live, Http | Scim)
    session = _Session(live, asking)
    try:
        yield from _scim(session, live) if isinstance(live, Scim) else _paged(session, live)
    finally:
        session.close()


class _Session:
    """The connections to one API."""

    def __init__(self, live: Web, asking: Asking) -> None:
        self.live, self.asking, self.base = live, asking, live.url.get_secret_value()
        parts = _split(self.base, asking)
        self.token = secret(asking, variable=live.token_env, file=live.token_file)
        if self.token and parts.scheme != "https" and not is_loopback(parts.hostname):
            raise InputError(f"{asking.source}: a token travels over https only, not to {shown(self.base)}")
        if self.token and not self.token.isprintable():
            raise InputError(f"{asking.source}: the token holds signs that no header can carry")
        self.seen: set[str] = set()
        self.pool = self._pool(parts.scheme, parts.hostname or "")

    def _pool(self, scheme: str, host: str) -> urllib3.PoolManager:
        retry = urllib3.Retry(
            total=self.live.retries,
            redirect=0,
            status_forcelist=_AGAIN,
            allowed_methods={"GET"},
            backoff_factor=0.3,
            backoff_max=_PAUSE,
            backoff_jitter=0.1,
            retry_after_max=_PAUSE,
            raise_on_status=False,
            raise_on_redirect=False,
        )
        context = ssl.create_default_context(cafile=self._ca())
        more: dict[str, Any] = {"retries": retry, "timeout": urllib3.Timeout(self.live.timeout), "ssl_context": context}
        proxy = "" if proxy_bypass(host) or is_loopback(host) else getproxies().get(scheme, "")
        return urllib3.ProxyManager(proxy, **more) if proxy else urllib3.PoolManager(**more)

    def _ca(self) -> str | None:
        if not self.live.ca_file:
            return None
        path = self.asking.path(self.live.ca_file)
        if not path.is_file():
            raise InputError(f"{self.asking.source}: ca_file: nothing is at {self.live.ca_file}")
        return str(path)

    def close(self) -> None:
        self.pool.clear()

    def get(self, url: str) -> _Answer:
        """What a GET of this address answers; every address once, and only of the host that the workspace names."""
        if len(self.seen) >= self.live.max_pages:
            raise self.wrong(url, f"has more than {self.live.max_pages} pages; raise `max_pages:` if that is right")
        if url in self.seen:
            raise self.wrong(url, "sends to a page that was there before: its paging goes in a circle")
        if _origin(url) != _origin(self.base):
            raise self.wrong(self.base, f"sends to another host, {shown(url)}; that is not followed")
        self.seen.add(url)
        headers = {"Accept": "application/scim+json, application/json" if isinstance(self.live, Scim) else "application/json"}
        headers |= {"User-Agent": "orgcontext", **self.live.headers}
        if self.token:
            headers[self.live.token_header] = f"{self.live.token_scheme} {self.token}".strip()
        try:
            response = self.pool.request("GET", url, headers=headers, preload_content=False, redirect=False)
        except SSLError as error:
            raise self.wrong(url, f"is not trusted: {self.scrubbed(error)}; `ca_file:` names a certificate of your own") from None  # URL
        except (HTTPError, OSError, UnicodeError) as error:
            reason = error.reason if isinstance(error, MaxRetryError) else error
            if isinstance(reason, SSLError):
                said = f"is not trusted: {self.scrubbed(reason)}; `ca_file:` names a certificate of your own"
            else:
                said = f"does not answer: {self.scrubbed(reason)}"
            raise self.wrong(url, said) from None  # the URL could hold a secret
        try:
            answer = self._read(url, response)
        except UnreadableSource:
            response.close()
            raise
        response.release_conn()
        return answer

    def _read(self, url: str, response: urllib3.BaseHTTPResponse) -> _Answer:
        if response.status != 200:
            raise self.wrong(url, _refused(response.status, self.live, response.headers))
        until = time.monotonic() + max(self.live.timeout, 1) * 10
        body = bytearray()
        try:
            for piece in response.stream(_PIECE, decode_content=True):
                body += piece
                if len(body) > MAX_PAGE:
                    raise self.wrong(url, f"answers with more than {MAX_PAGE // 2**20} MiB in one page; ask for smaller ones")
                if time.monotonic() > until:
                    raise self.wrong(url, "answers too slowly; raise `timeout:`")
        except (HTTPError, OSError) as error:
            raise self.wrong(url, f"broke off: {self.scrubbed(error)}") from None  # the URL could hold a secret
        return _Answer(url=url, body=bytes(body), link=response.headers.get("Link", ""))

    def json(self, answer: _Answer) -> Any:
        """The body as JSON."""
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self.wrong(answer.url, "answers with something that is no JSON") from None  # what is wrong with it could be a secret

    def wrong(self, url: str, what: str) -> UnreadableSource:
        """The error that says this of this address."""
        return UnreadableSource(f"{self.asking.source}: {shown(url)} {what}")

    def scrubbed(self, error: object) -> str:
        """What a library says, without what must not be said."""
        return scrubbed(error, self.base, self.token, *self.seen)


def _refused(status: int, live: Web, headers: Mapping[str, str]) -> str:
    if status in (401, 403):
        where = live.token_env or live.token_file
        return f"refuses the token ({status}); look at {where}" if where else f"wants a token ({status}); name its `token_env:`"
    if 300 <= status < 400:
        return f"has moved to {shown(headers.get('Location', ''))} ({status}); that is not followed: state the new address"
    tried = f" after {live.retries + 1} tries" if status in _AGAIN else ""
    return f"answers with status {status}{tried}"


def _split(url: str, asking: Asking) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, known = None, False
    if not parts or not known:
        raise InputError(f"{asking.source}: url: {shown(url)} is no address such as https://api.example.org/v1/people")
    if parts.username or parts.password:
        raise InputError(f"{asking.source}: url: a user and password do not belong in the address; `token_env:` names a token")
    return parts


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _with(url: str, more: Mapping[str, str | int]) -> str:
    """The address with these query parameters, in place of those of the same name."""
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in more]
    return urlunsplit(parts._replace(query=urlencode([*kept, *more.items()])))


def _path(text: str, asking: Asking, field: str) -> ParsedResult:
    try:
        return jmespath.compile(text)
    except JMESPathError as error:
        raise InputError(f"{asking.source}: {field}: {text!r} is no JMESPath: {scrubbed(error)}") from error


# pages


def _paged(session: _Session, live: Http) -> Iterator[Page]:
    asking = session.asking
    items = _path(live.items, asking, "items") if live.items else None
    next_ = _path(live.next, asking, "next") if live.next else None
    size: dict[str, str | int] = {live.limit: live.size} if live.limit else {}
    url = _with(
        session.base, {**live.params, **size, **({live.page: live.first} if live.page else {}), **({live.offset: 0} if live.offset else {})}
    )
    number, count = 0, 0
    while url:
        answer = session.get(url)
        body = session.json(answer)
        found = items.search(body) if items else body
        if found is None and number:
            found = []
        if items and not isinstance(found, list):
            raise session.wrong(url, f"has no list at {live.items!r}; `items:` is the way to the records in the body")
        length = _length(found)
        number, count = number + 1, count + length
        if length or number == 1:
            yield Page(
                f"page-{number}.json", iter((json.dumps(found, ensure_ascii=False).encode(errors="replace") if items else answer.body,))
            )
        url = _following(live, answer, next_, body, number=number, count=count, length=length)


def _length(found: Any) -> int:
    return len(cast("list[Any]", found)) if isinstance(found, list) else 1


def _following(live: Http, answer: _Answer, next_: ParsedResult | None, body: object, *, number: int, count: int, length: int) -> str:
    """The address of the page after this one; "" after the last."""
    if next_:
        value = next_.search(body)
        if not isinstance(value, str | int) or isinstance(value, bool) or value in ("", 0):
            return ""
        return _with(answer.url, {live.cursor: value}) if live.cursor else urljoin(answer.url, str(value))
    if live.page:
        return _with(answer.url, {live.page: live.first + number}) if length else ""
    if live.offset:
        return _with(answer.url, {live.offset: count}) if length else ""
    links = _links(answer.link)
    return urljoin(answer.url, links["next"]) if "next" in links else ""


def _links(header: str) -> dict[str, str]:
    """The targets of a Link header (RFC 8288) by relation."""
    found: dict[str, str] = {}
    for one in header.split("<")[1:]:
        target, _, after = one.partition(">")
        for parameter in after.split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "rel":
                found.update(dict.fromkeys(value.strip().rstrip(",").strip().strip('"').lower().split(), target.strip()))
    return found


def _scim(session: _Session, live: Scim) -> Iterator[Page]:
    for resource in live.resources:
        start, number, total = 1, 0, 1
        while start <= total:
            answer = session.get(_with(f"{session.base.rstrip('/')}/{resource}", {"startIndex": start, "count": live.size}))
            body = session.json(answer)
            if not isinstance(body, dict) or "totalResults" not in body:
                raise session.wrong(answer.url, "answers with no SCIM ListResponse")
            said = cast("dict[str, Any]", body)
            listed, stated = cast("list[Any]", said.get("Resources") or []), str(said["totalResults"])
            total = int(stated) if stated.isdigit() else 0
            number += 1
            if listed or number == 1:
                yield Page(f"{resource}-{number}.json", iter((answer.body,)))
            if not listed:
                if start <= total:
                    raise session.wrong(answer.url, f"says that there are {total} and stops at {start - 1}")
                break
            start += len(listed)
