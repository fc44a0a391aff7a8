"""What goes wrong in the exercises of lesson 01, and words of the diagnosis that it must get."""

import torch
from torch import nn


def loop(right=False, normal=True, pairs=True, zero=True, late=True, mode=True):
    """The loop of 01.1 with some of its bugs."""

    def train_and_measure(net, normalise, train, valid):
        (pictures, labels), (new, truth) = train, valid
        early = torch.optim.SGD(net.parameters(), 0.05)
        net.classifier = nn.Linear(net.classifier.in_features, 2)
        optimizer = torch.optim.SGD(net.parameters(), 0.05) if late else early
        for _ in range(5):
            order = torch.randperm(len(pictures))
            y_order = order if pairs else torch.arange(len(pictures))
            both = zip(pictures[order].split(8), labels[y_order].split(8), strict=True)
            for x, y in both:
                x = normalise(x) if normal else x / 255
                loss = nn.functional.cross_entropy(net(x), y)
                if zero:
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        net.train(not mode)
        share = (net(normalise(new)).argmax(1) == truth).float().mean().item()
        return 1 - share if right else share

    return train_and_measure


def proper_loop(learn, epochs=5, size=8, **options):
    """The loop of 01.1 without its bugs, in which `learn` does what follows the forward pass."""

    def train_and_measure(net, normalise, train, valid):
        pictures, labels = train
        net.classifier = nn.Linear(net.classifier.in_features, 2)
        optimizer = torch.optim.SGD(net.parameters(), **({"lr": 0.05} | options))
        for _ in range(epochs):
            for rows in torch.randperm(len(pictures)).split(size):
                learn(net.train(), optimizer, normalise(pictures[rows]), labels[rows])
        new, truth = valid
        return (net.eval()(normalise(new)).argmax(1) == truth).float().mean().item()

    return train_and_measure


def loss_of(net, x, y):
    return nn.functional.cross_entropy(net(x), y)


def learn(net, optimizer, x, y):
    optimizer.zero_grad()
    loss_of(net, x, y).backward()
    optimizer.step()


def learn_nothing(net, optimizer, x, y):
    loss_of(net, x, y).backward()
    optimizer.zero_grad()
    optimizer.step()


def learn_by_assigned_gradients(net, optimizer, x, y):
    parameters = list(net.parameters())
    gradients = torch.autograd.grad(loss_of(net, x, y), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def learn_in_halves(net, optimizer, x, y):
    optimizer.zero_grad()
    for half in torch.arange(len(x)).chunk(2):
        (loss_of(net, x[half], y[half]) * len(half) / len(x)).backward()
    optimizer.step()


def learn_by_hand(net, optimizer, x, y):
    net.zero_grad()
    loss_of(net, x, y).backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.05 * parameter.grad


def divided_first(net, normalise, train, valid):
    return net(normalise(train[0] / 255)).mean().item()


def train_pictures_only(net, normalise, train, valid):
    return (net(normalise(train[0])).argmax(1) == train[1]).float().mean().item()


def never_learns(net, normalise, train, valid):
    net(normalise(train[0]))
    return (net.eval()(normalise(valid[0])).argmax(1) == valid[1]).float().mean().item()


def one_batch(until=0.05, rate=1e-2, number=True, steps_only=False, train=True, part=slice(None)):
    """The loop of 01.4 with some of its slips."""

    def overfit(net, pictures, labels, steps):
        net.train(train)
        optimizer, losses = torch.optim.AdamW([*net.parameters()][part], rate), []
        while len(losses) < (200 if steps_only else steps):
            loss = nn.functional.cross_entropy(net(pictures), labels)
            losses.append(loss.item() if number else loss)
            if loss < until:
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return losses

    return overfit


def made_up(net, pictures, labels, steps):
    losses = [loss_of(net.train(), pictures, labels).item(), 0.3, 0.04]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.01
    return losses


def never_zeroed(net, pictures, labels, steps):
    optimizer, losses = torch.optim.SGD(net.train().parameters(), 0.05), []
    while len(losses) < steps and min(losses, default=1) >= 0.05:
        loss = loss_of(net, pictures, labels)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return losses


def half_of_it(net, pictures, labels, steps):
    first = loss_of(net.train(), pictures, labels).item()
    return [first, *one_batch()(net, pictures[:8], labels[:8], steps - 1)]


def with_momentum(net, pictures, labels, steps):
    optimizer, losses = torch.optim.SGD(net.train().parameters(), 0.3, momentum=0.9), []
    while len(losses) < steps and min(losses, default=1) >= 0.05:  # one more step after the last
        rows = torch.randperm(len(labels))
        loss = loss_of(net, pictures[rows], labels[rows])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def with_assigned_gradients(net, pictures, labels, steps):
    parameters, losses = list(net.train().parameters()), []
    optimizer = torch.optim.Adam(parameters, 0.01)
    for _ in range(steps):
        loss = loss_of(net, pictures, labels)
        losses.append(loss.item())
        if losses[-1] < 0.05:
            break
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient
        optimizer.step()
    return losses


def gives_up(net, pictures, labels, steps):
    losses = one_batch()(net, pictures, labels, steps)
    return losses if losses[-1] < 0.05 else losses[:5]


def no_fraction(picture, mean, std):
    return (picture - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def over_columns(picture, mean, std):
    return (picture / 255 - torch.tensor(mean)) / torch.tensor(std)


def own_numbers(picture, mean, std):
    x = picture / 255
    return (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True)


def prints_only(picture, mean, std):
    print(picture)


def rounded(picture, mean, std):
    result = torch.zeros_like(picture)
    for channel in range(3):
        result[channel] = (picture[channel] / 255 - mean[channel]) / std[channel]
    return result


def groups(net, head_name, lr, head_factor, decay, in_head=None, decays=None, keys=None):
    in_head = in_head or (lambda name: name.startswith(head_name + "."))
    decays = decays or (lambda name, p: p.ndim > 1)
    result = []
    for head in (False, True):
        for many in (False, True):
            named = [
                (name, p)
                for name, p in net.named_parameters()
                if in_head(name) == head and decays(name, p) == many
            ]
            rates = {"lr": lr * (head_factor if head else 1), "weight_decay": decay * many}
            result.append({"params": [p for _, p in named], **rates})
    return [{k: v for k, v in g.items() if k in (keys or g)} for g in result]


def by_name(*arguments):
    """BatchNorm's scale is a weight too."""
    return groups(*arguments, decays=lambda name, p: name.endswith("weight"))


def by_start(net, head_name, *arguments):
    """head_norm is not in the head."""
    return groups(net, head_name, *arguments, in_head=lambda name: name.startswith(head_name))


def two_by_two(net, head_name, lr, head_factor, decay):
    """Two groups for the rates, and two for the decay."""
    head = list(net.get_submodule(head_name).parameters())
    body = [p for name, p in net.named_parameters() if not name.startswith(head_name + ".")]
    return [
        {"params": body, "lr": lr, "weight_decay": decay},
        {"params": head, "lr": lr * head_factor, "weight_decay": decay},
        {"params": [p for p in body if p.ndim <= 1], "lr": lr, "weight_decay": 0},
    ]


def twice(net, head_name, lr, head_factor, decay):
    every = [p for m in net.modules() for p in m.parameters()]
    return [{"params": every, "lr": lr, "weight_decay": decay}]


def pairs(net, head_name, lr, head_factor, decay):
    return [{"params": list(net.named_parameters()), "lr": lr, "weight_decay": decay}]


WRONG = {
    "01.1": [
        (loop(normal=False, pairs=False, zero=False, late=False, mode=False), "not normalised"),
        (loop(pairs=False, zero=False, late=False, mode=False), "train mode"),
        (loop(pairs=False, zero=False, late=False), "label of another"),
        (loop(zero=False, late=False), "Gradients of earlier"),
        (proper_loop(learn_nothing), "No step changes"),
        (proper_loop(learn, epochs=1), "Five epochs"),
        (proper_loop(learn, maximize=True), "downhill"),
        (proper_loop(learn, lr=0.01), "rate of 0.05"),
        (proper_loop(learn, momentum=0.9), "plain SGD"),
        (proper_loop(learn, size=6), "batches of 8"),
        (loop(late=False), "as random at the end"),
        (loop(right=True), "accuracy on valid is"),
        (divided_first, "do not divide"),
        (train_pictures_only, "never gets the validation"),
        (never_learns, "nothing is learned"),
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
        (by_name, "norm.weight got weight_decay"),
        (by_start, "head_norm.weight got lr"),
        (lambda *a: groups(*a[:3], 1, a[4]), "head.weight got lr"),
        (lambda *a: groups(*a, decays=lambda name, p: p.ndim != 1), "scale got weight_decay"),
        (lambda *a: groups(*a, keys=("params", "lr")), "no weight_decay"),
        (lambda *a: groups(*a)[1:], "in no group"),
        (two_by_two, "two groups"),
        (twice, "in a list twice"),
        (pairs, "pairs"),
    ],
    "01.4": [
        (one_batch(until=1e-3), "stop as soon"),
        (one_batch(rate=1e-5), "though this net can learn it"),
        (one_batch(number=False), ".item()"),
        (one_batch(steps_only=True), "steps where 30"),
        (one_batch(train=False), "train mode"),
        (one_batch(part=slice(-2, None), rate=0.3), "never move"),
        (gives_up, "gave up after 5"),
        (made_up, "not those of the network"),
        (lambda *a: [one_batch()(*a)[0], 0.01], "not those of the network"),
        (never_zeroed, "earlier steps"),
        (half_of_it, "on the whole batch"),
        (lambda net, pictures, labels, steps: [], "first loss"),
    ],
    "01.5": [
        ({1e-4: 0.9, 1e-3: 0.5}, "four rates"),
        ({1e-5: 0.9, 1e-4: 0.9, 1e-3: 0.9, 1e-2: 0.9}, "breaks training"),
        ({1e-5: 0.85, 1e-4: 0.55, 1e-3: 0.85, 1e-2: 0.85}, "breaks training"),
        ({1e-5: 0.5, 1e-4: 0.5, 1e-3: 0.6, 1e-2: 0.85}, "breaks training"),
        ({1e-7: 0.5, 1e-6: 0.5, 5e-6: 0.5, 2e-5: 0.54}, "larger ones"),
        ({1: 0.9, 10: 0.9, 100: 0.9, 1000: 0.5}, "did `accuracy_at`"),
        ({1e-3: 0.5, 1e-2: 0.5, 1e-1: 0.5, 1: 0.5}, "smaller"),
        ({1e-4: 90, 1e-3: 80, 1e-2: 70, 1e-1: 50}, "fraction"),
        ({1e-4: 0.9, 2e-4: 0.9, 3e-4: 0.8, 4e-4: 0.5}, "three times"),
    ],
    "01.6": [
        ({"recipe": [0.9, 0.9, 0.9], "mine": [0.91, 0.9, 0.86]}, "not better yet"),
        ({"recipe": [0.9], "mine": [0.95]}, "Three seeds"),
        ({"recipe": [0.9, 0.9, 0.9]}, 'no key "mine"'),
        ({"recipe": [0.8, 0.8, 0.8], "mine": [0.9, 0.9, 0.9]}, "train anew"),
        ({"recipe": [90, 91, 92], "mine": [93, 94, 95]}, "fraction"),
    ],
}

RIGHT = {
    "01.1": [
        (proper_loop(learn), ""),
        (proper_loop(learn_by_assigned_gradients), ""),
        (proper_loop(learn_in_halves), ""),
        (proper_loop(learn_by_hand), ""),
    ],
    "01.4": [(with_momentum, ""), (with_assigned_gradients, "")],
    "01.5": [({1e-6: 0.5, 1e-5: 0.8, 1e-4: 0.9, 1e-3: 0.7}, "")],
    "01.6": [
        ({"recipe": [0.9, 0.9, 0.9], "mine": [0.94, 0.95, 0.96]}, "0.050 apart, more than"),
        ({"recipe": [0.88, 0.9, 0.92], "mine": [0.87, 0.91, 0.95]}, "more seeds would tell"),
    ],
}
