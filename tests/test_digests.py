"""What an owner is told to look after, in every form, and that nobody learns from it what is not for them."""

from __future__ import annotations

import email
import email.policy
import json
from html.parser import HTMLParser

import pytest
from company import company, link, thing

from app.operations import OPERATIONS, Reply, ask
from graph import ContextGraph, Fact, NotFound, Policy, Request
from graph.stores.base import Store

ACCESS = Policy.model_validate(
    {
        "roles": {"all": {}, "staff": {}, "agent": {}},
        "grants": [
            {"role": "all", "allow": {}, "because": "Keeps the graph."},
            {"role": "staff", "allow": {"sensitivity": ["public", "internal"]}, "because": "Staff may."},
            {"role": "agent", "allow": {"sensitivity": ["public", "internal"]}, "because": "Agents may."},
        ],
        "actors": {"person:root": ["all"], "agent:one": ["agent"]},
        "default": ["staff"],
    }
)
SECRET = thing("Policy", "asset:secret", "Secret margin").model_copy(update={"sensitivity": "restricted"})
FACTS: list[Fact] = [
    thing("Person", "person:ann", "Ann Ashby", email="ann@ashby.example"),
    thing("Person", "person:ben", "Ben Birch", email="ben@ashby.example\nBcc: all@ashby.example"),
    thing("Position", "position:cfo", "Finance Chief"),
    thing("Policy", "asset:gifts", "Gift <script> rules [x](http://x.example)", limit=50, verified_at="2020-01-10"),
    thing("Policy", "asset:travel", "Travel rules", verified_at="2026-11-01"),
    thing("Agent", "agent:one", "One"),
    SECRET,
    link("person:ann", "holds", "position:cfo"),
    link("person:ben", "holds", "position:cfo"),
    link("agent:one", "sponsored_by", "position:cfo"),
    *(link(f"asset:{name}", "owned_by", "position:cfo") for name in ("gifts", "travel", "secret")),
]


@pytest.fixture
def context(store: Store) -> ContextGraph:
    """A company in which two sources disagree, an agent asked in vain and proposed, and something is overdue."""
    other: list[Fact] = [thing("Policy", "asset:gifts", "Gift <script> rules [x](http://x.example)", limit=70)]
    made = company(store, FACTS, access=ACCESS, more=[("wiki", 5, other)])
    change = {"do": "set", "id": "asset:travel", "property": "description", "value": "By train."}
    made.desk.propose(Request.model_validate({"changes": [change], "why": "Flying is over."}), actor=ACCESS.actor("agent:one"))
    ask(made, ACCESS.actor("agent:one"), "find", OPERATIONS["find"].question.model_validate({"text": "xylophone"}))
    return made


def digest(context: ContextGraph, who: str = "person:ann", owner: str = "position:cfo", *, behalf: str = "") -> Reply:
    return ask(context, ACCESS.actor(who, behalf=behalf), "digest", OPERATIONS["digest"].question.model_validate({"owner": owner}))


def test_an_owner_is_told_what_there_is_to_do(context: ContextGraph) -> None:
    """What is due, contested, asked for and waiting, of all that the post owns; the same for who holds it."""
    for owner in ("position:cfo", "person:ann"):
        found = json.loads(digest(context, owner=owner).json())
        assert [(one["id"], one["state"]) for one in found["due"]] == [("asset:gifts", "overdue")]
        assert [one["subject"] for one in found["contested"]] == ["asset:gifts"]
        assert [one["subject"] for one in found["asked_for"]] == ["xylophone"]
        assert [(one["proposer"], one["why"]) for one in found["waiting"]] == [("agent:one", "Flying is over.")]
    assert digest(context).text().startswith("Finance Chief: 4 to look after, 2026-11-23\nTo be confirmed:\n  Gift <script> rules")


def test_a_digest_holds_only_what_its_readers_may_see(context: ContextGraph) -> None:
    """Whoever makes it: the restricted policy of the post is in it for nobody who may not see it; the post of nobody is missing."""
    assert "asset:secret" not in digest(context, "person:root").json()
    assert "asset:secret" not in digest(context, "agent:one", behalf="person:root").json()
    assert "Travel" in json.loads(digest(context, "person:root").json())["waiting"][0]["changes"][0]["id"].title()
    with pytest.raises(NotFound):
        digest(context, owner="position:none")
    stranger = json.loads(digest(context, "person:ben", owner="person:ann").json())
    assert [one["id"] for one in stranger["due"]] == ["asset:gifts"]


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def test_words_of_sources_stay_words(context: ContextGraph) -> None:
    """In HTML they are no tags, in Markdown no links."""
    formats = digest(context).formats
    page = Tags()
    page.feed(formats["html"]())
    assert page.tags == {"html", "head", "meta", "title", "body", "h1", "h2", "ul", "li", "br", "code"}
    assert "Gift \\<script\\> rules \\[x\\](http://x.example)" in formats["markdown"]()


def test_the_mail_goes_to_those_who_hold_the_post(context: ContextGraph) -> None:
    """With text and HTML; an address that would add a header is left out; twice the same bytes."""
    made = digest(context).formats["eml"]()
    mail = email.message_from_string(made, policy=email.policy.default)
    assert (mail["To"], mail["Bcc"], mail["X-Unsent"]) == ("ann <ann@ashby.example>", None, "1")
    assert mail["Subject"] == "Ashby: Finance Chief: 4 to look after, 2026-11-23"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == digest(context).text()
    assert digest(context).formats["eml"]() == made
