"""What goes wrong in the exercises of lesson 06, and words of the diagnosis that it must get."""

import math

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from tests.classroom.wrong_answers.styles import letters, numbers, returning, right


def proper_views(logits):
    return logits.softmax(2).mean(0)


def by_loop(logits):
    total = 0
    for view in logits:
        total = total + F.softmax(view, dim=-1) / len(logits)
    return total


def by_definition(logits):
    exps = (logits - logits.max(-1, keepdim=True).values).exp()
    return (exps / exps.sum(-1, keepdim=True)).sum(0) / logits.shape[0]


def in_numpy(logits):
    exps = np.exp(logits.numpy().astype(np.float64))
    return (exps / exps.sum(2, keepdims=True)).mean(axis=0)


def in_logarithms(logits):
    return (torch.logsumexp(logits.log_softmax(2), 0) - math.log(len(logits))).exp()


def by_picture(logits):
    rows = logits.permute(1, 0, 2)
    return torch.stack([torch.nn.Softmax(dim=1)(row).mean(dim=0) for row in rows])


def by_einsum(logits):
    return torch.einsum("vnc,v->nc", logits.softmax(-1), torch.full((len(logits),), 0.25))


def geometric(logits):
    return logits.mean(0).softmax(1)


def proper_repair(table, sample):
    table = table.assign(id=table["id"].str.removesuffix(".jpg")).drop_duplicates()
    values = table.set_index("id").loc[sample["id"], sample.columns[1:]]
    return values.div(values.sum(axis=1), axis=0).reset_index()


def repair_by_merge(table, sample):
    table = table.assign(id=[name.split(".")[0] for name in table["id"]]).groupby("id").first()
    joined = sample[["id"]].merge(table, left_on="id", right_index=True)[list(sample.columns)]
    breeds = list(sample.columns[1:])
    joined[breeds] = joined[breeds].to_numpy() / joined[breeds].to_numpy().sum(1, keepdims=True)
    return joined


def repair_by_loop(table, sample):
    rows = {row["id"].replace(".jpg", ""): row for _, row in table.iterrows()}
    breeds, out = list(sample.columns[1:]), []
    for i in sample["id"]:
        total = sum(rows[i][breed] for breed in breeds)
        out.append({"id": i, **{breed: rows[i][breed] / total for breed in breeds}})
    return pd.DataFrame(out)


def by_place(table, sample):
    values = table.drop_duplicates()[["samoyed", "beagle", "pug"]]
    out = sample.copy()
    out[list(sample.columns[1:])] = values.div(values.sum(axis=1), axis=0).to_numpy()
    return out


def without_sums(table, sample):
    table = table.assign(id=table["id"].str.removesuffix(".jpg")).drop_duplicates()
    return table.set_index("id").loc[sample["id"], sample.columns[1:]].reset_index()


def column_sums(table, sample):
    out = without_sums(table, sample)
    breeds = list(sample.columns[1:])
    return out.assign(**{breed: out[breed] / out[breed].sum() for breed in breeds})


def softmax_sums(table, sample):
    out = without_sums(table, sample)
    breeds = list(sample.columns[1:])
    out[breeds] = torch.tensor(out[breeds].to_numpy()).softmax(1).numpy()
    return out


def with_endings(table, sample):
    return proper_repair(table, sample).assign(id=lambda out: out["id"] + ".jpg")


def twice(table, sample):
    out = proper_repair(table, sample)
    return pd.concat([out, out.iloc[[1]]])


def share_of(loss, pick=min):
    """The candidate for which `loss(probabilities, labels, share)` is lowest."""

    def best_share(probabilities, labels, candidates):
        return pick(candidates, key=lambda s: float(loss(probabilities, labels, s)))

    return best_share


def insured(p, y, s):
    mixed = (1 - s) * p + s / p.shape[1]
    return F.nll_loss(mixed.log(), y)


def uninsured(p, y, s):
    return -((1 - s) * p + s / p.shape[1])[range(len(y)), y].mean()


def even_mix(p, s):
    return (1 - s) * p + s / p.shape[1]


def squares(p, y, s):
    return (even_mix(p, s) - F.one_hot(y, p.shape[1])).square().sum(1).mean()


def gap_of_confidence(p, y, s):
    most, said = even_mix(p, s).max(1)
    return (most.mean() - (said == y).float().mean()).abs()


def softmax_again(p, y, s):
    return F.cross_entropy(even_mix(p, s), y)


def until_it_rises(p, y, candidates):
    best = candidates[0]
    for s in candidates[1:]:
        if insured(p, y, s) > insured(p, y, best):
            break
        best = s
    return best


def share_by_loop(p, y, candidates):
    best, lowest = None, math.inf
    for s in candidates:
        loss = -((1 - s) * p[torch.arange(len(y)), y] + s / p.size(1)).log().mean()
        if loss < lowest:
            best, lowest = s, loss
    return best


def share_by_argmin(p, y, candidates):
    shares = torch.tensor(candidates)
    own = p.gather(1, y[:, None])
    return shares[((1 - shares) * own + shares / p.shape[1]).log().mean(0).argmax()]


def share_by_numpy(p, y, candidates):
    own = p.double().numpy()[np.arange(len(y)), y.numpy()]
    costs = [-np.log((1 - s) * own + s / p.shape[1]).mean() for s in candidates]
    return candidates[int(np.argmin(costs))]


def position_of_share(p, y, candidates):
    return candidates.index(share_by_numpy(p, y, candidates))


def proper_gain(first, second):
    difference = first - second
    return difference.mean(), difference.std() / len(difference) ** 0.5


def gain_by_hand(first, second):
    d = [a - b for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    mean = sum(d) / len(d)
    return mean, math.sqrt(sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d))


def gain_in_numpy(first, second):
    d = (first - second).numpy()
    return [float(d.mean()), float(d.std() / np.sqrt(d.size))]


def unpaired(first, second):
    error = (first.var() / len(first) + second.var() / len(second)).sqrt()
    return first.mean() - second.mean(), error


WRONG = {
    "06.1": [
        (0.3257, "mean of the logarithms"),
        (10.0534, "sum"),
        (0.08, "wrong ones cost"),
        (0.0863, "not 0.99"),
        (1.02, "near"),
        (0.99, "near"),
        (1.0, "near"),
        ("1,02", "near"),
        (0.4366, "base 10"),
        (-1.0053, "minus the mean"),
        (0.1054, "cost something too"),
        (100.53, "is not it"),
        (0.01, "is not it"),
        (1.45, "base 2"),
        ((1, 0), "write a decimal point"),
        (True, "truth value"),
        (float("inf"), "That is inf"),
        ("one", "'one' is none"),
    ],
    "06.2": [
        (lambda logits: logits.softmax(2), "for each opinion"),
        (lambda logits: logits.softmax(1).mean(0), "over the pictures"),
        (lambda logits: logits.mean(0), "made of probabilities"),
        (lambda logits: logits.softmax(2).sum(0), "added up"),
        (lambda logits: logits.softmax(2).mean(1), "over pictures"),
        (lambda logits: logits.softmax(2).mean(0).softmax(1), "second softmax"),
        (lambda logits: logits.max(0).values, "Work one of them out"),
        (lambda logits: proper_views(logits).T, "(4, 5)"),
        (lambda logits: logits.softmax(2)[0], "Only the first opinion"),
        (lambda logits: logits.softmax(2)[-1], "by hand"),
        (lambda logits: proper_views(logits).argmax(1), "(5,)"),
        (lambda logits: proper_views(logits).log(), "by hand"),
        (lambda logits: logits.softmax(2).max(0).values, "by hand"),
        (lambda logits: logits.sigmoid().mean(0), "by hand"),
        (lambda logits: logits.softmax(0).mean(0), "over the opinions"),
        (lambda logits: logits.log_softmax(2).mean(0), "by hand"),
        (lambda logits: 100 * proper_views(logits), "by hand"),
        (lambda logits: proper_views(logits).round().long(), "whole numbers"),
        (lambda logits: (logits / 0 - logits / 0).mean(0), "NaN"),
    ],
    "06.3": [
        (lambda table, sample: table, "not those of the sample"),
        (lambda table, sample: sample, "answers are lost"),
        (by_place, "join them by name"),
        (without_sums, "divide each row"),
        (column_sums, "Each column sums to 1"),
        (softmax_sums, "a softmax"),
        (with_endings, "end in .jpg"),
        (twice, "twice"),
        (lambda *a: proper_repair(*a).iloc[::-1], "not in the order"),
        (lambda *a: proper_repair(*a).iloc[:3], "each of them must stand"),
        (lambda *a: proper_repair(*a).set_index("id"), "no column id"),
        (lambda *a: proper_repair(*a)[["id", "samoyed", "pug", "beagle"]], "in its order"),
        (lambda *a: proper_repair(*a).to_numpy(), "return a DataFrame"),
    ],
    "06.4": [
        (share_of(insured, max), "highest"),
        (share_of(uninsured), "without a logarithm"),
        (share_of(lambda p, y, s: insured(p, y, 1 - s)), "wrong way round"),
        (share_of(lambda p, y, s: (p.argmax(1) != y).float().mean()), "accuracies do not change"),
        (share_of(squares), "the Brier score"),
        (share_of(gap_of_confidence), "comes nearest to the accuracy"),
        (share_of(softmax_again), "a softmax of what are probabilities already"),
        (until_it_rises, "another candidate is better"),
        (lambda p, y, candidates: max(candidates), "largest"),
        (lambda p, y, candidates: min(candidates), "smallest"),
        (position_of_share, "position"),
        (
            lambda p, y, candidates: min(insured(p, y, s).item() for s in candidates),
            "return the share",
        ),
        (lambda p, y, candidates: 0.1, "another candidate is better"),
        (lambda p, y, candidates: 0.07, "not among the candidates"),
        (lambda p, y, candidates: candidates, "8 values"),
    ],
    "06.5": [
        (unpaired, "two different sets"),
        (lambda a, b: (b - a).mean(), "two numbers"),
        (lambda a, b: proper_gain(b, a), "turned round"),
        (lambda a, b: ((a - b).mean(), (a - b).std()), "varies less"),
        (lambda a, b: ((a - b).mean(), (a - b).var() / len(a)), "square root"),
        (lambda a, b: ((a - b).mean(), (a - b).std() / len(a)), "not by N"),
        (lambda a, b: ((a - b).mean(), (a.std() - b.std()) / len(a) ** 0.5), "two errors"),
        (lambda a, b: ((a - b).sum(), proper_gain(a, b)[1]), "mean of the differences"),
        (lambda a, b: (proper_gain(a, b)[0], 0.5), "differences first"),
    ],
    "06.6": [
        ("a", "Other pictures"),
        ("b", "same pictures"),
        ("a)", "Other pictures"),
        ("(B)", "same pictures"),
        ("d", "one of the letters"),
        ("b or c", "one of the letters"),
        ("b, c", "one of the letters"),
        (["b", "c"], "one of the letters"),
        (3, "one of the letters"),
        ("perhaps", "one of the letters"),
        ("c3", "one of the letters"),
        ("cc", "one of the letters"),
        ("", "one of the letters"),
        (True, "one of the letters"),
    ],
}

PERHAPS = "perhaps; look at the differences picture by picture, and at their standard error"
RIGHT = {
    "06.1": right(*numbers(1.0053), 1.01, 1.005, "1,01", "1.01", 1.00528),
    "06.2": right(
        proper_views,
        geometric,
        by_loop,
        by_definition,
        in_numpy,
        in_logarithms,
        by_picture,
        by_einsum,
        *returning(proper_views, np.array, torch.Tensor.tolist, torch.Tensor.double, list),
    ),
    "06.3": right(proper_repair, repair_by_merge, repair_by_loop),
    "06.4": right(
        share_of(insured),
        share_by_loop,
        share_by_argmin,
        share_by_numpy,
        *returning(share_of(insured), str, torch.tensor, np.float32, lambda s: [s]),
    ),
    "06.5": right(
        proper_gain,
        gain_by_hand,
        gain_in_numpy,
        *returning(proper_gain, list, torch.tensor),
    ),
    "06.6": right(*letters("c", PERHAPS)),
}
