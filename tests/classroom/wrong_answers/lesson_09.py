"""What goes wrong in the exercises of lesson 09, and words of the diagnosis that it must get."""

import copy

import numpy as np
import torch
from torch import nn

from tests.classroom.wrong_answers.styles import returning, right


def training(groups, valid):
    return {g for i, g in enumerate(groups) if i not in valid}


def cost(t, sure, right, wrong, ask):
    return (ask * (sure < t) + wrong * ((sure >= t) & ~right)).sum().item()


def probability(logits, label):
    return logits.softmax(1)[0, label].item()


def hottest(heat, k):
    return heat.flatten().topk(k).indices


def any_places(heat, k):
    return torch.randperm(heat.numel())[:k]


def hidden(batch, heat, places, fill=0.0, on=torch.clone, rows=divmod, shift=0):
    """A picture with these places filled."""
    picture, (h, w) = on(batch), heat.shape
    high, wide = batch.shape[2] // h, batch.shape[3] // w
    for place in places.tolist():
        row, column = rows(place, w)
        top, left = row * high + shift, column * wide + shift
        picture[..., top : top + high, left : left + wide] = fill
    return picture


def falling(
    ask=probability,
    top=hottest,
    some=any_places,
    draws=20,
    mode=lambda net: net.eval(),
    end=lambda before, at_top, by_draw: (before - at_top, before - sum(by_draw) / len(by_draw)),
    **how,
):
    """An answer to 09.3, right as it stands."""

    def falls(net, batch, label, heat, k):
        def left(picture):
            with torch.no_grad():
                return ask(mode(net)(picture), label)

        before, at_top = left(batch), left(hidden(batch, heat, top(heat, k), **how))
        by_draw = [left(hidden(batch, heat, some(heat, k), **how)) for _ in range(draws)]
        return end(before, at_top, by_draw)

    return falls


def falls_by_a_mask(net, batch, label, heat, k):
    """All pictures at once, made by multiplication."""
    places = [hottest(heat, k)] + [any_places(heat, k) for _ in range(30)]
    kept = torch.ones(31, heat.numel())
    for row, chosen in zip(kept, places, strict=True):
        row[chosen] = 0
    masks = nn.functional.interpolate(kept.view(31, 1, *heat.shape), batch.shape[-2:])
    net.eval()
    p = torch.softmax(net(torch.cat([batch, batch * masks])), 1)[:, label].detach()
    return p[0] - p[1], (p[0] - p[2:]).mean()


def falls_by_numpy(net, batch, label, heat, k):
    """A copy of the network is asked; random places are never among the hottest."""
    net, (h, w), rng = copy.deepcopy(net).eval(), heat.shape, np.random.default_rng(1)
    order = np.argsort(-heat.numpy().ravel())

    def p(places):
        mask = np.ones(h * w)
        mask[places] = 0
        tile = np.ones((batch.shape[2] // h, batch.shape[3] // w))
        grid = torch.from_numpy(np.kron(mask.reshape(h, w), tile)).float()
        with torch.inference_mode():
            return net(batch * grid).log_softmax(1).exp().numpy()[0, label]

    falls = [p([]) - p(rng.choice(order[k:], k, replace=False)) for _ in range(25)]
    return [p([]) - p(order[:k]), np.mean(falls)]


def falls_from_pixels(net, batch, label, heat, k):
    """It hides in the picture before normalisation, with the mean of training, and goes back."""
    mean, std = torch.tensor([0.5, 0.4, 0.3])[:, None, None], 0.25
    was_training = net.training
    net.eval()

    def p(places):
        pixels = hidden(batch * std + mean, heat, places, fill=mean.view(3, 1, 1))
        return probability(net((pixels - mean) / std), label)

    none = torch.empty(0, dtype=torch.long)
    found = {
        "hottest": p(none) - p(hottest(heat, k)),
        "random": np.mean([p(none) - p(any_places(heat, k)) for _ in range(20)]),
    }
    net.train(was_training)
    return found


def once_and_again(heat, k):
    return torch.randint(heat.numel(), (k,))


def upsampled(net, batch, label, heat, k):
    """The hottest pixels of the map made as large as the picture."""
    large = nn.functional.interpolate(heat[None, None], batch.shape[-2:], mode="bilinear")
    level = large.flatten().topk(k * batch[0, 0].numel() // heat.numel()).values[-1]
    falls = [net.eval()(batch * (large < level)), net(batch)]
    return [p.softmax(1)[0, label].item() for p in falls]


def one_by_one(net, batch, label, heat, k):
    left = [hidden(batch, heat, place[None]) for place in hottest(heat, k)]
    p = net.eval()(torch.cat([batch, *left])).softmax(1)[:, label]
    return (p[0] - p[1:]).sum().item(), 0.0


def same_draw(heat, k):
    torch.manual_seed(3)
    return any_places(heat, k)


def holes_that_stay(net, batch, label, heat, k):
    """One copy for all draws."""
    copied = batch.clone()
    return falling(on=lambda _: copied)(net, batch, label, heat, k)


def first_name(logits, label):
    return logits.softmax(1).max().item()


def named_before(net, batch, label, heat, k):
    return falling()(net, batch, int(net.eval()(batch).argmax()), heat, k)


def repeated(contents):
    values = list(contents.values())
    return sorted(path for path, value in contents.items() if values.count(value) > 1)


def later_ones(contents):
    seen, found = {}, []
    for path, value in contents.items():
        if seen.setdefault(value, path).split("/")[0] != path.split("/")[0]:
            found.append(path)
    return sorted(found)


WRONG = {
    "09.1": [
        (lambda g, v: sorted(i for i in v if g[i] not in training(g, v)), "no leaks"),
        (lambda g, v: [i for i in v if g[i] in training(g, v)], "rising order"),
        (lambda g, v: sorted({g[i] for i in v} & training(g, v)), "group numbers"),
        (lambda g, v: sorted(i for i in v if [g[j] for j in v].count(g[i]) > 1), "leaks"),
    ],
    "09.2": [
        (lambda s, r, w, a, c: max(c, key=lambda t: cost(t, s, r, w, a)), "highest"),
        (lambda s, r, w, a, c: min(c, key=lambda t: cost(t, s, r, a, w)), "mixed up"),
        (lambda s, r, w, a, c: 0.77, "not among"),
        (lambda s, r, w, a, c: 0.95, "another candidate"),
        (lambda s, r, w, a, c: 0.5, "alike"),
    ],
    "09.3": [
        (falling(fill=-1.0), "hides with -1,"),
        (falling(fill=0.5), "hides with 0.5,"),
        (falling(fill=127.0), "not the mean colour"),
        (lambda n, b, *a: falling(fill=b.mean())(n, b, *a), "mean of this picture"),
        (lambda n, b, *a: falling(fill=b.mean((2, 3))[..., None, None])(n, b, *a), "mean of this"),
        (falling(fill=torch.tensor([-2.1, -2.0, -1.8])[:, None, None]), "values that differ"),
        (falling(on=lambda batch: batch), "hide in a copy"),
        (falling(mode=lambda net: net), "training mode"),
        (falling(mode=lambda net: net.train()), "training mode"),
        (falling(ask=lambda logits, label: logits[0, label].item()), "logits"),
        (falling(ask=lambda logits, label: -logits.log_softmax(1)[0, label].item()), "losses"),
        (falling(ask=lambda x, label: x.log_softmax(1)[0, label].item()), "logarithms"),
        (falling(ask=lambda logits, label: logits.sigmoid()[0, label].item()), "sigmoid"),
        (falling(ask=first_name), "its own most likely"),
        (named_before, "another class"),
        (lambda *a: falling()(*a)[0], "Return two numbers"),
        (falling(draws=0, end=lambda before, at_top, _: (before - at_top, 0)), "without them"),
        (falling(draws=1), "Random draws: 1."),
        (falling(some=same_draw), "draw anew"),
        (falling(some=lambda heat, k: hottest(-heat, k)), "draw anew"),
        (falling(some=once_and_again), "drawn twice"),
        (holes_that_stay, "a hole stay"),
        (falling(top=lambda heat, k: hottest(-heat, k)), "coldest"),
        (falling(top=lambda heat, k: hottest(heat, k + 1)), "hides 5 places, not 4"),
        (falling(top=lambda heat, k: hottest(heat, k - 1)), "never hidden together"),
        (falling(rows=lambda place, w: divmod(place, w)[::-1]), "Rows and columns"),
        (falling(shift=1), "not whole places"),
        (falling(shift=-1), "not whole places"),
        (upsampled, "not whole places"),
        (one_by_one, "one place at a time"),
        (falling(end=lambda before, top, each: (top, sum(each) / len(each))), "what is left"),
        (falling(end=lambda b, top, each: (top - b, sum(each) / len(each) - b)), "sign"),
        (falling(end=lambda b, top, each: (b - sum(each) / len(each), b - top)), "wrong way round"),
        (falling(end=lambda b, top, each: (b - top, len(each) * b - sum(each))), "added up"),
        (falling(end=lambda b, top, each: (b - top, b - min(each))), "take the mean"),
        (falling(end=lambda b, top, each: (1 - top / b, 1 - sum(each) / 20 / b)), "shares"),
        (falling(end=lambda b, top, each: (b - top, b - top)), "The first number is right"),
        (falling(end=lambda b, top, each: (b - top, b, 0.0)), "3 numbers"),
    ],
    "09.4": [("a", "Few pictures"), ("c", "fraction"), ("d", "evidence")],
    "09.5": [
        (repeated, "twice in one class"),
        (later_ones, "missing"),
        (lambda contents: [], "compare"),
        (lambda contents: ["c/6", "b/5", "b/1", "a/9", "a/7"], "not sorted"),
    ],
}

RIGHT = {
    "09.3": right(
        falling(),
        falling(draws=100),
        falling(mode=lambda net: net.train(False)),
        falls_by_a_mask,
        falls_by_numpy,
        falls_from_pixels,
        *returning(falling(), list, torch.tensor, np.array, lambda v: [str(x) for x in v]),
    ),
}
