"""What goes wrong in the exercises of lesson 05, and words of the diagnosis that it must get."""

import random
from functools import partial

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split
from torch.optim import lr_scheduler

from tests.classroom.wrong_answers.styles import mappings, numbers, returning, right


def proper_steps(optimizer, every, factor, batches):
    return lr_scheduler.StepLR(optimizer, step_size=every * batches, gamma=factor)


def by_lambda(optimizer, every, factor, batches):
    return lr_scheduler.LambdaLR(optimizer, lambda step: factor ** (step // batches // every))


def by_milestones(optimizer, every, factor, batches):
    ends = range(every * batches, 10**4, every * batches)
    return lr_scheduler.MultiStepLR(optimizer, list(ends), gamma=factor)


def by_products(optimizer, every, factor, batches):
    falls = every * batches
    return lr_scheduler.MultiplicativeLR(optimizer, lambda i: 1 if i % falls else factor)


def by_hand(optimizer, every, factor, batches):
    class Schedule:
        calls = 0

        def step(self):
            self.calls += 1
            if self.calls % (every * batches) == 0:
                for group in optimizer.param_groups:
                    group["lr"] *= factor

    return Schedule()


def from_the_first_rates(optimizer, every, factor, batches):
    class Schedule(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [b * factor ** (self.last_epoch // (every * batches)) for b in self.base_lrs]

    return Schedule(optimizer)


def in_sequence(optimizer, every, factor, batches):
    return lr_scheduler.ChainedScheduler([proper_steps(optimizer, every, factor, batches)])


def stepping(change):
    """StepLR with arguments that `change` makes of (every, factor, batches)."""
    return lambda optimizer, *numbers: lr_scheduler.StepLR(optimizer, *change(*numbers))


def shifted(by):
    def steps_down(optimizer, every, factor, batches):
        falls = every * batches
        return lr_scheduler.LambdaLR(optimizer, lambda i: factor ** (max(i + by, 0) // falls))

    return steps_down


def counts_batches(optimizer, every, factor, batches):
    return lr_scheduler.StepLR(optimizer, every, factor)


def once(optimizer, every, factor, batches):
    return lr_scheduler.MultiStepLR(optimizer, [every * batches], factor)


def smoothly(optimizer, every, factor, batches):
    return lr_scheduler.ExponentialLR(optimizer, factor ** (1 / (every * batches)))


def rate_for_factor(optimizer, every, factor, batches):
    first = optimizer.param_groups[0]["lr"]
    return lr_scheduler.LambdaLR(optimizer, lambda i: first * factor ** (i // (every * batches)))


def of_the_book(optimizer, every, factor, batches):
    return lr_scheduler.StepLR(optimizer, 50 * batches, 0.1)


def to_nothing(optimizer, every, factor, batches):
    return lr_scheduler.CosineAnnealingLR(optimizer, 10 * batches)


def only_first_group(optimizer, every, factor, batches):
    class Schedule:
        calls = 0

        def step(self):
            self.calls += 1
            if self.calls % (every * batches) == 0:
                optimizer.param_groups[0]["lr"] *= factor

    return Schedule()


def forgets_to_return(optimizer, every, factor, batches):
    lr_scheduler.StepLR(optimizer, every * batches, factor)


def whole_split(labels, fraction, seed):
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    n = round(fraction * len(labels))
    return order[n:], order[:n]


def by_class(labels, fraction, seed, places=True, shuffle=True, swapped=False, number=None):
    generator, train, valid = torch.Generator().manual_seed(seed), [], []
    for c in labels.unique():
        own = torch.where(labels == c)[0]
        own = own if places else torch.arange(len(own))
        own = own[torch.randperm(len(own), generator=generator)] if shuffle else own
        n = number or round(fraction * len(own))
        train += own[n:].tolist()
        valid += own[:n].tolist()
    return (valid, train) if swapped else (train, valid)


def proper_split(labels, fraction, seed):
    return by_class(labels, fraction, seed)


def by_sklearn(labels, fraction, seed):
    places = range(len(labels))
    return train_test_split(places, test_size=fraction, stratify=labels, random_state=seed)


def by_shuffle_split(labels, fraction, seed):
    splits = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
    return next(splits.split(np.zeros(len(labels)), labels))


def by_random(labels, fraction, seed):
    dice, valid, labels = random.Random(seed), set(), labels.tolist()
    for c in set(labels):
        own = [i for i, label in enumerate(labels) if label == c]
        valid |= set(dice.sample(own, round(len(own) * fraction)))
    return [i for i in range(len(labels)) if i not in valid], sorted(valid)


def by_shuffled_order(labels, fraction, seed):
    torch.manual_seed(seed)
    order, train, valid = torch.randperm(len(labels)), [], []
    for c in labels.unique():
        own = order[labels[order] == c]
        n = int(len(own) * fraction + 0.5)
        valid.append(own[:n])
        train.append(own[n:])
    return torch.cat(train), torch.cat(valid)


def by_numpy(labels, fraction, seed):
    generator, labels = np.random.default_rng(seed), np.asarray(labels)
    valid = np.concatenate(
        [
            generator.choice(places, round(len(places) * fraction), replace=False)
            for places in (np.flatnonzero(labels == c) for c in np.unique(labels))
        ]
    )
    return np.setdiff1d(np.arange(len(labels)), valid), valid


def by_pandas(labels, fraction, seed):
    table = pd.Series(labels.numpy())
    valid = table.groupby(table).sample(frac=fraction, random_state=seed).index
    return table.index.difference(valid), valid


def by_noise(labels, fraction, seed):
    noise = torch.rand(len(labels), generator=torch.Generator().manual_seed(seed))
    valid = torch.zeros(len(labels), dtype=bool)
    for c in labels.unique():
        own = torch.where(labels == c)[0]
        valid[own[noise[own].argsort()[: round(fraction * len(own))]]] = True
    return torch.where(~valid)[0], valid.nonzero()[:, 0]


def chosen(choose):
    """A split whose validation part is `choose(places, n, seed)` of each class."""

    def stratified(labels, fraction, seed):
        train, valid = [], []
        for c in labels.unique():
            own = torch.where(labels == c)[0].tolist()
            held = choose(own, round(len(own) * fraction), seed)
            valid += held
            train += [i for i in own if i not in held]
        return train, valid

    return stratified


def rolled(own, n, seed):
    return [own[(i + seed) % len(own)] for i in range(n)]


def strided(own, n, seed):
    return [own[i * len(own) // n + seed % (len(own) // n)] for i in range(n)]


def with_replacement(labels, fraction, seed):
    dice, valid = random.Random(seed), []
    for c in labels.unique():
        own = torch.where(labels == c)[0].tolist()
        valid += dice.choices(own, k=round(len(own) * fraction))
    return [i for i in range(len(labels)) if i not in valid], valid


def first_class_only(labels, fraction, seed):
    for c in labels.unique():
        own = torch.where(labels == c)[0]
        own = own[torch.randperm(len(own), generator=torch.Generator().manual_seed(seed))]
        n = round(fraction * len(own))
        return own[n:], own[:n]


def sorts_its_labels(labels, fraction, seed):
    result = proper_split(labels, fraction, seed)
    labels.copy_(labels.sort()[0])
    return result


def labels_of(labels, fraction, seed):
    return [labels[part] for part in proper_split(labels, fraction, seed)]


def valid_stays_in_train(labels, fraction, seed):
    return range(len(labels)), by_class(labels, fraction, seed)[1]


def without_seed(labels, fraction, seed):
    return by_class(labels, fraction, int(torch.randint(10**6, ())))


def masks(labels, fraction, seed):
    valid = torch.isin(torch.arange(len(labels)), torch.tensor(by_class(labels, fraction, seed)[1]))
    return ~valid, valid


def by_position(sample_ids, ids, names):
    return names


def by_get(sample_ids, ids, names):
    answer = dict(zip(ids, names, strict=True))
    return [answer.get(i) for i in sample_ids]


def sorted_as_numbers(sample_ids, ids, names):
    pairs = sorted(zip(ids, names, strict=True), key=lambda pair: int(pair[0]))
    return [name for _, name in pairs]


def wrong_way(sample_ids, ids, names):
    place = {str(i): k for k, i in enumerate(sample_ids)}
    return [names[place[str(i)]] for i in ids]


def as_numbers(sample_ids, ids, names):
    answer = {int(i): name for i, name in zip(ids, names, strict=True)}
    return [answer[int(i)] for i in sample_ids]


def proper_join(sample_ids, ids, names):
    name_of = {str(i): name for i, name in zip(ids, names, strict=True)}
    return [name_of[str(i)] for i in sample_ids]


def by_index(sample_ids, ids, names):
    ids = list(map(str, ids))
    return [names[ids.index(str(i))] for i in sample_ids]


def by_merge(sample_ids, ids, names):
    sample = pd.DataFrame({"id": sample_ids}).astype(str)
    found = pd.DataFrame({"id": ids, "name": names}).astype({"id": str})
    joined = sample.merge(found, on="id", how="left", validate="one_to_one")
    assert joined.name.notna().all()
    return joined.name


def by_loc(sample_ids, ids, names):
    return pd.Series(names, index=[f"{i}" for i in ids]).loc[[f"{i}" for i in sample_ids]]


def by_loops(sample_ids, ids, names):
    for i in sample_ids:
        found = [name for j, name in zip(ids, names, strict=True) if str(i) == str(j)]
        if not found:
            raise ValueError(f"no answer for {i}")
        yield found[0]


def by_numpy_search(sample_ids, ids, names):
    ids, sample = np.array(ids, dtype=str), np.array(sample_ids, dtype=str)
    order = ids.argsort()
    places = order[np.searchsorted(ids[order], sample)]
    if (ids[places] != sample).any():
        raise KeyError("an id without an answer")
    return np.array(names)[places]


def hexadecimal(sample_ids, ids, names):
    name_of = {int(str(i), 16): name for i, name in zip(ids, names, strict=True)}
    return [name_of[int(str(i), 16)] for i in sample_ids]


def in_small_letters(sample_ids, ids, names):
    name_of = {str(i).lower(): name for i, name in zip(ids, names, strict=True)}
    return [name_of[str(i).lower()] for i in sample_ids]


def without_zeros(sample_ids, ids, names):
    name_of = {str(i).lstrip("0"): name for i, name in zip(ids, names, strict=True)}
    return [name_of[str(i).lstrip("0")] for i in sample_ids]


def sorted_as_text(sample_ids, ids, names):
    return [name for _, name in sorted(zip(map(str, ids), names, strict=True))]


def as_text(sample_ids, ids, names):
    name_of = dict(zip(ids, names, strict=True))
    return [str(name_of.get(i)) for i in sample_ids]


def returns_at_once(sample_ids, ids, names):
    result = []
    for i in sample_ids:
        result.append(proper_join([i], ids, names)[0])
        return result


def one_name(sample_ids, ids, names):
    for i in sample_ids:
        return proper_join([i], ids, names)[0]


def inner_join(sample_ids, ids, names):
    name_of = {str(i): name for i, name in zip(ids, names, strict=True)}
    return [name_of[str(i)] for i in sample_ids if str(i) in name_of]


def text_for_none(sample_ids, ids, names):
    name_of = {str(i): name for i, name in zip(ids, names, strict=True)}
    return [str(name_of.get(str(i))) for i in sample_ids]


def consumes(sample_ids, ids, names):
    result = proper_join(sample_ids, ids, names)
    names.sort()
    return result


BOTH = {"with": (0.48, 0.33), "without": (0.95, 0.35)}


def in_silence(sample_ids, ids, names):
    answer = {str(i): name for i, name in zip(ids, names, strict=True)}
    return [answer.get(str(i), "cat") for i in sample_ids]


WRONG = {
    "05.1": [
        (0.358, "here it stays"),
        (0.122, "plays no part"),
        (1.0, "at every step"),
        (0.599, "ten to go"),
        (0.45, "what is left"),
        (0.951, "last ten steps alone"),
        (0.905, "not from the start"),
        (0.56, "near, but not near enough"),
        (0.58, "near, but not near enough"),
        ("0,56", "near"),
        (56.95, "is not it"),
        ("57 %", "is none"),
        ((0, 57), "write a decimal point"),
        (False, "truth value"),
        (float("nan"), "nan"),
        ("", "is none"),
    ],
    "05.2": [
        (counts_batches, "after 3 batches, not epochs"),
        (once, "never again"),
        (smoothly, "a little at every batch"),
        (rate_for_factor, "square"),
        (of_the_book, "never falls"),
        (to_nothing, "should be"),
        (only_first_group, "a group with another rate"),
        (forgets_to_return, "a schedule"),
        (stepping(lambda every, factor, batches: (batches, factor)), "after every epoch"),
        (stepping(lambda every, factor, batches: (every * batches, 1 - factor)), "wrong share"),
        (stepping(lambda every, factor, batches: (every * batches, 1 / factor)), "divided"),
        (stepping(lambda every, factor, batches: (every * batches, 0.1)), "whatever `factor`"),
        (stepping(lambda every, factor, batches: (12, factor)), "should be"),
        (stepping(lambda every, factor, batches: (every + batches, factor)), "should be"),
        (shifted(1), "one batch too early"),
        (shifted(-1), "one batch too late"),
        (lambda optimizer, *a: optimizer, "returns the optimiser"),
        (lambda optimizer, every, factor, batches: every * batches, "should return a scheduler"),
    ],
    "05.3": [
        ({"with": 0.5, "without": 0.9}, "two accuracies"),
        ({"with": (48, 33), "without": (95, 33)}, "fraction"),
        ({"with": (0.33, 0.48), "without": (0.33, 0.95)}, "in the right order"),
        ({"with": (0.95, 0.33), "without": (0.48, 0.33)}, "entries swapped"),
        ({"with": (0.48, 0.33), "without": (0.48, 0.33)}, "the same"),
        ({"crop": (0.48, 0.33)}, 'no key "with"'),
        (BOTH | {"without": (0.95, float("nan"))}, "The entry 'without': That is nan"),
        (BOTH | {"without": (0.95,)}, "it holds 1 numbers"),
        (BOTH | {"without": (0.95, None)}, "The entry 'without' is"),
        (BOTH | {"without": (0.95, 0.35, 0.3)}, "it holds 3 numbers"),
        (BOTH | {"without": (9.5, 0.35)}, "fraction"),
        ({"with": BOTH["without"]}, 'no key "without"'),
        (BOTH["with"], "should be a dictionary"),
        ({"with": BOTH["with"], "without": BOTH["with"]}, "Both entries are the same"),
    ],
    "05.4": [
        (lambda labels, fraction, seed: by_class(labels, 0.2, seed), "With the fraction 0.4"),
        (whole_split, "With the fraction 0.2, class"),
        (partial(by_class, places=False), "in the whole set, not in a class"),
        (partial(by_class, shuffle=False), "Two seeds give the same"),
        (partial(by_class, swapped=True), "other way round"),
        (partial(by_class, number=2), "Every class gives 2"),
        (valid_stays_in_train, "a leak"),
        (without_seed, "second call"),
        (masks, "True and False"),
        (chosen(rolled), "not at random"),
        (chosen(strided), "not at random"),
        (chosen(lambda own, n, seed: rolled(own, n, 7919 * seed)), "not at random"),
        (chosen(lambda own, n, seed: own[:n] if seed % 2 else own[-n:]), "not at random"),
        (chosen(lambda own, n, seed: sorted(random.Random(seed % 7).sample(own, n))), "not at"),
        (with_replacement, "draw each picture once"),
        (first_class_only, "`return` inside the loop"),
        (sorts_its_labels, "changes the labels"),
        (labels_of, "twice"),
        (lambda *a: proper_split(*a)[1], "these are"),
        (lambda *a: [part[:-1] for part in proper_split(*a)], "in neither part"),
        (lambda *a: [[i + 1 for i in part] for part in proper_split(*a)], "no picture has"),
        (lambda labels, fraction, seed: by_class(labels, 1 - fraction, seed), "other way round"),
        (lambda labels, fraction, seed: by_class(labels, fraction, 0), "Two seeds"),
        (lambda labels, fraction, seed: (range(60), range(60, 75)), "With the fraction"),
    ],
    "05.5": [
        (by_position, "by position"),
        (by_get, "how is it written"),
        (sorted_as_numbers, "an order of its own"),
        (wrong_way, "the wrong way"),
        (as_numbers, "ValueError"),
        (in_silence, "silently"),
        (lambda sample, ids, names: None, "returns nothing"),
        (hexadecimal, "ValueError"),
        (in_small_letters, "which belongs to another"),
        (without_zeros, "which belongs to another"),
        (sorted_as_text, "sorted as text"),
        (as_text, "it gives 'None'"),
        (returns_at_once, "`return` inside the loop"),
        (one_name, "`return` inside the loop"),
        (inner_join, "silently is left out"),
        (text_for_none, 'silently gets "None"'),
        (consumes, "changes a list"),
        (lambda *a: dict(zip(a[0], proper_join(*a), strict=True)), "not a table"),
        (lambda *a: proper_join(*a)[::-1], "another picture"),
        (lambda *a: list(map(str, a[0])), "another picture"),
        (lambda *a: [*proper_join(*a), "cat"], "the number of names is"),
    ],
}

RIGHT = {
    "05.1": right(*numbers(0.5695), 0.57, "0,57", ".57", 0.5694949),
    "05.2": right(
        proper_steps,
        by_lambda,
        by_milestones,
        by_products,
        by_hand,
        from_the_first_rates,
        in_sequence,
    ),
    "05.3": right(
        {"with": (0.48, 0.33), "without": (0.95, 0.3), "seed": 1},
        {"without": (0.9, 0.4), "with": (0.4, 0.45)},
        *mappings(BOTH),
    ),
    "05.4": right(
        proper_split,
        by_sklearn,
        by_shuffle_split,
        by_random,
        by_shuffled_order,
        by_numpy,
        by_pandas,
        by_noise,
        *returning(
            proper_split,
            list,
            iter,
            lambda v: [torch.tensor(part) for part in v],
            lambda v: {"train": v[0], "valid": v[1]},
            lambda v: tuple(map(set, v)),
        ),
    ),
    "05.5": right(
        proper_join,
        by_index,
        by_merge,
        by_loc,
        by_loops,
        by_numpy_search,
        *returning(proper_join, tuple, iter, np.array, pd.Series, lambda v: [[x] for x in v]),
    ),
}
