"""What goes wrong in the exercises of lesson 09, and words of the diagnosis that it must get."""


def training(groups, valid):
    return {g for i, g in enumerate(groups) if i not in valid}


def cost(t, sure, right, wrong, ask):
    return (ask * (sure < t) + wrong * ((sure >= t) & ~right)).sum().item()


def heat(weights, maps):
    positive = (weights * maps).sum(1)[0].relu()
    return positive / positive.max()


def repeated(contents):
    values = list(contents.values())
    return sorted(path for path, value in contents.items() if values.count(value) > 1)


def later_ones(contents):
    seen, found = {}, []
    for path, value in contents.items():
        if seen.setdefault(value, path).split("/")[0] != path.split("/")[0]:
            found.append(path)
    return sorted(found)


WRONG = {
    "09.1": [
        (lambda g, v: sorted(i for i in v if g[i] not in training(g, v)), "no leaks"),
        (lambda g, v: [i for i in v if g[i] in training(g, v)], "rising order"),
        (lambda g, v: sorted({g[i] for i in v} & training(g, v)), "group numbers"),
        (lambda g, v: sorted(i for i in v if [g[j] for j in v].count(g[i]) > 1), "leaks"),
    ],
    "09.2": [
        (lambda s, r, w, a, c: max(c, key=lambda t: cost(t, s, r, w, a)), "highest"),
        (lambda s, r, w, a, c: min(c, key=lambda t: cost(t, s, r, a, w)), "mixed up"),
        (lambda s, r, w, a, c: 0.77, "not among"),
        (lambda s, r, w, a, c: 0.95, "another candidate"),
        (lambda s, r, w, a, c: 0.5, "alike"),
    ],
    "09.3": [
        (lambda m, s: heat(s.mean(1, keepdim=True), m), "each position"),
        (lambda m, s: heat(s, m), "not averaged"),
        (lambda m, s: (s.mean((2, 3), keepdim=True) * m).sum(1)[0].relu(), "largest"),
        (lambda m, s: heat(s.mean((2, 3), keepdim=True), m)[None], "heat is"),
    ],
    "09.4": [("a", "Few pictures"), ("c", "fraction"), ("d", "evidence")],
    "09.5": [
        (repeated, "twice in one class"),
        (later_ones, "missing"),
        (lambda contents: [], "compare"),
        (lambda contents: ["c/6", "b/5", "b/1", "a/9", "a/7"], "not sorted"),
    ],
}
