// Between Streamlit components v2 and cytoscape.js. Streamlit calls the default export on mount and again whenever
// `data` changes; the graph itself lives on the host element, so positions, zoom and selection outlive reruns.
const KEEP = Symbol.for("ctx.graph");
const memory = (globalThis.__ctxMemory ||= new Map());   // key -> where things stood when the page was left

const library = () => new Promise((resolve, reject) => {
  const started = performance.now();
  (function look() {
    if (globalThis.__ctxGraph) return resolve(globalThis.__ctxGraph);
    if (performance.now() - started > 20000) return reject(new Error("The graph library did not load."));
    setTimeout(look, 15);
  })();
});

// A layout makes room for names, so it waits for the font that they are written in, but not for ever.
const lettered = (host) => Promise.race([
  document.fonts.load(`12px ${token(host, "--st-font", "sans-serif")}`).catch(() => []), new Promise((done) => { setTimeout(done, 2000); }),
]);

const FORM = .8;                                                 // height to width of a picture beside its details
const moving = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;
const token = (host, name, fallback) => getComputedStyle(host).getPropertyValue(name).trim() || fallback;

function styleSheet(host, { big, many, boxes, letters }) {
  const ink = token(host, "--st-text-color", "#222"), paper = token(host, "--st-background-color", "#fff");
  const accent = token(host, "--st-primary-color", "#e4572e");
  const font = token(host, "--st-font", "sans-serif").replace(/['"]/g, "").split(",")[0];
  const text = { label: "data(name)", color: ink, "font-family": font, "text-max-width": 11 * letters, "text-wrap": "ellipsis" };
  const dot = { width: 22, height: 22, "font-size": letters, "text-valign": "bottom", "text-margin-y": 3, "min-zoomed-font-size": many ? 9 : 6,
    ...(many ? {} : { "text-wrap": "wrap", label: (n) => { const name = n.data("name"); return name.length > 40 && !n.data("count") ? `${name.slice(0, 39)}…` : name; } }),
    "text-outline-color": paper, "text-outline-width": 2 };
  const box = { shape: "round-rectangle", width: 172, height: 44, "font-size": 12, "text-max-width": 164, "text-valign": "center", "background-opacity": .22,
    "border-width": 1.5, "text-wrap": "wrap" };
  return [
    { selector: "node", style: { ...text, ...(boxes ? box : dot), "background-color": "#888" } },
    { selector: "node[color]", style: { "background-color": "data(color)", "border-color": "data(color)" } },
    { selector: "node[count]", style: { shape: "round-hexagon", width: 46, height: 46, "text-wrap": "wrap", "text-max-width": 150, "text-valign": boxes ? "center" : "bottom" } },
    { selector: "edge", style: { width: 1.2, "line-color": ink, "target-arrow-color": ink, "target-arrow-shape": big ? "none" : "triangle", "arrow-scale": .8, opacity: .35,
        "curve-style": big ? "haystack" : "bezier" } },                // of a thousand, heads of arrows are not seen but cost a third of each frame
    { selector: "edge[weights]", style: { "curve-style": "round-segments", "segment-weights": (e) => e.data("weights"), "segment-distances": (e) => e.data("distances"),
        "segment-radii": 14, "edge-distances": "node-position", opacity: 1, "line-opacity": .55 } },
    { selector: "edge[label]", style: { label: "data(label)", "font-size": 10, color: ink, "text-background-color": paper, "text-background-opacity": .9 } },
    { selector: "node[state = 'overdue']", style: { "border-width": 3, "border-color": token(host, "--st-red-color", "#d62728"), "border-style": "dashed" } },
    { selector: "node[more]", style: { "outline-width": 2, "outline-color": accent, "outline-offset": 2, "outline-opacity": .55, "outline-style": "dotted" } },
    { selector: "node.pinned", style: { "border-width": 3, "border-color": ink, "border-style": "double" } },
    { selector: "node[lit]", style: { "border-width": 4, "border-color": accent, "border-style": "solid", "background-opacity": boxes ? .5 : 1 } },
    { selector: "edge[lit]", style: { width: 4, "line-color": accent, "target-arrow-color": accent, opacity: 1, "line-opacity": 1 } },
    { selector: "node.anchor", style: boxes ? { "border-width": 3 } : { width: 38, height: 38, "font-weight": "bold", "font-size": letters + 2, "text-max-width": 18 * letters } },
    ...(boxes ? [] : [{ selector: "node[post]", style: { "font-size": "data(post)", "text-max-width": 260, "min-zoomed-font-size": 0, "z-index": 9, "text-outline-width": 3 } }]),
    { selector: ".far", style: { opacity: .13, "text-opacity": 0 } },
    { selector: "edge.near", style: { ...(big ? { "curve-style": "straight", "target-arrow-shape": "triangle" } : {}), width: 2, "line-color": accent, "target-arrow-color": accent, opacity: 1, label: "data(kind)", "font-size": 9, color: ink,
        "text-background-color": paper, "text-background-opacity": .85, "text-rotation": boxes ? "none" : "autorotate" } },
    { selector: "node:selected", style: { "border-width": 4, "border-color": accent, "border-style": "solid" } },
    { selector: "node.cursor", style: { "underlay-color": accent, "underlay-opacity": .3, "underlay-padding": 7 } },
  ];
}

// Names under dots keep their size where the picture is shrunk to fit; of many only those that most hangs on, else they would cover each other.
const FEW = 120;
const legible = (cy) => cy.nodes().length > FEW ? 11 : Math.round(Math.min(17, 11 / Math.min(1, cy.zoom())));
function signposts(cy) {
  cy.nodes("[post]").removeData("post");
  if (cy.nodes().length <= FEW) return;
  const size = Math.round(Math.min(40, 12 / Math.min(1, cy.zoom())));
  cy.nodes().sort((a, b) => b.degree() - a.degree()).slice(0, 12).forEach((n) => { n.data("post", size); });
}
const shape = (props, count = props.nodes.length) => ({ big: count > 600, many: count > FEW, boxes: props.layout === "layered" || props.layout === "tree" });
// All of it in view, but a handful of things not larger than life.
function fitted(cy, padding = 24) {
  cy.fit(undefined, padding);
  if (cy.zoom() > 1.3) { cy.zoom(1.3); cy.center(); }
}
const force = (more) => ({ name: "fcose", quality: "default", animate: false, randomize: true, idealEdgeLength: 105, nodeSeparation: 110, nodeRepulsion: 9000, nodeDimensionsIncludeLabels: true, fit: true, padding: 24, ...more });

// fcose reads best up to about 120 nodes; above, it is slow (1.5 s at 250, 23 s at 2,000) and draws a ball. ForceAtlas2 takes 0.2 s
// at 250 and shows what hangs together. Its unit is arbitrary, so the result is scaled until the nodes have room, and the scale kept
// for what is added later. It begins on a spiral, so that the same graph is the same picture.
function spread({ Graph, forceAtlas2 }, self, still = new Set()) {
  const { cy } = self, plan = new Graph({ multi: true }), unit = still.size ? self.unit || 1 : 1, count = cy.nodes().length;
  cy.nodes().forEach((n, place) => {
    const at = n.position(), far = 10 * Math.sqrt(place), turn = place * 2.4, fixed = still.has(n.id());
    plan.addNode(n.id(), still.size ? { x: at.x / unit, y: at.y / unit, fixed } : { x: far * Math.cos(turn), y: far * Math.sin(turn) });
  });
  cy.edges().forEach((e) => { plan.addEdge(e.source().id(), e.target().id()); });
  forceAtlas2.assign(plan, { iterations: still.size ? 60 : count > 600 ? 200 : 300, settings: { ...forceAtlas2.inferSettings(plan), barnesHutOptimize: count > 600 } });
  if (!still.size) self.unit = 27 / closeness(plan.mapNodes((_, { x, y }) => [x, y]));
  cy.batch(() => plan.forEachNode((id, { x, y }) => { if (!still.has(id)) cy.getElementById(id).position({ x: x * self.unit, y: y * self.unit }); }));
  if (!still.size) { filled(cy); fitted(cy); }
}

// How far the nearest one is, for a node that has it nearer than three in four have.
function closeness(points) {
  const every = Math.ceil(points.length / 500), near = points.filter((_, place) => place % every === 0).map((a) => {
    let least = Infinity;
    for (const b of points) if (b !== a) least = Math.min(least, (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2);
    return Math.sqrt(least);
  }).sort((a, b) => a - b);
  return near[Math.floor(near.length / 4)] || 1;
}

// Drawn apart along the side that most windows have more of, so that it is used; not by this window, or a link would show another picture in another.
function filled(cy) {
  const { w, h } = cy.nodes().boundingBox({ includeLabels: false }), more = FORM * (w / h);
  const bounded = Math.max(.4, Math.min(2.5, more || 1));
  cy.batch(() => cy.nodes().forEach((n) => { const { x, y } = n.position(); n.position(more > 1 ? { x, y: y * bounded } : { x: x / bounded, y }); }));
}

// dagre by hand, not through cytoscape-dagre, which drops the bend points: without them long edges run through boxes.
function layered(cy, dagre, rankdir) {
  const plan = new dagre.graphlib.Graph({ multigraph: true });
  plan.setGraph({ rankdir, nodesep: 22, ranksep: rankdir === "LR" ? 46 : 44, edgesep: 12 });
  plan.setDefaultEdgeLabel(() => ({}));
  cy.nodes().forEach((n) => { plan.setNode(n.id(), { width: 176, height: 48 }); });
  cy.edges().forEach((e) => { plan.setEdge(e.source().id(), e.target().id(), { width: e.data("label") ? 60 : 0, height: 12, labelpos: "c" }, e.id()); });
  dagre.layout(plan);
  cy.batch(() => {
    cy.nodes().forEach((n) => { const at = plan.node(n.id()); n.position({ x: at.x, y: at.y }); });
    cy.edges().forEach((e) => {
      const s = e.source().position(), t = e.target().position(), vx = t.x - s.x, vy = t.y - s.y, length = Math.hypot(vx, vy) || 1;
      const bends = plan.edge(e.source().id(), e.target().id(), e.id()).points.slice(1, -1);
      e.data("weights", bends.map((p) => ((p.x - s.x) * vx + (p.y - s.y) * vy) / length ** 2));
      e.data("distances", bends.map((p) => ((p.y - s.y) * vx - (p.x - s.x) * vy) / length));
    });
  });
  fitted(cy, 36);
  if (cy.zoom() >= .6) return;                                    // names that cannot be read say nothing: begin where it begins
  const first = cy.nodes(".anchor").nonempty() ? cy.nodes(".anchor") : cy.nodes().max((n) => n.outdegree()).ele;
  cy.zoom(.6); cy.center(first);
  const { x1, y1 } = cy.elements().boundingBox(), { x, y } = cy.pan();
  cy.pan(rankdir === "LR" ? { x: 24 - .6 * x1, y } : { x, y: 24 - .6 * y1 });
}

// A tree from the top down, or from left to right where it would be too wide to be read.
function tree(cy, dagre) {
  layered(cy, dagre, "TB");
  const frame = cy.elements().boundingBox();
  if (frame.w > 1.2 * cy.width() && frame.w > 2 * frame.h) layered(cy, dagre, "LR");
}

// Rings round the anchor by the number of steps from it.
function radial(cy, anchor) {
  const root = anchor && cy.getElementById(anchor).nonempty() ? cy.getElementById(anchor) : cy.nodes().max((n) => n.degree()).ele;
  const far = new Map();
  cy.elements().bfs({ roots: root, visit: (node, edge, from, index, depth) => { far.set(node.id(), depth); } });
  cy.layout({ name: "concentric", animate: false, fit: true, padding: 24, minNodeSpacing: 34, levelWidth: () => 1,
    concentric: (n) => 100 - (far.get(n.id()) ?? 99) }).run();
  fitted(cy);
}

// Streamlit 1.67 loses a trigger when a state value follows within about 5 ms in a later task (measured: 14 of 24), so what
// happens together is told together, in one task.
function outbox(self) {
  const letters = new Map(); let timer = 0;
  return (how, name, value) => {
    letters.set(name, [how, value]);
    clearTimeout(timer);
    timer = setTimeout(() => { for (const [to, [kind, what]] of letters) self.tell[kind](to, what); letters.clear(); }, 40);
  };
}

function mount(cytoscape, host, say, props) {
  const big = props.nodes.length > 600;
  const cy = cytoscape({ container: host, elements: [], minZoom: .02, maxZoom: 4, boxSelectionEnabled: true, hideEdgesOnViewport: props.nodes.length > 1500,
    pixelRatio: big ? 1 : "auto" });
  const self = { cy, cursor: null, props }, send = self.send = outbox(self);
  cy.on("select unselect", "node", () => {
    if (!self.quiet) send("state", "selected", cy.$("node:selected").map((n) => n.id()).sort());   // quiet: Python told us
  });
  // What is pinned, and where, stands in the address: it is told when somebody pins, and heard when the address says something else.
  self.pinned = () => {
    if (!self.props.pins) return;
    const pins = cy.nodes(".pinned").map((n) => [n.id(), Math.round(n.position("x")), Math.round(n.position("y"))]).sort();
    self.pins = JSON.stringify(pins);
    send("state", "pins", pins);
  };
  self.focus = (node) => {
    cy.batch(() => {
      cy.elements().removeClass("near far cursor");
      if (!node) return;
      const near = node.closedNeighborhood();
      cy.elements().not(near).addClass("far"); near.edges().addClass("near"); node.addClass("cursor");
    });
    self.cursor = node || null;
    say.textContent = node ? `${node.data("kind")} ${node.data("name")}: ${node.degree()} relations shown` : "";
  };
  cy.on("tap", (event) => { host.focus({ preventScroll: true }); self.focus(event.target !== cy && event.target.isNode?.() ? event.target : null); });
  cy.on("dragfree", "node", (event) => { event.target.addClass("pinned"); self.pinned(); });
  cy.on("dbltap", "node", (event) => send("trigger", "expand", event.target.id()));
  const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const middle = () => ({ x: host.clientWidth / 2, y: host.clientHeight / 2 });
  host.addEventListener("keydown", (event) => {
    const way = step[event.key];
    if (way) {
      const from = self.cursor || cy.nodes(".anchor").first().union(cy.nodes().first()).first(), here = from.position();
      let best = null, least = Infinity;
      from.neighborhood("node").forEach((node) => {
        const dx = node.position("x") - here.x, dy = node.position("y") - here.y, along = dx * way[0] + dy * way[1];
        const cost = along + 2 * (Math.abs(dx * way[1]) + Math.abs(dy * way[0]));
        if (along > 0 && cost < least) { least = cost; best = node; }
      });
      if (best || !self.cursor) { self.focus(best || from); cy.animate({ center: { eles: self.cursor }, duration: moving() ? 100 : 0 }); }
    } else if (event.key === "Enter" && self.cursor) { cy.nodes().unselect(); self.cursor.select(); }
    else if (event.key === " " && self.cursor) self.cursor.selected() ? self.cursor.unselect() : self.cursor.select();
    else if (event.key === "e" && self.cursor) send("trigger", "expand", self.cursor.id());
    else if (event.key === "x" && self.cursor) send("trigger", "collapse", self.cursor.id());
    else if (event.key === "Delete" && self.cursor) send("trigger", "hide", self.cursor.id());
    else if (event.key === "p" && self.cursor) { self.cursor.toggleClass("pinned"); self.pinned(); }
    else if (event.key === "+" || event.key === "-") cy.zoom({ level: cy.zoom() * (event.key === "+" ? 1.25 : .8), renderedPosition: middle() });
    else if (event.key === "f") fitted(cy);
    else if (event.key === "Escape") { self.focus(null); cy.nodes().unselect(); }
    else return;
    event.preventDefault(); event.stopPropagation();            // Streamlit has shortcuts of its own (c, r)
  });
  self.paint = () => cy.style(styleSheet(host, { ...shape(self.props, cy.nodes().length), letters: self.letters || 11 }));
  self.watch = new ResizeObserver(() => { const before = cy.width(); cy.resize(); if (Math.abs(cy.width() - before) > 40) fitted(cy); }); self.watch.observe(host);
  // A theme switched in the browser changes the custom properties without a call: look when the root's style changes.
  self.theme = token(host, "--st-background-color", "");
  self.clock = setInterval(() => { const now = token(host, "--st-background-color", ""); if (now !== self.theme) { self.theme = now; self.paint(); } }, 500);
  return self;
}

function merge(cy, props) {
  const wanted = new Set([...props.nodes, ...props.edges].map((d) => d.id)), fresh = [];
  cy.batch(() => {
    cy.elements().forEach((element) => { if (!wanted.has(element.id())) element.remove(); });
    for (const d of props.nodes) {
      const known = cy.getElementById(d.id);
      if (known.nonempty()) { if (!("more" in d)) known.removeData("more"); known.data(d); continue; }
      const past = memory.get(props.key)?.at.get(d.id);
      if (past) {
        cy.add({ group: "nodes", data: d, position: { ...past }, classes: memory.get(props.key).pinned.includes(d.id) ? "pinned" : "" });
        continue;
      }
      const near = d.near ? cy.getElementById(d.near) : cy.collection(), at = near.nonempty() ? near.position() : { x: 0, y: 0 };
      const spread = () => (Math.random() - .5) * 120;
      cy.add({ group: "nodes", data: d, position: d.x === undefined ? { x: at.x + spread(), y: at.y + spread() } : { x: d.x, y: d.y } });
      fresh.push(d.id);
    }
    for (const d of props.edges) if (cy.getElementById(d.id).empty()) cy.add({ group: "edges", data: d });
    cy.nodes().removeClass("anchor");
    for (const element of cy.elements("[lit]")) if (!props.lit?.includes(element.id())) element.removeData("lit");
    for (const id of props.lit || []) cy.getElementById(id).data("lit", 1);
    if (props.anchor) cy.getElementById(props.anchor).addClass("anchor");
  });
  return fresh;
}

// Puts what the address pins where it says, and lets go of what it does not pin. `fresh` are things that this picture did not have.
function heard(self, fresh) {
  const { cy, props: { pins } } = self;
  if (!pins) return;
  const said = JSON.stringify([...pins].sort()), news = said !== self.pins, young = new Set(fresh);    // not what this picture told
  self.pins = said;
  const at = new Map(pins.map(([id, x, y]) => [id, { x, y }]));
  cy.batch(() => cy.nodes().forEach((n) => {
    const place = at.get(n.id());
    if (news || young.has(n.id())) { n.toggleClass("pinned", Boolean(place)); if (place) n.position(place); }
  }));
}

// Things are laid out alike each time, so that who follows a link sees the picture of who sent it; `seed` is for who wants another.
function steadily(seed, act) {
  const chance = Math.random;
  let last = seed;
  Math.random = () => (last = (last * 16807) % 2147483647) / 2147483647;
  try { return act(); } finally { Math.random = chance; }
}

// Where much of what was opened fell outside, the whole is shown; things keep their places.
function inView(cy, fresh) {
  const { x1, x2, y1, y2 } = cy.extent();
  const outside = fresh.filter((id) => { const { x, y } = cy.getElementById(id).position(); return x < x1 || x > x2 || y < y1 || y > y2; });
  if (outside.length > fresh.length / 4) cy.animate({ fit: { padding: 24 }, duration: moving() ? 250 : 0 });
}

// What is new finds its place among what it is tied to and the 40 things nearest to it; to lay out all takes five times as long.
function settle(cy, young, old) {
  const hubs = young.neighborhood("node").intersection(old), far = (n) => Math.min(...hubs.map((h) => Math.hypot(n.position("x") - h.position("x"), n.position("y") - h.position("y"))));
  const still = hubs.nonempty() ? hubs.union(old.not(hubs).sort((a, b) => far(a) - far(b)).slice(0, 40)) : old, part = young.union(still);
  part.union(part.edgesWith(part)).layout(force({ randomize: false, animate: moving(), animationDuration: 250, fit: false,
    fixedNodeConstraint: still.map((n) => ({ nodeId: n.id(), position: { ...n.position() } })) })).run();
}

function place(self, kit, props, fresh) {
  const { cy } = self, past = self.layout ? null : memory.get(props.key), large = props.nodes.length > FEW;
  if (past?.layout === props.layout && fresh.length < props.nodes.length) {
    Object.assign(self, { layout: past.layout, unit: past.unit });
    cy.viewport({ zoom: past.zoom, pan: past.pan });
    if (props.layout === "force" && !fresh.length) return;
  }
  const all = fresh.length === props.nodes.length || self.layout !== props.layout;
  const pins = new Map(cy.nodes(".pinned").map((n) => [n.id(), { ...n.position() }]));
  if (props.layout === "layered" || props.layout === "tree") {
    if (all || fresh.length || past) (props.layout === "tree" ? tree : layered)(cy, kit.dagre, "LR");
  } else if (props.layout === "radial") {
    if (all || fresh.length) radial(cy, props.anchor);
  } else if (all) {
    const fixedNodeConstraint = pins.size ? [...pins].map(([nodeId, position]) => ({ nodeId, position })) : undefined;
    if (large) spread(kit, self); else { cy.layout(force({ fixedNodeConstraint })).run(); filled(cy); fitted(cy); }
  } else if (fresh.length) {                                      // expanding: what the analyst knows stays where it is
    const young = new Set(fresh), old = cy.nodes().filter((n) => !young.has(n.id()));
    if (large) spread(kit, self, new Set(old.map((n) => n.id())));
    else settle(cy, cy.nodes().not(old), old);
  }
  if (fresh.length && !all) inView(cy, fresh);
  cy.batch(() => pins.forEach((at, id) => cy.getElementById(id).position(at)));      // what was pinned stays where it was put
  if (all && pins.size) fitted(cy);
  self.layout = props.layout;
  if (all) { self.letters = legible(cy); signposts(cy); self.paint(); }
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

// The picture as SVG, written from what is drawn: no library for it has a licence that we could ship.
function drawn(self, host) {
  const { cy, props } = self, { boxes } = shape(props), frame = cy.elements().boundingBox({ includeLabels: true });
  const ink = token(host, "--st-text-color", "#222"), paper = token(host, "--st-background-color", "#fff"), n = (x) => x.toFixed(1);
  const accent = token(host, "--st-primary-color", "#e4572e"), red = token(host, "--st-red-color", "#d62728");
  const said = (text, x, y, size, middle) => {                   // its lines, the block of them round y, or below it
    const lines = String(text).split("\n"), top = middle ? y - (lines.length - 1) * size * .6 + size * .35 : y + size;
    return `<text font-size="${size}" text-anchor="middle" fill="${ink}">${lines.map((line, at) => `<tspan x="${n(x)}" y="${n(top + at * size * 1.2)}">${escaped(line)}</tspan>`).join("")}</text>`;
  };
  const tip = (id, colour) => `<marker id="${id}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="${colour}"/></marker>`;
  const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="${n(frame.x1 - 12)} ${n(frame.y1 - 12)} ${n(frame.w + 24)} ${n(frame.h + 24)}" font-family="sans-serif">`,
    `<defs>${tip("tip", ink)}${tip("lit", accent)}</defs>`,
    `<rect x="${n(frame.x1 - 12)}" y="${n(frame.y1 - 12)}" width="100%" height="100%" fill="${paper}"/>`];
  cy.edges().forEach((e) => {
    const points = [e.sourceEndpoint(), ...(e.segmentPoints?.() || []), e.targetEndpoint()], lit = e.data("lit"), middle = e.midpoint();
    out.push(`<path d="M${points.map((p) => `${n(p.x)} ${n(p.y)}`).join("L")}" fill="none" stroke="${lit ? accent : ink}" stroke-width="${lit ? 4 : 1.2}" stroke-opacity="${lit ? 1 : .45}" marker-end="url(#${lit ? "lit" : "tip"})"><title>${escaped(e.data("kind"))}</title></path>`);
    if (e.data("label")) out.push(said(e.data("label"), middle.x, middle.y, 10, true));
  });
  cy.nodes().forEach((node) => {
    const { x, y } = node.position(), w = node.width(), h = node.height(), fill = escaped(node.data("color") || "#888"), group = node.data("count");
    const rim = node.data("lit") || node.selected() ? ` stroke="${accent}" stroke-width="4"` : node.data("state") === "overdue" ? ` stroke="${red}" stroke-width="3" stroke-dasharray="5 3"` : boxes ? ` stroke="${fill}"` : "";
    out.push(group ? `<polygon points="${[[-.5, 0], [-.25, -.46], [.25, -.46], [.5, 0], [.25, .46], [-.25, .46]].map(([a, b]) => `${n(x + a * w)},${n(y + b * h)}`).join(" ")}" fill="${fill}"${rim}/>`
      : boxes ? `<rect x="${n(x - w / 2)}" y="${n(y - h / 2)}" width="${n(w)}" height="${n(h)}" rx="6" fill="${fill}" fill-opacity=".22"${rim}/>`
        : `<circle cx="${n(x)}" cy="${n(y)}" r="${n(w / 2)}" fill="${fill}"${rim}/>`);
    out.push(said(node.data("name"), x, boxes ? y : y + h / 2 + 3, boxes ? 12 : self.letters || 11, boxes));
  });
  return new Blob([...out, "</svg>"], { type: "image/svg+xml" });
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob); link.download = name; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function tools(parent, self, host) {
  const paper = () => token(host, "--st-background-color", "#fff");
  const can = {
    fit: () => fitted(self.cy),
    pin: () => { (self.cy.$(":selected").nonempty() ? self.cy.$("node:selected") : self.cursor || self.cy.collection()).toggleClass("pinned"); self.pinned(); },
    again: () => {
      self.layout = null; memory.delete(self.props.key); self.seed = (self.seed || 1) + 1;
      steadily(self.seed, () => place(self, globalThis.__ctxGraph, self.props, self.cy.nodes().map((n) => n.id())));
    },
    svg: () => save(drawn(self, host), "graph.svg"),
    png: () => save(self.cy.png({ output: "blob", full: true, scale: 2, bg: paper(), maxWidth: 8000, maxHeight: 8000 }), "graph.png"),
  };
  for (const [name, act] of Object.entries(can)) parent.querySelector(`[data-do="${name}"]`).onclick = act;
}

export default function ({ parentElement, data: props, setStateValue, setTriggerValue }) {
  const host = parentElement.querySelector(".ctx-graph"), say = parentElement.querySelector(".ctx-say");
  host.style.height = `${props.height}px`;
  host.setAttribute("aria-label", props.label);
  Promise.all([library(), lettered(host)]).then(([kit]) => {
    const self = host[KEEP] ||= mount(kit.cytoscape, host, say, props);
    tools(parentElement, self, host);
    Object.assign(self, { props, tell: { state: setStateValue, trigger: setTriggerValue } });
    self.paint();
    steadily(1, () => { const fresh = merge(self.cy, props); heard(self, fresh); place(self, kit, props, fresh); });
    if (self.cursor) self.focus(self.cursor.inside() ? self.cursor : null);
    if (props.selected && props.turn !== self.turn) {             // otherwise what was clicked meanwhile would be lost
      self.turn = props.turn;
      const wanted = new Set(props.selected); self.quiet = true;
      self.cy.nodes().forEach((node) => { if (node.selected() !== wanted.has(node.id())) wanted.has(node.id()) ? node.select() : node.unselect(); });
      self.quiet = false;
      self.send("state", "selected", self.cy.$("node:selected").map((n) => n.id()).sort());      // so that both sides hold the same
    }
    host.dataset.ready = `${props.nodes.length}`;                 // what a browser test waits for
    host.ctx = self.cy;                                           // and asks for positions
  }).catch((problem) => { host.textContent = String(problem.message || problem); });
  return () => {
    const self = host[KEEP];
    if (!self) return;
    const pinned = self.cy.nodes('.pinned').map((n) => n.id());
    const at = new Map(self.cy.nodes().map((n) => [n.id(), { ...n.position() }]));
    memory.set(self.props.key, { at, pinned, layout: self.layout, unit: self.unit, zoom: self.cy.zoom(), pan: { ...self.cy.pan() } });
    clearInterval(self.clock); self.watch.disconnect(); self.cy.destroy(); delete host[KEEP];
  };
}
