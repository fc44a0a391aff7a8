"""What goes wrong in the exercises of lesson 03, and words of the diagnosis that it must get."""

import copy

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, normalize
from torch.optim.lr_scheduler import LambdaLR, LinearLR


def plain(name):
    return "".join(letter for letter in name.lower() if letter not in " _-")


def looked_up(known, mine):
    """The last of two names that fit wins: a dictionary keeps one."""
    table = {plain(name): i for i, name in enumerate(known)}
    return [table.get(plain(name)) for name in mine]


def only_once(known, mine):
    """None for several partners, even if one is spelled exactly so."""
    once = [plain(name) for name in known]
    return [once.index(plain(name)) if once.count(plain(name)) == 1 else None for name in mine]


def as_right(known, mine):
    places = only_once(known, mine)
    return [
        known.index(name) if name in known else place
        for name, place in zip(mine, places, strict=True)
    ]


def zero_is_false(known, mine):
    return [place or None for place in as_right(known, mine)]


def part_of(known, mine):
    found = []
    for name in mine:
        places = [i for i, other in enumerate(known) if plain(name) in plain(other)]
        found.append(places[0] if len(places) == 1 else None)
    return found


def underscore_forgotten(known, mine):
    forms = [name.lower().replace("-", " ") for name in known]
    return [
        forms.index(form) if forms.count(form := name.lower().replace("-", " ")) == 1 else None
        for name in mine
    ]


def means(features, labels, classes, before=True, after=True, bias=0.0):
    new = nn.Linear(features.shape[1], classes)
    features = normalize(features, dim=1) if before else features
    for label in range(classes):
        row = features[labels == label].mean(0)
        new.weight.data[label] = normalize(row, dim=0) if after else row
    new.bias.data.fill_(bias)
    return new


def one_mean(features, labels, classes):
    new = means(features, labels * 0, 1)
    wide = nn.Linear(features.shape[1], classes)
    wide.weight.data = new.weight.data.repeat(classes, 1)
    nn.init.zeros_(wide.bias)
    return wide


def bare_rows(features, labels, classes):
    return means(features, labels, classes).weight


def reordered(rows=True, biases=True, invert=False):
    def reorder_head(layer, order):
        order = torch.tensor(order).argsort() if invert else order
        new = copy.deepcopy(layer)
        new.weight.data = layer.weight.data[order] if rows else layer.weight.data.clone()
        new.bias.data = layer.bias.data[order] if biases else layer.bias.data.clone()
        return new

    return reorder_head


def in_place(layer, order):
    layer.weight.data = layer.weight.data[order]
    layer.bias.data = layer.bias.data[order]
    return copy.deepcopy(layer)


def shared(layer, order):
    new = reordered()(layer, order)
    new.bias = layer.bias
    return new


def warmed(factor, zeroed=True):
    def train_warm(net, batches, rate, warm):
        optimizer = torch.optim.AdamW(net.parameters(), rate)
        for step, (pictures, targets) in enumerate(batches):
            optimizer.param_groups[0]["lr"] = rate * factor(step, warm)
            if zeroed:
                optimizer.zero_grad()
            cross_entropy(net(pictures), targets).backward()
            optimizer.step()
        return net

    return train_warm


def right_rate(step, warm):
    return min(1, (step + 1) / warm)


def scheduled(make):
    """The warm-up by a scheduler of torch."""

    def train_warm(net, batches, rate, warm):
        optimizer = torch.optim.AdamW(net.parameters(), rate)
        schedule = make(optimizer, warm)
        for pictures, targets in batches:
            optimizer.zero_grad()
            cross_entropy(net(pictures), targets).backward()
            optimizer.step()
            schedule.step()
        return net

    return train_warm


def codes(pictures, side=8, centred=True):
    x = adaptive_avg_pool2d(pictures.float().mean(1, keepdim=True), side).flatten(1)
    return normalize(x - x.mean(1, keepdim=True) if centred else x, dim=1)


def duplicates(cosines, at_least=0.95):
    best, partner = cosines.max(1)
    return {i: int(partner[i]) for i in range(len(best)) if best[i] > at_least}


def alike(train, test, at_least=0.95, mirrored=True, strange=lambda cosines: cosines, **how):
    cosines = strange(codes(test, **how) @ codes(train, **how).T)
    if mirrored:
        cosines = cosines.maximum(strange(codes(test.flip(3), **how) @ codes(train, **how).T))
    return duplicates(cosines, at_least)


def same_files(train, test):
    pairs = [(i, k) for i, a in enumerate(test) for k, b in enumerate(train) if a.equal(b)]
    return dict(pairs)


def without_first(train, test):
    return {mine: theirs for mine, theirs in alike(train, test).items() if theirs}


def names_back(known, mine):
    return [None if place is None else known[place] for place in as_right(known, mine)]


def minus_one(known, mine):
    return [-1 if place is None else place for place in as_right(known, mine)]


def partners_only(known, mine):
    return [place for place in as_right(known, mine) if place is not None]


def lowered_in_place(known, mine):
    known[:] = [plain(name) for name in known]
    return as_right(known, mine)


def layer(features, count):
    new = nn.Linear(features, count)
    nn.init.zeros_(new.bias)
    return new


def filled(skip=lambda theirs: theirs is None, bias=True):
    def rows_from(old, rows):
        new = layer(old.in_features, len(rows))
        for mine, theirs in enumerate(rows):
            if not skip(theirs):
                new.weight.data[mine] = old.weight.data[theirs]
                if bias:
                    new.bias.data[mine] = old.bias.data[theirs]
        return new

    return rows_from


def known_first(old, rows):
    known = [theirs for theirs in rows if theirs is not None]
    return filled()(old, known + [None] * (len(rows) - len(known)))


def random_biases(old, rows):
    new, random = filled()(old, rows), nn.Linear(old.in_features, len(rows))
    for mine, theirs in enumerate(rows):
        if theirs is None:
            new.bias.data[mine] = random.bias.data[mine]
    return new


def zero_rows(old, rows):
    new = filled()(old, rows)
    for mine, theirs in enumerate(rows):
        if theirs is None:
            new.weight.data[mine] = 0
    return new


def inside_the_old(old, rows):
    new = filled()(old, rows)
    old.weight.data = new.weight.data
    return new


def views(old, rows):
    new = filled()(old, rows)
    new.weight = nn.Parameter(old.weight[: len(rows)])
    return new


def frozen(old, rows):
    return filled()(old, rows).requires_grad_(False)


def known_only(old, rows):
    return filled()(old, [theirs for theirs in rows if theirs is not None])


def last_for_new(old, rows):
    return filled(skip=lambda theirs: False)(old, [-1 if r is None else r for r in rows])


def one_row(bias):
    def yes_or_no(old, row, level):
        new = nn.Linear(old.in_features, 1)
        new.weight.data = old.weight.data[row : row + 1].clone()
        new.bias.data = bias(old.bias.data[row : row + 1], level).clone()
        return new

    return yes_or_no


def a_slice(old, row, level):
    new = nn.Linear(old.in_features, 1)
    new.weight = nn.Parameter(old.weight[row : row + 1])
    new.bias = nn.Parameter(old.bias[row : row + 1] - level)
    return new


def two_outputs(old, row, level):
    return nn.Linear(old.in_features, 2)


def flat(old, row, level):
    new = nn.Linear(old.in_features, 1)
    new.weight.data = old.weight.data[row].clone()
    return new


def old_lowered(old, row, level):
    old.bias.data[row] -= level
    return one_row(lambda bias, level: bias)(old, row, level)


WRONG = {
    "03.1": [
        (lambda f, y, k: means(f, y, k, before=False), "long ones count more"),
        (lambda f, y, k: means(f, y, k, after=False), "do not have length 1"),
        (lambda f, y, k: means(f, y, k, before=False, after=False), "Neither"),
        (lambda f, y, k: means(f, y, k, bias=0.1), "biases"),
        (one_mean, "One mean for all"),
        (bare_rows, "a tensor of shape (4, 6)"),
        (lambda f, y, k: means(f, y, k).requires_grad_(False), "cannot be trained"),
        (lambda f, y, k: nn.Linear(f.shape[1], k), "numbers are not right"),
    ],
    "03.2": [
        (looked_up, "spelled like neither"),
        (only_once, "spelled exactly"),
        (lambda known, mine: [None] * len(mine), "No name found a partner"),
        (zero_is_false, "position is 0"),
        (part_of, "'bear'"),
        (underscore_forgotten, "'hot_dog' gets None, but 'Hot Dog' is known"),
        (names_back, "It returns names"),
        (minus_one, "position too"),
        (partners_only, "For 8 names it returns 5"),
        (lowered_in_place, "changes a list"),
        (lambda known, mine: dict(zip(mine, as_right(known, mine), strict=True)), "dictionary"),
    ],
    "03.3": [
        (filled(skip=lambda theirs: not theirs), "Row 0 of the old layer"),
        (filled(bias=False), "biases are not"),
        (known_first, "come first"),
        (random_biases, "it should be 0"),
        (zero_rows, "identical"),
        (last_for_new, "a row of the old layer"),
        (frozen, "cannot be trained"),
        (known_only, "not (7, 5)"),
        (inside_the_old, "changes the old layer"),
        (views, "share memory"),
        (lambda old, rows: old, "returns the old layer"),
        (lambda old, rows: copy.deepcopy(old).weight[[0, 1]], "a tensor of shape"),
    ],
    "03.4": [
        (one_row(lambda bias, level: bias), "level is missing"),
        (one_row(lambda bias, level: bias + level), "wrong sign"),
        (one_row(lambda bias, level: bias * 0 - level), "old row is lost"),
        (one_row(lambda bias, level: bias * 0), "are missing"),
        (a_slice, "share memory"),
        (two_outputs, "one is enough"),
        (flat, "shape (5,)"),
        (old_lowered, "changes the old layer"),
        (lambda old, row, level: old.weight[row], "a tensor of shape (5,)"),
    ],
    "03.5": [
        (reordered(invert=True), "opposite order"),
        (reordered(biases=False), "their biases are not"),
        (reordered(rows=False), "stand as before"),
        (in_place, "changes the old layer"),
        (shared, "share memory"),
        (lambda layer, order: layer, "returns the old layer"),
        (lambda layer, order: layer.weight[order], "a tensor of shape (5, 4)"),
    ],
    "03.6": [
        (warmed(lambda step, warm: 1), "Nothing is warmed up"),
        (warmed(lambda step, warm: min(1, step / warm)), "is lost"),
        (warmed(lambda step, warm: min(1, (step + 2) / warm)), "before the optimiser"),
        (warmed(lambda step, warm: (step + 1) / warm), "goes on rising"),
        (warmed(lambda step, warm: 1 / warm), "All steps"),
        (warmed(lambda step, warm: 1 if step else 1 / warm), "Only the first"),
        (scheduled(lambda o, warm: LinearLR(o, 1 / warm, total_iters=warm)), "one step late"),
        (warmed(right_rate, zeroed=False), "not what these rates make"),
        (lambda net, batches, rate, warm: rate, "should return the network"),
    ],
    "03.7": [
        (same_files, "mirrored"),
        (lambda a, b: alike(a, b, mirrored=False), "mirrored"),
        (lambda a, b: alike(a, b, centred=False), "is the mean subtracted"),
        (lambda a, b: alike(a, b, strange=torch.abs), "negative"),
        (lambda a, b: alike(a, b, at_least=0.6), "half another"),
        (without_first, "position 0"),
        (lambda a, b: {v: k for k, v in alike(a, b).items()}, "wrong way round"),
        (lambda a, b: dict.fromkeys(alike(a, b), 1), "wrong partner"),
        (lambda a, b: list(alike(a, b)), "should return a dictionary"),
    ],
}

RIGHT = {
    "03.6": [
        (scheduled(lambda o, warm: LambdaLR(o, lambda step: right_rate(step, warm))), ""),
        (scheduled(lambda o, warm: LinearLR(o, 1 / warm, total_iters=warm - 1)), ""),
    ],
}
