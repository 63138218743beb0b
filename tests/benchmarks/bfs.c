/* The floor under a walk: the same breadth-first search over arrays in memory, with nothing to fetch and nothing to ask.

   A node's row of `slot`, `other` and `edge` begins at first[node] and is sorted by slot and then by other. Returns the number of
   relations taken; reached[] and *count say what was reached and in which order. seen[] and taken[] hold the stamp of the last walk. */

#include <stdint.h>

static int64_t find(const int32_t *slot, int64_t low, int64_t high, int32_t wanted) {
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (slot[middle] < wanted) low = middle + 1; else high = middle;
    }
    return low;
}

int32_t walk(const int64_t *first, const int32_t *slot, const int32_t *other, const int32_t *edge, const uint8_t *passes,
             const int32_t *rules, const int32_t *depths, int32_t rule_count, const int32_t *anchors, int32_t anchor_count,
             int32_t hops, int32_t entities, int32_t relations, int32_t stamp, int32_t *seen, int32_t *taken, int32_t *reached, int32_t *count) {
    int32_t found = 0, edges = 0, from = 0;
    for (int32_t i = 0; i < anchor_count && found < entities; i++)
        if (passes[anchors[i]] && seen[anchors[i]] != stamp) { seen[anchors[i]] = stamp; reached[found++] = anchors[i]; }
    for (int32_t hop = 0; hop < hops && from < found; hop++) {
        int32_t end = found;
        for (; from < end; from++)
            for (int32_t r = 0; r < rule_count; r++) {
                int32_t node = reached[from];
                if (hop >= depths[r]) continue;
                for (int64_t at = find(slot, first[node], first[node + 1], rules[r]); at < first[node + 1] && slot[at] == rules[r]; at++) {
                    int32_t next = other[at];
                    if (!passes[next] || taken[edge[at]] == stamp) continue;
                    if (edges >= relations || (seen[next] != stamp && found >= entities)) { *count = found; return edges; }
                    taken[edge[at]] = stamp;
                    edges++;
                    if (seen[next] != stamp) { seen[next] = stamp; reached[found++] = next; }
                }
            }
    }
    *count = found;
    return edges;
}
