"""What goes wrong in the exercises of lesson 03, and words of the diagnosis that it must get."""

import copy

from torch import nn


def plain(name):
    return "".join(letter for letter in name.lower() if letter not in " _-")


def looked_up(known, mine):
    """The last of two names that fit wins: a dictionary keeps one."""
    table = {plain(name): i for i, name in enumerate(known)}
    return [table.get(plain(name)) for name in mine]


def as_right(known, mine):
    once = [plain(name) for name in known]
    return [once.index(plain(name)) if once.count(plain(name)) == 1 else None for name in mine]


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
        (9 * 512, "added to each row"),
        (84 * 513, "80 old classes"),
        (5 * 513, "four new classes"),
        (9, "how long"),
        (512, "without its bias"),
        (9 * 512 + 1, "One bias for all"),
        (9 * 512 + 4, "All nine rows"),
        (89 * 513, "thrown away"),
        (4000, "not it"),
    ],
    "03.2": [
        (looked_up, "fits two"),
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
        ({0: 0.56, 0.01: 0.56, 0.02: 0.57, 0.5: 0.92, 2: 0.5}, "Between 0.02 and 0.5 nothing"),
        ({i / 10: a for i, a in ((3, 0.7), (4, 0.9), (5, 0.9), (7, 0.7))}, "Between 0.5 and 0.7"),
        ({0.3: 0.85, 0.4: 0.9, 0.5: 0.9, 0.8: 0.8, 1.0: 0.7}, "go lower"),
        ({0.0: 0.6, 0.2: 0.8, 0.4: 0.9, 0.5: 0.9, 0.6: 0.9}, "go higher"),
        ({0.0: 60, 0.2: 80, 0.4: 90, 0.5: 90, 1: 70}, "fraction from 0 to 1"),
        ({5.0: 0.5, 6.0: 0.5, 7.0: 0.5, 8.0: 0.5, 9.0: 0.5}, "between 0 and 1"),
    ],
    "03.6": [("a", "may still have seen them"), ("c", "neither"), ("d", "letters")],
}
