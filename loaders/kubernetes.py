"""Kubernetes manifests: workloads, the services in front of them, routes to those, what they use by name, and who owns them.

No value of a Secret, ConfigMap or variable is ever looked at: references are read by name only, annotations by an allow list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from graph import Fact, Finding, Properties, UnreadableSource
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, kept, local, owned_by, said, top, trees, words


class _Kind(NamedTuple):
    """What a kind of Kubernetes is here; `after` keeps its names apart from those of other kinds."""

    kind: str
    prefix: str
    after: str = ""


_KINDS: Mapping[str, _Kind] = {
    "Deployment": _Kind("System", "system"),
    "StatefulSet": _Kind("System", "system"),
    "DaemonSet": _Kind("System", "system"),
    "ReplicaSet": _Kind("System", "system", ".replicaset"),
    "ReplicationController": _Kind("System", "system", ".replicationcontroller"),
    "Pod": _Kind("System", "system", ".pod"),
    "Job": _Kind("System", "system", ".job"),
    "CronJob": _Kind("System", "system", ".cronjob"),
    "Service": _Kind("Interface", "interface"),
    "Ingress": _Kind("Interface", "interface", ".ingress"),
    "HTTPRoute": _Kind("Interface", "interface", ".route"),
    "GRPCRoute": _Kind("Interface", "interface", ".route"),
    "Gateway": _Kind("Interface", "interface", ".gateway"),
    "ConfigMap": _Kind("Resource", "resource", ".configmap"),
    "Secret": _Kind("Resource", "resource", ".secret"),
    "PersistentVolumeClaim": _Kind("Resource", "resource", ".volume"),
    "Namespace": _Kind("Resource", "resource", ".namespace"),
}
_OWNERS = frozenset(("owner", "owners", "team", "squad", "maintainer", "owned-by", "contact"))
_KEPT = frozenset(("description", "kubernetes.io/description", "a8r.io/description"))
_ADDRESSES = frozenset(("a8r.io/documentation", "a8r.io/repository", "a8r.io/support", "a8r.io/dashboard"))
_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/instance", "environment", "env", "tier")
_META = words("name namespace labels annotations ownerReferences uid resourceVersion generation creationTimestamp managedFields")
_POD_TEMPLATES = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


class _Workload(NamedTuple):
    """A workload of the source by what services select it with."""

    own: str
    labels: frozenset[tuple[str, str]]


_Label: TypeAlias = tuple[str, str, str]  # a namespace, and key and value of a label


WHOLE = True  # a file is read in the light of the others


def matches(file: File) -> bool:
    """Whether there are objects with `apiVersion` and `kind` that are not another format's."""
    found = top(file, "apiVersion", "kind")
    return {"apiVersion", "kind"} <= found and "backstage.io/" not in file.text() and bool(found & {"metadata", "items"})


def read(file: File) -> Iterator[Fact | Finding]:
    """The objects of a file; a Service finds its workloads in all files of the source."""
    tally = Tally(file)
    for one in file.whole.once(_parsed).get(file.name) or _objects(file):
        kind, own = one["kind"].text, _own(one)
        if not one["apiVersion"].text or not kind:
            yield said(one, "row", "an object of Kubernetes has `apiVersion` and `kind`")
        elif kind not in _KINDS:
            tally.add(f"kind {kind}", one.where)
        elif not own:
            yield said(one, "row", f"metadata.name: the {kind} has no name", level="error")
        else:
            yield from _object(one, kind, own, tally)
            if kind == "Service":
                yield from _selected(one, own)
    yield from tally.findings()


def _objects(file: File) -> Iterator[Node]:
    """All objects of a file, also those in a List."""
    for document in trees(file):
        for one in document.items():
            yield from one["items"].items() if one["kind"].text.endswith("List") else [one]


def _own(one: Node) -> str:
    return _id(one["kind"].text, one["metadata"]["name"].text, one["metadata"]["namespace"].text)


def _id(kind: str, name: str, namespace: str) -> str:
    """The id of an object; those of the default namespace, or of none, go by their name alone."""
    how = _KINDS.get(kind)
    folder = f"{local(namespace)}/" if local(namespace) not in ("", "default") and kind != "Namespace" else ""
    return f"{how.prefix}:{folder}{local(name)}{how.after}" if how and local(name) else ""


def _object(one: Node, kind: str, own: str, tally: Tally) -> Iterator[Fact]:
    meta = one["metadata"]
    namespace = meta["namespace"].text
    yield thing(_KINDS[kind].kind, own, one.where, name=meta["name"].text, properties=_properties(one, kind, tally))
    for key, text in _marks(meta):
        if key.rpartition("/")[2].casefold() in _OWNERS:
            yield from owned_by(own, text, meta.where)
    if whole := local(meta["labels"]["app.kubernetes.io/part-of"].text):
        yield thing("System", f"system:{whole}", meta.where, name=meta["labels"]["app.kubernetes.io/part-of"].text)
        if own != f"system:{whole}" and _KINDS[kind].kind != "Resource":
            yield from link(own, "part_of", f"system:{whole}", meta["labels"].where)
    for above in meta["ownerReferences"].items():
        target = _id(above["kind"].text, above["name"].text, namespace)
        yield from link(own, "part_of", target, above.where)
        tally.add(f"an owner of kind {above['kind'].text}", above.where, 0 if target else 1)
    yield from _routes(one, own, namespace)
    yield from _uses(one, own, namespace)
    tally.rest(meta, _META, "metadata.")
    for part in ("data", "stringData", "binaryData"):
        tally.add(f"{part} of a {kind}", one[part].where, len(one[part].names()))


def _marks(meta: Node) -> list[tuple[str, str]]:
    return [(key, one.text) for part in ("labels", "annotations") for key, one in meta[part].pairs()]


def _properties(one: Node, kind: str, tally: Tally) -> Properties:
    """Labels and annotations by an allow list: others may repeat the whole object, secrets and all (`last-applied-configuration`)."""
    marks = _marks(one["metadata"])
    unread = [key for key, _ in marks if key not in (*_KEPT, *_ADDRESSES, *_LABELS) and key.rpartition("/")[2].casefold() not in _OWNERS]
    tally.add("a label or annotation", one["metadata"].where, len([key for key in unread if not key.startswith("app.kubernetes.io/")]))
    images = [
        text for pod in _pods(one) for part in ("initContainers", "containers") for two in pod[part].items() if (text := two["image"].text)
    ]
    hosts = [*(two["host"].text for two in one["spec"]["rules"].items()), *one["spec"]["hostnames"].texts] if kind in _ROUTES else []
    return kept(
        type=kind,
        namespace=one["metadata"]["namespace"].text,
        description=next((text for key, text in marks if key in _KEPT), ""),
        version=one["metadata"]["labels"]["app.kubernetes.io/version"].text,
        url=[text for key, text in marks if key in _ADDRESSES] + [f"https://{host}" for host in dict.fromkeys(hosts) if host],
        technology=list(dict.fromkeys(images)),
        labels=tally.labels([(key, text) for key, text in marks if key in _LABELS], one["metadata"].where),
    )


_ROUTES = frozenset(("Ingress", "HTTPRoute", "GRPCRoute"))


def _routes(one: Node, own: str, namespace: str) -> Iterator[Fact]:
    """From an Ingress or a route to the services behind it: the current form, and that of `extensions/v1beta1`."""
    if one["kind"].text not in _ROUTES:
        return
    spec = one["spec"]
    backends = [spec["defaultBackend"], spec["backend"]]
    for rule in spec["rules"].items():
        backends += [path["backend"] for path in rule["http"]["paths"].items()]
        backends += list(rule["backendRefs"].items())
    for backend in backends:
        name = backend["service"]["name"].text or backend["serviceName"].text or backend["name"].text
        target = _id("Service", name, backend["namespace"].text or namespace)
        yield from link(own, "depends_on", target, backend.where, properties={"sort": "service"})


def _pods(one: Node) -> Iterator[Node]:
    """The specification of the pods that the object runs."""
    if one["kind"].text == "Pod":
        yield one["spec"]
    for path in _POD_TEMPLATES:
        node = one
        for key in path:
            node = node[key]
        if node["spec"]:
            yield node["spec"]


def _uses(one: Node, own: str, namespace: str) -> Iterator[Fact]:
    """The configuration, secrets and volumes that its pods name."""
    for pod in _pods(one):
        for kind, named in _references(pod):
            target = _id(kind, named.text, namespace)
            yield from link(own, "depends_on", target, named.where, properties={"sort": "data"})


def _references(pod: Node) -> Iterator[tuple[str, Node]]:
    for volume in pod["volumes"].items():
        yield "ConfigMap", volume["configMap"]["name"]
        yield "Secret", volume["secret"]["secretName"]
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        for source in volume["projected"]["sources"].items():
            yield "ConfigMap", source["configMap"]["name"]
            yield "Secret", source["secret"]["name"]
    for container in (two for part in ("initContainers", "containers") for two in pod[part].items()):
        for source in container["envFrom"].items():
            yield "ConfigMap", source["configMapRef"]["name"]
            yield "Secret", source["secretRef"]["name"]
        for variable in container["env"].items():
            yield "ConfigMap", variable["valueFrom"]["configMapKeyRef"]["name"]
            yield "Secret", variable["valueFrom"]["secretKeyRef"]["name"]
    for secret in pod["imagePullSecrets"].items():
        yield "Secret", secret["name"]


# services find their workloads by labels


def _parsed(files: Sequence[File]) -> Mapping[str, Sequence[Node]]:
    """The objects of each file of the source. One that cannot be read is left out here, and says so when it is read itself."""
    found: dict[str, Sequence[Node]] = {}
    for file in files:
        try:
            found[file.name] = list(_objects(file))
        except UnreadableSource:
            continue
    return found


def _selectable(files: Sequence[File]) -> Mapping[_Label, Sequence[_Workload]]:
    """All workloads of the source by namespace and each label of their pods."""
    found: dict[_Label, list[_Workload]] = defaultdict(list)
    for one in (one for file in files for one in file.whole.once(_parsed).get(file.name, ())):
        if _KINDS.get(one["kind"].text, _Kind("", "")).kind == "System" and _own(one):
            workload = _Workload(_own(one), _pod_labels(one))
            for label in workload.labels:
                found[(_space(one), *label)].append(workload)
    return found


def _space(one: Node) -> str:
    return one["metadata"]["namespace"].text or "default"


def _pod_labels(one: Node) -> frozenset[tuple[str, str]]:
    metas = [one["spec"]["template"]["metadata"], one["spec"]["jobTemplate"]["spec"]["template"]["metadata"]]
    metas += [one["metadata"]] if one["kind"].text == "Pod" else []
    return frozenset((key, value.text) for meta in metas for key, value in meta["labels"].pairs())


def _selected(service: Node, own: str) -> Iterator[Fact]:
    """The workloads that a Service sends to: all whose pods carry every label of its selector."""
    wanted = frozenset((key, one.text) for key, one in service["spec"]["selector"].pairs())
    if not wanted:
        return
    for workload in service.file.whole.once(_selectable).get((_space(service), *min(wanted)), ()):
        if wanted <= workload.labels:
            yield from link(workload.own, "provides", own, service["spec"]["selector"].where)
