"""What goes wrong in the exercises of lesson 03, and words of the diagnosis that it must get."""

import copy
import re

import numpy as np
import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, normalize
from torch.optim.lr_scheduler import LambdaLR, LinearLR

from tests.classroom.wrong_answers.styles import returning, right


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


def in_inference_mode(function):
    """What it makes is made of tensors that no step can change."""

    def answer(*arguments):
        with torch.inference_mode():
            return function(*arguments)

    return answer


def drawn_by(draw, seed=None):
    """The rows of new classes have other random numbers, or the same ones in each call."""

    def rows_from(old, rows):
        if seed is not None:
            torch.manual_seed(seed)
        new = filled()(old, rows)
        for mine, theirs in enumerate(rows):
            if theirs is None:
                draw(new.weight.data[mine : mine + 1])
        return new

    return rows_from


def as_they_are(row):
    pass


def matched(fits):
    """The positions of the known names that fit, by the lesson's rule for several."""

    def match_names(known, mine):
        places = []
        for name in mine:
            fitting = [i for i, other in enumerate(known) if fits(name, other)]
            exact = [i for i in fitting if known[i] == name]
            fitting = fitting if len(fitting) == 1 else exact
            places.append(fitting[0] if len(fitting) == 1 else None)
        return places

    return match_names


def once_only(name):
    return re.sub("[ _-]", "", name.lower(), count=1)


def spaced(name):
    return re.sub("[_-]", " ", name.lower())


def first_name(known, mine):
    for _ in mine:
        return [0]


def first_step(net, batches, rate, warm):
    return warmed(right_rate)(net, batches[:1], rate, warm)


def means_by_product(features, labels, classes):
    members = torch.eye(classes)[labels].T
    rows = normalize(members @ (features / features.norm(dim=1, keepdim=True)))
    new = nn.Linear(features.shape[1], classes)
    new.load_state_dict({"weight": rows, "bias": torch.zeros(classes)})
    return new


def means_in_numpy(features, labels, classes):
    unit = features.numpy() / np.linalg.norm(features.numpy(), axis=1)[:, None]
    rows = np.stack([unit[labels.numpy() == k].mean(0) for k in range(classes)])
    new = nn.Linear(features.shape[1], classes)
    new.weight = nn.Parameter(torch.tensor(rows / np.linalg.norm(rows, axis=1)[:, None]))
    new.bias = nn.Parameter(torch.zeros(classes))
    return new


def by_translating(known, mine):
    table = str.maketrans("", "", " _-")
    forms = [name.casefold().translate(table) for name in known]
    found = []
    for name in mine:
        form = name.casefold().translate(table)
        if name in known:
            found.append(known.index(name))
        elif forms.count(form) == 1:
            found.append(forms.index(form))
        else:
            found.append(None)
    return found


def rows_by_stacking(old, rows):
    new = nn.Linear(old.in_features, len(rows))
    own = [new.weight[k] if r is None else old.weight[r] for k, r in enumerate(rows)]
    biases = [0.0 if r is None else old.bias[r].item() for r in rows]
    new.weight = nn.Parameter(torch.stack(own).detach())
    new.bias = nn.Parameter(torch.tensor(biases))
    return new


def rows_in_one_go(old, rows):
    new, known = layer(old.in_features, len(rows)), [k for k, r in enumerate(rows) if r is not None]
    with torch.no_grad():
        new.weight[known] = old.weight[[rows[k] for k in known]]
        new.bias[known] = old.bias[[rows[k] for k in known]]
    return new


def one_row_in_place(old, row, level):
    new = nn.Linear(old.in_features, 1)
    with torch.no_grad():
        new.weight.copy_(old.weight[row])
        new.bias.fill_(old.bias[row].item()).sub_(level)
    return new


def one_row_of_a_copy(old, row, level):
    new = copy.deepcopy(old)
    new.weight = nn.Parameter(new.weight[[row]].detach())
    new.bias = nn.Parameter(new.bias[[row]].detach() - level)
    new.out_features = 1
    return new


def reordered_by_loop(layer, order):
    new = nn.Linear(layer.in_features, layer.out_features)
    for mine, theirs in enumerate(order):
        new.weight.data[mine], new.bias.data[mine] = layer.weight[theirs], layer.bias[theirs]
    return new


def reordered_by_state(layer, order):
    new = nn.Linear(layer.in_features, layer.out_features)
    state = layer.state_dict().items()
    new.load_state_dict({name: value.index_select(0, torch.tensor(order)) for name, value in state})
    return new


def reordered_by_product(layer, order):
    turn = torch.eye(len(order))[order]
    new = nn.Linear(layer.in_features, layer.out_features)
    new.weight = nn.Parameter((turn @ layer.weight).detach())
    new.bias = nn.Parameter((turn @ layer.bias).detach())
    return new


WRONG = {
    "03.1": [
        (in_inference_mode(means), "step cannot change the layer"),
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
        (partners_only, "For 12 names, the length of what it returns is 7."),
        (first_name, "inside the loop"),
        (matched(lambda a, b: once_only(a) == once_only(b)), "'old_english_sheepdog' gets None"),
        (matched(lambda a, b: spaced(a) == spaced(b)), "'sealion' gets None, but 'sea_lion'"),
        (matched(lambda a, b: plain(b).startswith(plain(a))), "'corn bread': part of a name"),
        (matched(lambda a, b: plain(a).startswith(plain(b))), "'bear': part of a name"),
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
        (in_inference_mode(filled()), "step cannot change the layer"),
        (drawn_by(nn.init.normal_), "other random numbers"),
        (drawn_by(lambda row: nn.init.normal_(row, 0, 0.01)), "other random numbers"),
        (drawn_by(nn.init.uniform_), "between -0.05 and 0.05 for 400 features"),
        (drawn_by(nn.init.xavier_uniform_), "other random numbers"),
        (drawn_by(as_they_are, seed=0), "is a seed set inside?"),
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
        (in_inference_mode(one_row(lambda bias, level: bias - level)), "step cannot change"),
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
        (in_inference_mode(reordered()), "step cannot change the layer"),
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
        (first_step, "inside the loop"),
        (lambda net, batches, rate, warm: net, "No step has changed"),
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
        (lambda a, b: dict.fromkeys(alike(a, b)), "it should hold a position"),
    ],
}

RIGHT = {
    "03.1": right(means, means_by_product, means_in_numpy),
    "03.2": right(
        as_right,
        by_translating,
        matched(lambda a, b: plain(a) == plain(b)),
        *returning(as_right, tuple, iter, lambda places: np.array(places, dtype=object)),
        *returning(as_right, lambda v: [p if p is None else np.int64(p) for p in v]),
    ),
    "03.3": right(
        filled(),
        drawn_by(as_they_are),
        drawn_by(lambda row: row.uniform_(-1, 1).div_(row.shape[1] ** 0.5)),
        rows_by_stacking,
        rows_in_one_go,
    ),
    "03.4": right(one_row(lambda bias, level: bias - level), one_row_in_place, one_row_of_a_copy),
    "03.5": right(reordered(), reordered_by_loop, reordered_by_state, reordered_by_product),
    "03.6": right(
        warmed(right_rate),
        scheduled(lambda o, warm: LambdaLR(o, lambda step: right_rate(step, warm))),
        scheduled(lambda o, warm: LinearLR(o, 1 / warm, total_iters=warm - 1)),
    ),
    "03.7": right(
        alike,
        *returning(
            alike,
            lambda pairs: list(pairs.items()),
            lambda pairs: pairs.items(),
            lambda pairs: {np.int64(k): torch.tensor(v) for k, v in pairs.items()},
            lambda pairs: {str(k): str(v) for k, v in pairs.items()},
        ),
    ),
}
