"""What goes wrong in the exercises of lesson 01, and words of the diagnosis that it must get."""

import torch


def no_fraction(picture, mean, std):
    return (picture - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def over_columns(picture, mean, std):
    return (picture / 255 - torch.tensor(mean)) / torch.tensor(std)


def own_numbers(picture, mean, std):
    x = picture / 255
    return (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True)


def prints_only(picture, mean, std):
    print(picture)


def by_name(net, decay):
    """BatchNorm's scale is a weight too."""
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    rest = [p for name, p in net.named_parameters() if not name.endswith("weight")]
    return [{"params": weights, "weight_decay": decay}, {"params": rest, "weight_decay": 0}]


def rest_forgotten(net, decay):
    return [{"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay}]


def everything_and_rest(net, decay):
    rest = [p for p in net.parameters() if p.ndim <= 1]
    return [
        {"params": net.parameters(), "weight_decay": decay},
        {"params": rest, "weight_decay": 0},
    ]


def rounded(picture, mean, std):
    result = torch.zeros_like(picture)
    for channel in range(3):
        result[channel] = (picture[channel] / 255 - mean[channel]) / std[channel]
    return result


def decay_groups(net, decay, one=lambda p: p.ndim <= 1):
    few = [p for p in net.parameters() if one(p)]
    return [
        {"params": [p for p in net.parameters() if not one(p)], "weight_decay": decay},
        {"params": few, "weight_decay": 0},
    ]


def twice(net, decay):
    return [{"params": [p for m in net.modules() for p in m.parameters()], "weight_decay": decay}]


def pairs(net, decay):
    return [{"params": list(net.named_parameters()), "weight_decay": decay}]


WRONG = {
    "01.1": [
        ("bdace", "with its help"),
        ("badec", "teaches it the old ones"),
        ("bdeac", "trained already"),
        ("bdae", "once"),
    ],
    "01.2": [
        (no_fraction, "0 to 255"),
        (over_columns, "over the columns"),
        (own_numbers, "picture's own"),
        (prints_only, "return"),
        (rounded, "only whole numbers"),
        (lambda p, m, s: p / 255 - torch.tensor(m).view(3, 1, 1), "division by std is missing"),
    ],
    "01.3": [
        (by_name, "weight of a BatchNorm1d decays too"),
        (lambda net, decay: decay_groups(net, 0.05), "`decay` was"),
        (twice, "in a list twice"),
        (pairs, "pairs"),
        (lambda net, decay: decay_groups(net, decay, lambda p: p.ndim == 1), "scalar parameter"),
        (rest_forgotten, "in no group"),
        (everything_and_rest, "two groups"),
    ],
    "01.4": [
        (2.2455, "base 10"),
        (1 / 176, "probability of each"),
        (4.0, "not it"),
        (0, "confident and right"),
    ],
    "01.5": [
        ({1e-4: 0.9, 1e-3: 0.5}, "four rates"),
        ({1e-5: 0.9, 1e-4: 0.9, 1e-3: 0.9, 1e-2: 0.9}, "breaks training"),
        ({1e-7: 0.5, 1e-6: 0.5, 5e-6: 0.5, 2e-5: 0.54}, "larger ones"),
        ({1: 0.9, 10: 0.9, 100: 0.9, 1000: 0.5}, "did `accuracy_at`"),
        ({1e-3: 0.5, 1e-2: 0.5, 1e-1: 0.5, 1: 0.5}, "smaller"),
        ({1e-4: 90, 1e-3: 80, 1e-2: 70, 1e-1: 50}, "fraction"),
        ({1e-4: 0.9, 2e-4: 0.9, 3e-4: 0.8, 4e-4: 0.5}, "three times"),
    ],
    "01.6": [
        ("b", "Smaller pictures"),
        ("c", "however many"),
        ("d", "more steps"),
        ("e", "letters"),
    ],
}
