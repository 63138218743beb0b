#!/bin/sh
# Makes cytoscape.js from npm: one ES module that leaves the library on globalThis. For maintainers; the result is shipped.
set -eu
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cytoscape@3.34.4 @dagrejs/dagre@3.1.3 cytoscape-fcose@2.2.0 graphology@0.26.0 \
  graphology-layout-forceatlas2@0.10.1 esbuild@0.28.2
cat > entry.mjs <<'JS'
import cytoscape from "cytoscape";
import dagre from "@dagrejs/dagre";
import fcose from "cytoscape-fcose";
import Graph from "graphology";
import forceAtlas2 from "graphology-layout-forceatlas2";
cytoscape.use(fcose);
globalThis.__ctxGraph = { cytoscape, dagre, Graph, forceAtlas2 };
JS
node_modules/.bin/esbuild entry.mjs --bundle --minify --format=esm --legal-comments=inline --outfile="$out/cytoscape.js"
for package in cytoscape cytoscape-fcose cose-base layout-base @dagrejs/dagre graphology graphology-layout-forceatlas2; do
  printf '\n== %s %s\n\n' "$package" "$(node -p "require('./node_modules/$package/package.json').version")"
  cat node_modules/$package/LICENSE* 2>/dev/null || true
done > "$out/LICENSES.txt"
sha256sum "$out/cytoscape.js"
