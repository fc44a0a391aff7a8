"""What goes wrong in the exercises of lesson 05, and words of the diagnosis that it must get."""

from functools import partial

import torch
from torch.optim import lr_scheduler


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
    ],
    "05.3": [
        ({"with": 0.5, "without": 0.9}, "two accuracies"),
        ({"with": (48, 33), "without": (95, 33)}, "fraction"),
        ({"with": (0.33, 0.48), "without": (0.33, 0.95)}, "in the right order"),
        ({"with": (0.95, 0.33), "without": (0.48, 0.33)}, "entries swapped"),
        ({"with": (0.48, 0.33), "without": (0.48, 0.33)}, "the same"),
        ({"crop": (0.48, 0.33)}, 'no key "with"'),
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
    ],
    "05.5": [
        (by_position, "by position"),
        (by_get, "how is it written"),
        (sorted_as_numbers, "an order of its own"),
        (wrong_way, "the wrong way"),
        (as_numbers, "ValueError"),
        (in_silence, "silently"),
        (lambda sample, ids, names: None, "returns nothing"),
    ],
}
