"""The graph itself; the front door: everyone outside this package imports from here and from nowhere below."""

from graph.analysis import ANALYSES, Noted
from graph.around import Around, around_json
from graph.chain import Chain
from graph.consistency import Enforced, Unlike
from graph.context import Compacted, ContextGraph, Explained, LoadReport, Seen, Shown, SourceReport, shown_json
from graph.decide import Decided, Rule, Slot, Table, checked, condition, decide, holds, table_of
from graph.dispositions import Disposition, Gap
from graph.errors import (
    Conflict,
    ContextError,
    InputError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotInOntology,
    StoreBusy,
    StoreError,
    UnreadableSource,
    nearest,
)
from graph.estimate import tokens
from graph.export import EXPORTS, rows_of_csv
from graph.identity import Merged, Merges
from graph.impact import Impact, Reached, Wanted
from graph.language import vale_rules
from graph.lateness import Delay, Stale
from graph.meanings import Meaning
from graph.model import (
    Actor,
    At,
    Change,
    Contested,
    Counts,
    Entity,
    Event,
    Facet,
    Fact,
    Filter,
    Finding,
    Level,
    Lines,
    Moment,
    Origin,
    OtherValue,
    Part,
    Properties,
    PropertyValue,
    Reading,
    Relation,
    Revision,
    Scalar,
    Sensitivity,
    SourceTerms,
    Value,
    canonical,
    relation_key,
    slug,
    trusted,
)
from graph.ontology import Freshness, Kind, Ontology, Property, RelationKind, cadence, review_days
from graph.ontology import load as load_ontology
from graph.past import Compared, Difference, Happened, Tag, diff_markdown, rdf_patch, worded_change
from graph.policy import EVERYTHING, Policy, Verdict
from graph.portable import Copied
from graph.precedents import Pattern, Precedent, Precedents
from graph.proposals import Request
from graph.readiness import Candidate, Readiness
from graph.registry import AgentEntry, Knock
from graph.render import RENDERINGS, Item, Missing, Stamp, Subgraph
from graph.review import Case
from graph.route import Approval, Route
from graph.runs import HandOver, Run
from graph.runs import Report as RunReport
from graph.scope import Hit, Scope
from graph.scores import Part as ScorePart
from graph.scores import Point as ScorePoint
from graph.scores import Scored
from graph.scores import Standing as ScoreStanding
from graph.snapshots import Snapshots
from graph.stores import open_store
from graph.stores.base import EntityRow, RelationRow
from graph.verify import Verified
from graph.ways import Ways

__all__ = [
    "ANALYSES",
    "EVERYTHING",
    "EXPORTS",
    "RENDERINGS",
    "Actor",
    "AgentEntry",
    "Approval",
    "Around",
    "At",
    "Candidate",
    "Case",
    "Chain",
    "Change",
    "Compacted",
    "Compared",
    "Conflict",
    "Contested",
    "ContextError",
    "ContextGraph",
    "Copied",
    "Counts",
    "Decided",
    "Delay",
    "Difference",
    "Disposition",
    "Enforced",
    "Entity",
    "EntityRow",
    "Event",
    "Explained",
    "Facet",
    "Fact",
    "Filter",
    "Finding",
    "Freshness",
    "Gap",
    "HandOver",
    "Happened",
    "Hit",
    "Impact",
    "InputError",
    "Item",
    "Kind",
    "Knock",
    "Level",
    "Lines",
    "LoadReport",
    "Meaning",
    "Merged",
    "Merges",
    "Missing",
    "Moment",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotInOntology",
    "Noted",
    "Ontology",
    "Origin",
    "OtherValue",
    "Part",
    "Pattern",
    "Policy",
    "Precedent",
    "Precedents",
    "Properties",
    "Property",
    "PropertyValue",
    "Reached",
    "Readiness",
    "Reading",
    "Relation",
    "RelationKind",
    "RelationRow",
    "Request",
    "Revision",
    "Route",
    "Rule",
    "Run",
    "RunReport",
    "Scalar",
    "Scope",
    "ScorePart",
    "ScorePoint",
    "ScoreStanding",
    "Scored",
    "Seen",
    "Sensitivity",
    "Shown",
    "Slot",
    "Snapshots",
    "SourceReport",
    "SourceTerms",
    "Stale",
    "Stamp",
    "StoreBusy",
    "StoreError",
    "Subgraph",
    "Table",
    "Tag",
    "Unlike",
    "UnreadableSource",
    "Value",
    "Verdict",
    "Verified",
    "Wanted",
    "Ways",
    "around_json",
    "cadence",
    "canonical",
    "checked",
    "condition",
    "decide",
    "diff_markdown",
    "holds",
    "load_ontology",
    "nearest",
    "open_store",
    "rdf_patch",
    "relation_key",
    "review_days",
    "rows_of_csv",
    "shown_json",
    "slug",
    "table_of",
    "tokens",
    "trusted",
    "vale_rules",
    "worded_change",
]
