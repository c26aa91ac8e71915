"""The noise in any figure, sum, difference or ratio of this version: standard deviation and 95 % half-width,
computed from noise-model.json alone. Python 3.8 or newer, nothing else. Same licence as the data.

usage: python3 noise_model.py noise-model.json PERIOD TABLE [DIMENSION=CODE ...] [+|- PERIOD TABLE ...]
 like: python3 noise_model.py noise-model.json 2019 by-region place=S - 2018 by-region place=S

    from noise_model import NoiseModel; m = NoiseModel("noise-model.json")
    a, b = "2019 by-region place=S", ("2018", "by-region", "place=S")  # in the second form codes may have spaces
    m.sd({a: 1, b: -1}), m.half_width({a: 1, b: -1})                   # of A - B, the difference of their estimates
    m.sd({a: 1 / B, b: -A / B**2})                                     # of the ratio A / B, to first order
2019.1 names an edition, 2019 the newest. Interval: estimate +/- half-width, rounded outward; it covers noise only."""
import collections, json, math, pathlib, sys
class NoiseModel:
    def __init__(self, path):
        self.model, self.releases = json.loads(pathlib.Path(path).read_text("utf-8")), {}
        self.z = {"planner": 1.96, "laplace": math.log(20) / math.sqrt(2)}[self.model["mechanism"]]
        for r in sorted(({**self.model, **r} for r in self.model["releases"]), key=lambda r: r["edition"]):
            self.releases[r["period"]] = self.releases["%s.%d" % (r["period"], r["edition"])] = r
            r["groups"] = [[self.group(d, l, {m["levels"][i] for m in r["measurements"] if "levels" in m})
                            for l in range(len(d["codes"]))] for i, d in enumerate(r["dimensions"])]
    def group(self, d, level, measured):  # per node of a level: its ancestor one measured level up, how many share that
        nodes = range(len(d["codes"][level]))
        for l in range(level, max([l for l in measured if l < level], default=level), -1):
            nodes = [d["parents"][l][j] for j in nodes]
        size = collections.Counter(nodes)
        return [(j, size[j] if level in measured else 1) for j in nodes]
    def variance(self, combination):  # of the sum of weight times estimate over {cell: weight}
        blocks = collections.defaultdict(collections.Counter)  # independent: (block, s/N^2, groups) -> {nodes: weight}
        for cell, weight in combination.items():
            period, table, *codes = cell.split() if isinstance(cell, str) else cell
            r, codes = self.releases[period], dict(c.split("=", 1) for c in codes)
            dims, levels, known = r["dimensions"], {t["name"]: t["levels"] for t in r["tables"]}[table], False
            at = [d["codes"][l].index(codes.pop(d["name"], "_T")) for d, l in zip(dims, levels)]
            for m in r["measurements"]:
                if m.get("table") == table:  # Laplace noise of scale b, rounded: one draw a cell
                    q, p, known = math.exp(-1 / m["b"]), -math.expm1(-1 / m["b"]), True
                    blocks[id(m), 2 * math.sinh(0.5 / m["b"]) * q * (1 + q) / p**3, tuple(at)][()] += weight
                elif "levels" in m and all(a <= l for a, l in zip(m["levels"], levels)):  # planner
                    known |= all(len(d["codes"][a]) == len(d["codes"][l]) for d, a, l in zip(dims, m["levels"], levels))
                    group, nodes, u = (), (), 1.0
                    for d, groups, a, l, j in zip(dims, r["groups"], m["levels"], levels, at):
                        while l > a: u, j, l = u / groups[l][j][1], d["parents"][l][j], l - 1
                        if a > 0: group, nodes = group + (groups[a][j],), nodes + (j,)
                    x, y = r["M"]**2 * 10**9 * math.prod(c * (c - 1) for _, c in group), 2 * m["rho_nano"]
                    s = -(-x * 1024 // y) / 1024 if x < 1024 * y else -(-x // y)  # x / y = M^2 D / (2 rho), rounded up
                    blocks[id(m), s / math.prod(c for _, c in group)**2, group][nodes] += weight * u
            if codes or not known: raise KeyError(cell)
        return sum(v * f * g * math.prod((i == j) - 1 / c for i, j, (_, c) in zip(p, q, group))
                   for (_, v, group), w in blocks.items() for p, f in w.items() for q, g in w.items())
    def sd(self, combination): return math.sqrt(max(0.0, self.variance(combination)))
    def half_width(self, combination): return self.z * self.sd(combination)

if __name__ == "__main__":
    if len(sys.argv) < 4: sys.exit(__doc__)
    x, sign, cell = collections.Counter(), 1, ()
    for word in sys.argv[2:] + ["+"]:
        if word not in ("+", "-"): cell += (word,)
        else: x[cell], sign, cell = x[cell] + sign, 1 if word == "+" else -1, ()
    try: m = NoiseModel(sys.argv[1]); print("sd %.3f, 95 %% within +/- %.3f" % (m.sd(x), m.half_width(x)))
    except (KeyError, OSError, ValueError) as e: sys.exit("no such file or cell: %s\n" % e + __doc__.split("\n\n")[1])
