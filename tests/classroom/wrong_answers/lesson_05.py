"""What goes wrong in the exercises of lesson 05, and words of the diagnosis that it must get."""

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.classroom.wrong_answers.styles import numbers, returning, right


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


def loss_of(mean, labels):
    return -mean[range(len(labels)), labels].log().mean().item()


def proper_members(answers, labels):
    names, lowest = [], float("inf")
    while len(names) < len(answers):
        losses = {}
        for name in answers.keys() - set(names):
            mean = torch.stack([answers[n] for n in [*names, name]]).mean(0)
            losses[name] = loss_of(mean, labels)
        best = min(losses, key=losses.get)
        if losses[best] >= lowest:
            break
        names.append(best)
        lowest = losses[best]
    return names


def members_by_cross_entropy(answers, labels):
    """With sums instead of means, and PyTorch's loss on logarithms."""
    left, names, total, lowest = dict(answers), [], 0, np.inf
    while left:
        loss, name = min(
            (F.nll_loss(((total + p) / (len(names) + 1)).log(), labels).item(), name)
            for name, p in left.items()
        )
        if loss >= lowest:
            return names
        total, lowest = total + left.pop(name), loss
        names.append(name)
    return names


def members_in_numpy(answers, labels):
    p = {name: each.numpy() for name, each in answers.items()}
    y = np.eye(4, dtype=bool)[labels.numpy()]

    def loss(names):
        return -np.log(np.mean([p[n] for n in names], axis=0)[y]).mean()

    best = [min(p, key=lambda n: loss([n]))]
    while True:
        more = [[*best, n] for n in p if n not in best]
        following = min(more, key=loss, default=best)
        if loss(following) >= loss(best):
            return np.array(best)
        best = following


def members_by_sklearn(answers, labels):
    def loss(*names):
        return log_loss(labels, sum(answers[n] for n in names) / len(names), labels=range(4))

    chosen = ()
    for _ in answers:
        left = [name for name in answers if name not in chosen]
        best = min(left, key=lambda n: loss(*chosen, n))
        if chosen and loss(*chosen, best) >= loss(*chosen):
            break
        chosen += (best,)
    return chosen


def members_in_place(answers, labels):
    names = proper_members(answers, labels)
    mean = answers[names[0]]
    for name in names[1:]:
        mean += answers[name]
    return names


def squares(tables, labels):
    return (tables.mean(0) - F.one_hot(labels, 4)).square().sum(1).mean().item()


def members_by(loss, rounds=9):
    """Chooses as it should, but by another loss of the members' tables, or in so many rounds."""

    def chosen(answers, labels):
        names, lowest = [], np.inf
        while len(names) < min(rounds, len(answers)):
            tried = {
                n: loss(torch.stack([answers[m] for m in [*names, n]]), labels)
                for n in answers
                if n not in names
            }
            best = min(tried, key=tried.get)
            if tried[best] >= lowest:
                break
            names, lowest = [*names, best], tried[best]
        return names

    return chosen


def better_than_the_best_alone(answers, labels):
    names = [min(answers, key=lambda n: loss_of(answers[n], labels))]
    alone = loss_of(answers[names[0]], labels)
    while len(names) < len(answers):
        left = {
            n: loss_of(torch.stack([answers[m] for m in [*names, n]]).mean(0), labels)
            for n in answers
            if n not in names
        }
        best = min(left, key=left.get)
        if left[best] >= alone:
            break
        names.append(best)
    return names


def asked_once(answers, labels):
    names, total = [], 0
    for name in sorted(answers, key=lambda n: loss_of(answers[n], labels)):
        then = (total + answers[name]) / (len(names) + 1)
        if not names or loss_of(then, labels) < loss_of(total / len(names), labels):
            names, total = [*names, name], total + answers[name]
    return names


def best_alone(answers, labels):
    return min(answers, key=lambda n: loss_of(answers[n], labels))


def proper_cut(pictures, targets, rows, columns):
    mixed = pictures.clone()
    mixed[:, :, rows, columns] = pictures.roll(-1, 0)[:, :, rows, columns]
    share = mixed[0, 0, rows, columns].numel() / mixed[0, 0].numel()
    return mixed, (1 - share) * targets + share * targets.roll(-1, 0)


def cut_by_mask(pictures, targets, rows, columns):
    mask = torch.zeros(pictures.shape[2:])
    mask[rows, columns] = 1
    behind = [*range(1, len(pictures)), 0]
    mixed = torch.where(mask.bool(), pictures[behind], pictures)
    return mixed, torch.lerp(targets, targets[behind], mask.mean())


def cut_by_loop(pictures, targets, rows, columns):
    mixed, wanted = [], []
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    share = area / (pictures.shape[2] * pictures.shape[3])
    for i in range(len(pictures)):
        j = (i + 1) % len(pictures)
        one = pictures[i].clone()
        one[:, rows, columns] = pictures[j][:, rows, columns]
        mixed.append(one)
        wanted.append(targets[i] * (1 - share) + targets[j] * share)
    return mixed, wanted


def cut_in_numpy(pictures, targets, rows, columns):
    x, y = pictures.numpy().copy(), targets.numpy()
    behind = np.roll(x, -1, axis=0)
    x[..., rows, columns] = behind[..., rows, columns]
    share = np.ones(x.shape[2:])[rows, columns].sum() / np.prod(x.shape[2:])
    return x, y * (1 - share) + np.roll(y, -1, axis=0) * share


def cut(mixed=None, wanted=None):
    """CutMix with another way to mix the pictures, or the targets."""

    def answer(pictures, targets, rows, columns):
        right = proper_cut(pictures, targets, rows, columns)
        arguments = pictures, targets, rows, columns
        return (
            mixed(*arguments) if mixed else right[0],
            wanted(*arguments) if wanted else right[1],
        )

    return answer


def pasted(piece, turned=False):
    def mixed(pictures, targets, rows, columns):
        rows, columns = (columns, rows) if turned else (rows, columns)
        result = pictures.clone()
        result[:, :, rows, columns] = piece(pictures)[:, :, rows, columns]
        return result

    return mixed


def the_rest(pictures, targets, rows, columns):
    result = pictures.roll(-1, 0)
    result[:, :, rows, columns] = pictures[:, :, rows, columns]
    return result


def sharing(share_of, shift=-1):
    def wanted(pictures, targets, rows, columns):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        share = share_of(height, width, *pictures.shape[2:])
        return (1 - share) * targets + share * targets.roll(shift, 0)

    return wanted


def area(height, width, H, W):
    return height * width / (H * W)


def cut_in_place(pictures, targets, rows, columns):
    mixed, wanted = proper_cut(pictures, targets, rows, columns)
    pictures.copy_(mixed)
    return pictures, wanted


def added(pictures, targets, rows, columns):
    share = pictures[0, 0, rows, columns].numel() / pictures[0, 0].numel()
    return targets + share * targets.roll(-1, 0)


def mixed_up(pictures, targets, rows, columns):
    share = pictures[0, 0, rows, columns].numel() / pictures[0, 0].numel()
    return (1 - share) * pictures + share * pictures.roll(-1, 0)


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
        (lambda answers, labels: list(answers), "All networks join"),
        (lambda answers, labels: [best_alone(answers, labels)], "Only the best network joins"),
        (members_by(lambda p, y: F.nll_loss(p.log().mean(0), y).item()), "logarithm afterwards"),
        (members_by(lambda p, y: F.nll_loss(p.mean(0), y).item()), "minus the logarithm"),
        (members_by(lambda p, y: (p.mean(0).argmax(1) != y).float().mean().item()), "by accuracy"),
        (members_by(lambda p, y: loss_of(p.mean(0), y), rounds=2), "It stops at 2"),
        (members_by(squares), "the Brier score"),
        (members_by(lambda p, y: F.cross_entropy(p.mean(0), y).item()), "not the probability"),
        (better_than_the_best_alone, "the mean so far"),
        (asked_once, "in the order of their own losses"),
        (members_in_place, "works in place"),
        (best_alone, "returns one name"),
        (lambda answers, labels: ["small", "pixels"], "with a loss of"),
        (lambda answers, labels: [], "no name at all"),
        (lambda answers, labels: ["deep", "deep"], "joined twice"),
        (lambda answers, labels: [0, 1], "not a name"),
        (lambda answers, labels: ["deep", "lite"], "not a name"),
        (lambda answers, labels: 0.4, "a list of names"),
        (lambda answers, labels: None, "returns nothing"),
    ],
    "05.4": [
        (cut(lambda pictures, *a: pictures), "No picture has changed"),
        (cut(pasted(lambda x: x.roll(1, 0))), "the picture before"),
        (cut(pasted(lambda x: x.flip(0))), "the other end"),
        (cut(pasted(lambda x: x.roll(-1, 0), turned=True)), "Rows and columns"),
        (cut(pasted(torch.zeros_like)), "all else stays"),
        (cut(the_rest), "wrong way round"),
        (cut(lambda pictures, *a: pictures.roll(-1, 0)), "whole neighbour"),
        (cut(mixed_up), "as in mixup"),
        (cut(wanted=lambda pictures, targets, *a: targets), "has its share too"),
        (cut(wanted=lambda pictures, targets, *a: targets.argmax(1)), "dtype"),
        (cut(wanted=sharing(lambda *sides: 1 - area(*sides))), "shares are swapped"),
        (cut(wanted=sharing(area, shift=1)), "from the picture before"),
        (cut(wanted=sharing(lambda *sides: 0.5)), "one half"),
        (cut(wanted=sharing(lambda *sides: area(*sides) / 3)), "and colours"),
        (cut(wanted=sharing(lambda height, width, H, W: height / H)), "of the rows alone"),
        (cut(wanted=sharing(lambda height, width, H, W: width / W)), "of the columns alone"),
        (cut(wanted=sharing(lambda *sides: 0.3)), "the targets are not"),
        (cut(wanted=added), "sum to 1"),
        (cut_in_place, "clone"),
        (lambda *a: proper_cut(*a)[0], "these are 5"),
        (lambda *a: (*proper_cut(*a), 0.2), "these are 3"),
        (lambda *a: None, "returns nothing"),
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
        proper_members,
        members_by_cross_entropy,
        members_in_numpy,
        members_by_sklearn,
        *returning(
            proper_members,
            tuple,
            set,
            iter,
            np.array,
            pd.Series,
            lambda names: dict.fromkeys(names).keys(),
            lambda names: [[name] for name in names],
        ),
    ),
    "05.4": right(
        proper_cut,
        cut_by_mask,
        cut_by_loop,
        cut_in_numpy,
        *returning(
            proper_cut,
            list,
            iter,
            lambda both: {"pictures": both[0], "targets": both[1]},
            lambda both: tuple(each.numpy() for each in both),
            lambda both: (both[0], both[1].double()),
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
