"""What goes wrong in the exercises of lesson 01, and words of the diagnosis that it must get."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.classroom.wrong_answers.styles import mappings, returning, right


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


def learn_by_log_softmax(net, optimizer, x, y):
    F.nll_loss(net(x).log_softmax(1), y).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)


def learn_by_definition(net, optimizer, x, y):
    logits = net(x)
    loss = (logits.logsumexp(1) - logits[range(len(y)), y]).mean()
    for parameter in net.parameters():
        parameter.grad = None
    loss.backward()
    optimizer.step()


def learn_with_closure(net, optimizer, x, y):
    def closure():
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(x), y)
        loss.backward()
        return loss

    optimizer.step(closure)


def learn_with_switch(net, optimizer, x, y):
    with torch.set_grad_enabled(True):
        learn(net, optimizer, x, y)


def learn_summed(net, optimizer, x, y):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y, reduction="sum").backward()
    optimizer.step()


def learn_probabilities(net, optimizer, x, y):
    optimizer.zero_grad()
    F.cross_entropy(net(x).softmax(1), y).backward()
    optimizer.step()


def learn_head_only(net, optimizer, x, y):
    learn(net, optimizer, x, y)
    for parameter in net.body.parameters():
        parameter.requires_grad_(False)


def learn_asleep(net, optimizer, x, y):
    net.body.eval()
    learn(net, optimizer, x, y)


def with_a_loader(net, normalise, train, valid):
    net.classifier = nn.Linear(net.classifier.in_features, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(5):
        net.train()
        for x, y in DataLoader(TensorDataset(*train), batch_size=8, shuffle=True):
            learn(net, optimizer, normalise(x), y)
    net.eval()
    hits = 0
    with torch.inference_mode():
        for x, y in zip(*valid, strict=True):
            hits += int(net(normalise(x[None])).argmax() == y)
    return hits / len(valid[1])


def normalised_before(net, normalise, train, valid):
    """In order, by slices, with a head of zeros."""
    x, y = normalise(train[0]), train[1]
    net.classifier = nn.Linear(6, 2)
    nn.init.zeros_(net.classifier.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=5e-2, foreach=True)
    for _ in range(5):
        net.train()
        for start in range(0, len(x), 8):
            learn(net, optimizer, x[start : start + 8], y[start : start + 8])
    net.train(False)
    with torch.no_grad():
        return torch.mean((net(normalise(valid[0])).max(dim=1).indices == valid[1]).float())


def optimizer_of_parts(net, normalise, train, valid):
    net.classifier = nn.Linear(net.classifier.in_features, len(set(train[1].tolist())))
    groups = [{"params": net.body.parameters()}, {"params": net.classifier.parameters()}]
    optimizer = torch.optim.SGD(groups, lr=0.05)
    for _ in range(5):
        for rows in np.array_split(np.random.default_rng(0).permutation(12), [8]):
            learn(net.train(), optimizer, normalise(train[0][rows]), train[1][rows])
    net.eval()
    answers = net(normalise(valid[0])).argmax(-1).numpy()
    return (answers == valid[1].numpy()).mean()


def then(function, last):
    """The function, and something more at its end."""

    def more(net, *arguments):
        result = function(net, *arguments)
        last(net)
        return result

    return more


def in_a_copy(net, *arguments):
    return proper_loop(learn)(copy.deepcopy(net), *arguments)


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


def summed(net, pictures, labels, steps):
    return one_batch()(net, pictures, labels, steps)[:1]


def recorded_after(net, pictures, labels, steps):
    optimizer, losses = torch.optim.AdamW(net.train().parameters(), 1e-2), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(net, pictures, labels).backward()
        optimizer.step()
        losses.append(loss_of(net, pictures, labels).item())
        if losses[-1] < 0.05:
            break
    return losses


def while_true(net, pictures, labels, steps):
    net.train()
    optimizer, losses = torch.optim.Adam(net.parameters(), 0.02), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(pictures), labels)
        losses += [float(loss)]
        if loss < 0.05:
            return losses
        loss.backward()
        optimizer.step()
    return losses


def as_generator(net, pictures, labels, steps):
    optimizer = torch.optim.SGD(net.train().parameters(), 0.5)
    for _ in range(steps):
        loss = loss_of(net, pictures, labels)
        yield loss.detach()
        if loss < 0.05:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def proper_normalise(picture, mean, std, most=255):
    m, s = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))
    return (picture / most - m) / s


def by_channel(picture, mean, std):
    x = picture.float().div(255)
    return torch.stack([(c - m) / s for c, m, s in zip(x, mean, std, strict=True)])


def in_numpy(picture, mean, std):
    x = np.asarray(picture, dtype=np.float32) / 255
    return (x - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]


def in_place_on_a_copy(picture, mean, std):
    x = picture.clone().to(torch.float64)
    x /= 255
    for channel in range(3):
        x[channel] = x[channel].sub(mean[channel]).div(std[channel])
    return x


def with_transforms(picture, mean, std):
    from torchvision.transforms import v2

    return v2.Normalize(mean, std)(v2.functional.to_dtype(picture, torch.float32, scale=True))


def channels_last(picture, mean, std):
    x = picture.permute(1, 2, 0) / 255
    return ((x - torch.tensor(mean)) / torch.tensor(std)).permute(2, 0, 1)


def with_weight_and_bias(picture, mean, std):
    scale = torch.tensor([1 / (255 * s) for s in std])[:, None, None]
    shift = torch.tensor([m / s for m, s in zip(mean, std, strict=True)])[:, None, None]
    return picture * scale - shift


def by_its_maximum(picture, mean, std):
    return proper_normalise(picture, mean, std, picture.max())


def if_it_seems_needed(picture, mean, std):
    return proper_normalise(picture, mean, std, 255 if picture.max() > 1 else 1)


def changes_its_picture(picture, mean, std):
    result = proper_normalise(picture, mean, std)
    picture.zero_()
    return result


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


def one_group_each(net, head_name, lr, head_factor, decay):
    head = {id(p) for p in getattr(net, head_name).parameters()}
    return [
        {
            "params": p,
            "lr": lr * head_factor if id(p) in head else lr,
            "weight_decay": decay if p.ndim >= 2 else 0.0,
        }
        for p in net.parameters()
    ]


def by_dictionary(net, head_name, lr, head_factor, decay):
    found = {}
    for name, p in net.named_parameters():
        found.setdefault((name.split(".")[0] == head_name, len(p.shape) > 1), []).append(p)
    for (head, many), params in found.items():
        rate = torch.tensor(lr * head_factor if head else lr)
        yield {"params": iter(params), "lr": rate, "weight_decay": np.float64(decay * many)}


def used_up(net, head_name, lr, head_factor, decay):
    named = net.named_parameters()
    result = []
    for head in (False, True):
        for many in (False, True):
            params = [p for n, p in named if n.startswith(head_name + ".") == head]
            params = [p for p in params if (p.ndim > 1) == many]
            rate = lr * head_factor if head else lr
            result.append({"params": params, "lr": rate, "weight_decay": decay * many})
    return result


def changed(change):
    """The right groups with other params."""
    return lambda *a: [g | {"params": [change(p) for p in g["params"]]} for g in groups(*a)]


def in_numbers(table, factor):
    return {key: factor * value for key, value in table.items()}


BROKEN = {1e-5: 0.8, 1e-4: 0.9, 1e-3: 0.85, 1e-2: 0.5}
BETTER = {"recipe": [0.9, 0.91, 0.9], "mine": [0.95, 0.94, 0.96]}

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
        (in_a_copy, "never gets the training"),
        (proper_loop(learn_summed), "plain SGD"),
        (proper_loop(learn_probabilities), "plain SGD"),
        (proper_loop(learn_head_only), "plain SGD"),
        (proper_loop(learn_asleep), "A part of the network is in eval mode"),
        (proper_loop(learn, epochs=6), "Five epochs"),
        (proper_loop(learn, size=12), "batches of 8"),
        (proper_loop(learn, nesterov=True, momentum=0.9), "plain SGD"),
        (proper_loop(learn, weight_decay=0.1), "plain SGD"),
        (then(proper_loop(learn), lambda net: torch.set_grad_enabled(False)), "switched off"),
        (lambda *a: 100 * proper_loop(learn)(*a), "accuracy on valid is"),
        (lambda *a: 0.5, "never gets the training"),
    ],
    "01.2": [
        (no_fraction, "0 to 255"),
        (over_columns, "over the columns"),
        (own_numbers, "picture's own"),
        (prints_only, "return"),
        (rounded, "only whole numbers"),
        (lambda p, m, s: p / 255 - torch.tensor(m).view(3, 1, 1), "division by std is missing"),
        (lambda p, m, s: proper_normalise(p, s, m), "swapped"),
        (lambda p, m, s: proper_normalise(p, m[::-1], s[::-1]), "wrong order"),
        (lambda p, m, s: proper_normalise(p, m, s, 256), "not 256"),
        (lambda p, m, s: proper_normalise(p, m, s).flip(2), "by hand"),
        (lambda p, m, s: proper_normalise(p, m, s)[None], "(1, 3, 5, 3)"),
        (lambda p, m, s: proper_normalise(p, m, s).permute(1, 2, 0), "(5, 3, 3)"),
        (lambda p, m, s: proper_normalise(p, (0.5, 0.4, 0.1), (0.2, 0.3, 0.4)), "by hand"),
        (lambda p, m, s: proper_normalise(p, m, (1, 1, 1)), "division by std is missing"),
        (lambda p, m, s: proper_normalise(p, (0, 0, 0), s), "subtraction of the mean"),
        (lambda p, m, s: proper_normalise(p, [-v for v in m], s), "do not add"),
        (lambda p, m, s: proper_normalise(p, m, [v**2 for v in s]), "square"),
        (lambda p, m, s: proper_normalise(p, m, [1 / v for v in s]), "do not multiply"),
        (by_its_maximum, "not by the picture's largest value"),
        (if_it_seems_needed, "0 to 255"),
        (changes_its_picture, "changes the picture"),
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
        (used_up, "generator used twice"),
        (changed(lambda p: p.clone()), "a copy"),
        (changed(lambda p: p.data), "a copy"),
        (changed(lambda p: "norm.weight"), "are names"),
        (lambda n, h, lr, f, d: groups(n, h, lr * f, 1 / f, d), "which belongs to others"),
        (lambda *a: groups(*a, decays=lambda name, p: p.ndim < 2), "which belongs to others"),
        (lambda *a: groups(*a, decays=lambda name, p: "norm" not in name), "weight_decay"),
        (lambda *a: groups(*a, decays=lambda name, p: True), "weight_decay"),
        (lambda *a: groups(*a, in_head=lambda name: "head" in name), "head_norm.weight got lr"),
        (lambda *a: groups(*a, keys=("params", "weight_decay")), "no lr"),
        (lambda *a: groups(*a, keys=("lr", "weight_decay")), "no params"),
        (lambda *a: groups(a[0], "head", 0.01, 10, 0.03), "it should be 0.002"),
        (lambda *a: torch.optim.AdamW(groups(*a)), "not the optimiser"),
        (lambda *a: {"body": groups(*a)[0]}, "no params"),
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
        (summed, "inside the loop"),
        (recorded_after, "first loss"),
        (one_batch(until=0.5), "though this net can learn it"),
        (then(one_batch(), lambda net: torch.set_grad_enabled(False)), "switched off"),
        (lambda *a: one_batch()(*a)[::-1], "first loss"),
        (lambda *a: one_batch()(*a)[-1:], "first loss"),
        (lambda *a: len(one_batch()(*a)), "should return a list of losses"),
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
        (BROKEN | {1e-2: float("nan")}, "The entry 0.01: That is nan"),
        (BROKEN | {1e-2: None}, "The entry 0.01 is None"),
        (BROKEN | {1e-2: True}, "truth value"),
        (BROKEN | {0: 0.5}, "above zero"),
        (BROKEN | {1e-2: (0.8, 0.5)}, "2 values"),
        ({k: -v for k, v in BROKEN.items()}, "fraction"),
        ({v: k for k, v in BROKEN.items()}, "three times"),
        (list(BROKEN), "should be a dictionary"),
        (list(BROKEN.values()), "should be a dictionary"),
        (in_numbers(BROKEN, 1.2), "fraction"),
    ],
    "01.6": [
        ({"recipe": [0.9, 0.9, 0.9], "mine": [0.91, 0.9, 0.86]}, "not better yet"),
        ({"recipe": [0.9], "mine": [0.95]}, "Three seeds"),
        ({"recipe": [0.9, 0.9, 0.9]}, 'no key "mine"'),
        ({"recipe": [0.8, 0.8, 0.8], "mine": [0.9, 0.9, 0.9]}, "train anew"),
        ({"recipe": [90, 91, 92], "mine": [93, 94, 95]}, "fraction"),
        (BETTER | {"mine": BETTER["recipe"]}, "the same"),
        (BETTER | {"mine": BETTER["recipe"][::-1]}, "the same"),
        (BETTER | {"mine": 0.95}, "it should hold a list of accuracies"),
        (BETTER | {"mine": [0.95, None, 0.96]}, "The entry 'mine'"),
        (BETTER | {"mine": [0.95, float("nan"), 0.96]}, "nan"),
        (BETTER | {"mine": BETTER["recipe"][:2]}, "Three seeds"),
        (BETTER["mine"], "should be a dictionary"),
    ],
}

RIGHT = {
    "01.1": right(
        with_a_loader,
        normalised_before,
        optimizer_of_parts,
        *map(
            proper_loop,
            [
                learn,
                learn_by_assigned_gradients,
                learn_in_halves,
                learn_by_hand,
                learn_by_log_softmax,
                learn_by_definition,
                learn_with_closure,
                learn_with_switch,
            ],
        ),
        *returning(proper_loop(learn), torch.tensor, np.float32, str, lambda v: [v]),
    ),
    "01.2": right(
        proper_normalise,
        by_channel,
        in_numpy,
        in_place_on_a_copy,
        with_transforms,
        channels_last,
        with_weight_and_bias,
        *returning(
            proper_normalise, np.array, torch.Tensor.tolist, torch.Tensor.double, list, tuple
        ),
    ),
    "01.3": right(
        groups,
        one_group_each,
        by_dictionary,
        *returning(
            groups, tuple, iter, lambda g: g[::-1], lambda g: [x | {"name": "x"} for x in g]
        ),
    ),
    "01.4": right(
        one_batch(rate=1e-3),
        one_batch(rate=0.1),
        one_batch(),
        with_momentum,
        with_assigned_gradients,
        while_true,
        as_generator,
        *returning(one_batch(), tuple, np.array, torch.tensor, lambda v: [[x] for x in v]),
    ),
    "01.5": right(
        {1e-6: 0.5, 1e-5: 0.8, 1e-4: 0.9, 1e-3: 0.7},
        {3e-5: 0.85, 1e-4: 0.9, 3e-4: 0.9, 1e-3: 0.88, 3e-3: 0.7, 1e-2: 0.5},
        *mappings(BROKEN),
    ),
    "01.6": [
        ({"recipe": [0.9, 0.9, 0.9], "mine": [0.94, 0.95, 0.96]}, "0.050 apart, more than"),
        ({"recipe": [0.88, 0.9, 0.92], "mine": [0.87, 0.91, 0.95]}, "more seeds would tell"),
        ({"recipe": [0.9, 0.91, 0.89, 0.9, 0.9], "mine": [0.94, 0.95, 0.96]}, "more than"),
        *right(*mappings(BETTER), words="more than"),
    ],
}
