"""Exercises of lesson 01: bugs, normalisation, parameter groups, one batch, rates, a recipe."""

import copy
import math
import statistics
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from classroom import kinds
from classroom.exercises import compare, measured_again, require_accuracies
from classroom.judge import NotYet, Remark, exercise


class Leftovers:
    """Notes whether a parameter's gradient still holds that of an earlier step when more comes."""

    def __init__(self, parameter):
        self.found, self.new, self.old = False, None, parameter.detach().clone()
        parameter.register_hook(self.remember)
        parameter.register_post_accumulate_grad_hook(self.compare)

    def remember(self, gradient):
        self.new = gradient.clone()

    def compare(self, parameter):
        summed = not torch.allclose(parameter.grad, self.new)
        self.found |= summed and not parameter.equal(self.old)  # parts of a batch may be summed
        self.old = parameter.detach().clone()


class Watched(nn.Module):
    """A small network that notes what a training loop does with it."""

    def __init__(self, pictures, labels):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.ReLU())
        self.classifier = nn.Linear(6, 1000)
        self.pictures, self.labels = pictures, labels
        self.start, self.passes, self.used = None, [], []
        self.leftovers = Leftovers(self.body[1].weight)

    def forward(self, x):
        modes = {part.training for part in self.modules()}
        self.passes.append((modes, x.detach().clone()))
        if self.start is None:
            self.start = copy.deepcopy((self.body, self.classifier))  # a tuple is no part of it
        outputs = self.classifier(self.body(x))
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: self.note(x, gradient))
        return outputs

    def note(self, x, gradient):
        """Which label was used: only of its class does the loss want a larger output."""
        sure = gradient.abs().amax(1) > 1e-9  # of a loss that is nearly 0, nothing can be told
        weights = nn.utils.parameters_to_vector(self.parameters()).detach()
        self.used.append((x.detach(), torch.where(sure, gradient.argmin(1), -1), weights))


@exercise(
    "01.1",
    takes="net normalise train valid",
    wanted="the accuracy on valid, one number from 0 to 1",
    why="None of the five raises an error; some cost a little, one costs everything, and you would "
    "blame the data: so look for them whenever a result is lower than it should be.",
    hints=(
        "Go through it line by line and ask of each: what does it take, from where, and does the "
        "line before leave it ready? Three bugs are in the loop, one before it, one after it.",
        "Compare with `train_one_epoch` and `accuracy` of this lesson. Which parameters did the "
        "optimiser get? Do x and y still belong together? What does the last line find set?",
    ),
)
def find_the_bugs(function):
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (20, 3, 2, 2), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 2, (20,), generator=generator)
    train, valid = (pictures[:12], labels[:12]), (pictures[12:], labels[12:])

    def normalise(batch):
        if batch.is_floating_point():
            raise NotYet("`normalise` takes bytes, 0 to 255: do not divide them first.")
        return (batch / 255 - 0.3) / 0.2

    net = Watched(normalise(pictures), labels)
    result = function(net, normalise, train, valid)
    return (
        _wrong_inputs(net)
        or _wrong_labels(net)
        or _wrong_steps(net)
        or _wrong_measure(net, normalise, valid, kinds.number(result))
    )


def _numbers(net, x):
    """Returns which picture each of these is, -1 for none of them."""
    if x.shape[1:] != net.pictures.shape[1:]:
        raise NotYet(f"The network got a batch of the shape {tuple(x.shape)}.")
    alike = torch.isclose(x[:, None], net.pictures[None], atol=1e-3).flatten(2).all(2)
    return torch.where(alike.any(1), alike.int().argmax(1), -1)


def _wrong_inputs(net):
    for what, wanted in (("training", True), ("validation", False)):
        seen = [(modes, _numbers(net, x)) for modes, x in net.passes]
        if any((numbers == -1).any() for _, numbers in seen):
            return "The network gets pictures that are not normalised as it expects them."
        mine = [(modes, n) for modes, n in seen if bool((n < 12).all()) == wanted]
        if not mine:
            return f"The network never gets the {what} pictures."
        if any(modes != {wanted} for modes, _ in mine):
            mode = "eval" if wanted else "train"
            part = "A part of the" if any(len(modes) == 2 for modes, _ in mine) else "The"
            return f"{part} network is in {mode} mode while it gets the {what} pictures."
    return None


def _wrong_labels(net):
    if not net.used:
        return "No loss is taken back through the network, so nothing is learned."
    for x, used, _ in net.used:
        if (used != net.labels[_numbers(net, x)])[used >= 0].any():
            return "Some pictures get the label of another picture."
    return None


def _wrong_steps(net):
    if len(net.classifier.weight) != 2:
        return "The output layer still has 1,000 outputs; there are two classes."
    times = torch.cat([_numbers(net, x) for x, *_ in net.used]).bincount(minlength=12)
    if (times != 5).any():
        n = times[times != 5][0]
        return f"Five epochs learn from each training picture 5 times; one of them has {n} here."
    if net.leftovers.found:
        return "Gradients of earlier batches are still there when the next one is taken back."
    trained = nn.utils.parameters_to_vector(net.parameters())
    if trained.equal(net.used[0][2]):
        return "No step changes the network: is the gradient there when the optimiser takes one?"
    if net.classifier.weight.equal(net.start[1].weight):
        return "The output layer is as random at the end as it was at the beginning."
    if not torch.allclose(trained, _trained_again(net), atol=1e-4):
        return "The weights are not those of plain SGD: step downhill, at a rate of 0.05."
    return None


def _trained_again(net):
    """Returns the weights that SGD gives, with the same pictures between each step and the next."""
    steps, before = [], None
    for x, _, weights in net.used:
        if before is None or not weights.equal(before):
            steps.append([])
        steps[-1].append(x)
        before = weights
    sizes = [sum(map(len, parts)) for parts in steps]
    if sizes != 5 * [8, 4]:
        raise NotYet(f"Keep the batches of 8, with a step after each; here are steps of {sizes}.")
    again = nn.Sequential(*net.start).train()
    optimizer = torch.optim.SGD(again.parameters(), 0.05)
    for parts, size in zip(steps, sizes, strict=True):
        optimizer.zero_grad()
        for x in parts:
            labels = net.labels[_numbers(net, x)]
            (F.cross_entropy(again(x), labels, reduction="sum") / size).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(again.parameters())


def _wrong_measure(net, normalise, valid, result):
    pictures, labels = valid
    with torch.no_grad():
        right = (net.eval()(normalise(pictures)).argmax(1) == labels).float().mean().item()
    if abs(result - right) > 1e-3:
        return f"It returns {result:g}, but the trained network's accuracy on valid is {right:g}."
    return None


@exercise(
    "01.2",
    takes="picture mean std",
    wanted="a float tensor of the picture's shape (3, H, W)",
    why="These six numbers are a layer of the network that lives outside it: whoever feeds the "
    "network has to apply them.",
    hints=(
        "Three steps: from whole numbers to fractions of 1, then one subtraction and one division.",
        "A tensor of shape (3, 1, 1) holds one number for each channel; `torch.tensor` and "
        "`.view` make one from three numbers.",
    ),
)
def normalise(function):
    torch.manual_seed(1)
    mean, std = (0.5, 0.4, 0.1), (0.2, 0.3, 0.4)
    for most, height, width in ((200, 5, 3), (1, 4, 6)):  # 255 in neither, and a nearly black one
        picture = torch.randint(0, most + 1, (3, height, width), dtype=torch.uint8)
        if diagnosis := _not_normal(function, picture, mean, std):
            return diagnosis
        mean, std = (0.3, 0.6, 0.2), (0.4, 0.1, 0.5)
    return None


def _not_normal(function, picture, mean, std):
    original = picture.clone()
    result = kinds.tensor(function(picture, mean, std))
    if result.shape != picture.shape:
        shapes = f"of shape {tuple(picture.shape)} becomes a tensor of shape {tuple(result.shape)}"
        return f"A picture {shapes}."
    if not picture.equal(original):
        return "It changes the picture it was given; make a new tensor instead."
    m, s = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))
    x, most = picture / 255, int(picture.max())
    own = (picture / most - m) / s
    slips = {
        "Values run from 0 to 255 here; mean and std are meant for 0 to 1.": (picture - m) / s,
        "Brackets: the whole difference is divided by std, not the mean alone.": x - m / s,
        "The division by std is missing.": x - m,
        "The subtraction of the mean is missing.": x / s,
        "The largest value is 255, not 256.": (picture / 256 - m) / s,
        f"Divide by 255, not by the picture's largest value, here {most}.": own,
        "Divide by 255 before the subtraction: mean is meant for values up to 1.": (
            (picture - m) / s / 255
        ),
        "First subtract the mean, then divide.": x / s - m,
        "Mean and std are swapped: subtract the mean, divide by std.": (x - s) / m,
        "Divide by std, not by its square.": (x - m) / s**2,
        "Divide by std; do not multiply.": (x - m) * s,
        "Subtract the mean; do not add it.": (x + m) / s,
        "The three numbers are in the wrong order: the first belongs to channel 0.": (
            (x - m.flip(0)) / s.flip(0)
        ),
        "It ignores the numbers it is given and uses the picture's own.": (
            (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True)
        ),
    }
    if picture.shape[2] == 3:
        slips["The three numbers are spread over the columns; each belongs to a channel."] = (
            x - m.view(3)
        ) / s.view(3)
    return compare(result, (x - m) / s, slips)


@exercise(
    "01.3",
    takes="net head_name lr head_factor decay",
    wanted="a list of dictionaries with params, lr and weight_decay, as an optimiser takes them",
    why="Most published recipes have exactly these four groups. A parameter that is in none of "
    "them never learns, without a word from anybody.",
    hints=(
        "Two questions of each parameter: is it in the head, and does it have two dimensions or "
        "more? Two times two answers are four lists.",
        "`net.named_parameters()` gives both the name, which tells where a parameter belongs, and "
        "the parameter, whose `.ndim` counts its dimensions. Names of the head begin with "
        "head_name and a dot.",
    ),
)
def four_groups(function):
    layers = {"body": nn.Conv1d(3, 4, 3), "norm": nn.BatchNorm1d(4), "head": nn.Linear(2, 2)}
    net = nn.Sequential()
    for name, layer in {**layers, "head_norm": nn.LayerNorm(2)}.items():
        net.add_module(name, layer)
    net.register_parameter("scale", nn.Parameter(torch.tensor(1.0)))
    for lr, factor, decay in ((0.01, 10, 0.03), (0.002, 5, 0.5)):
        groups = function(net, "head", lr, factor, decay)
        groups = kinds.groups(groups, net, ("lr", "weight_decay"))
        group_of = {id(p): group for group in groups for p in group["params"]}
        for name, p in net.named_parameters():
            if id(p) not in group_of:
                once = "; one is empty: was a generator used twice?" if _has_empty(groups) else "."
                return f"{name} is in no group, so it would never be trained{once}"
            head, many = name.startswith("head."), p.ndim > 1
            choices = {"lr": (lr, lr * factor, head), "weight_decay": (0, decay, many)}
            for key, (usual, special, is_special) in choices.items():
                right, other = (special, usual) if is_special else (usual, special)
                if not math.isclose(value := group_of[id(p)][key], right, rel_tol=1e-6):
                    swap = ", which belongs to others" if math.isclose(value, other) else ""
                    return f"{name} got {key} {value:g}{swap}; it should be {right:g}."
    return None


def _has_empty(groups):
    return any(not group["params"] for group in groups)


@exercise(
    "01.4",
    takes="net pictures labels steps",
    wanted="a list of losses, one number per step",
    why="Any network can learn sixteen pictures by heart. One that cannot has a bug in it or in "
    "its training loop, and you have found that out in seconds, not after a night of training.",
    hints=(
        "The loop of `train_one_epoch`, with the same batch again and again, and an end.",
        "Take the loss down before you test it, stop as soon as it is small enough, and let the "
        "number of steps end the loop otherwise. AdamW at a rate of 1e-2 is fast enough here.",
    ),
)
def overfit(function):
    torch.manual_seed(4)
    pictures, labels = 2 + 3 * torch.randn(16, 3, 4, 4), torch.arange(16) % 2
    layers = [nn.Flatten(), nn.Linear(48, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2)]
    healthy = nn.Sequential(*layers)
    deaf = copy.deepcopy(healthy)
    deaf[3].register_forward_hook(lambda layer, inputs, output: 0 * output)  # hears no picture
    first = F.cross_entropy(healthy(pictures), labels).item()
    before = copy.deepcopy(healthy)
    leftovers, seen = Leftovers(healthy[1].weight), []

    def note(net, inputs, outputs):
        order = torch.cdist(inputs[0].flatten(1), pictures.flatten(1)).argmin(1)
        seen.append(F.cross_entropy(outputs.detach(), labels[order]).item())

    healthy.register_forward_hook(note)
    losses = _losses(function(healthy.eval(), pictures, labels, 600), 600)
    if not losses or abs(losses[0] - first) > 0.01:
        return "The first loss is not that of the network in train mode, before its first step."
    for loss in losses[:-1]:
        if loss < 0.05:
            return f"It went on after a loss of {loss:.3f}: stop as soon as one is below 0.05."
    if losses[-1] >= 0.05 and len(losses) == 1:
        return "It ends after one step: is `return` inside the loop?"
    if losses[-1] >= 0.05:
        return (
            f"After {len(losses)} steps the loss is {losses[-1]:.2f}, though this net can learn it."
        )
    if any(min((abs(loss - known) for known in seen), default=1) > 1e-3 for loss in losses):
        return "Some losses in the list are not those of the network: give each as it was."
    if leftovers.found:
        return "Gradients of earlier steps are still there when the next loss is taken back."
    for (name, new), old in zip(healthy.named_parameters(), before.parameters(), strict=True):
        if name != "1.bias" and new.equal(old):  # BatchNorm takes this bias away again
            return "Some of the parameters never move: train all of them."
    after = F.cross_entropy(healthy.train()(pictures), labels).item()
    if after >= 0.1:  # a last step, after the last loss, may have gone a little too far
        return f"At the end the network's loss on the whole batch is {after:.2f}, not below 0.05."
    losses = _losses(function(deaf, pictures, labels, 30), 30)
    if len(losses) < 30:
        return f"On a net that cannot learn it gave up after {len(losses)} of 30 steps."
    return None


def _losses(values, most):
    if any(isinstance(value, torch.Tensor) and value.requires_grad for value in values):
        raise NotYet("The list holds tensors with their gradients: keep numbers, from .item().")
    if len(values) > most:
        raise NotYet(f"It took {len(values)} steps where {most} were allowed.")
    return kinds.numbers(values)


@exercise(
    "01.5",
    wanted="a dictionary {learning rate: validation accuracy}",
    why="Above some rate, training destroys what the network knew: know where this edge is, and "
    "stay a good factor below it.",
    hints=(
        "Rates differ by orders of magnitude, so multiply from one to the next; do not add.",
        "rates = [1e-4 * 4**k for k in range(n)], and the dictionary in one line: "
        "{rate: ... for rate in rates}. Is n large enough? The accuracies tell.",
    ),
)
def rates(answer):
    runs = sorted(kinds.mapping(answer, kinds.number, kinds.number).items())
    if len(runs) < 4:
        return f"Try at least four rates; you have {len(runs)}."
    require_accuracies(accuracy for _, accuracy in runs)
    if runs[0][0] <= 0:
        return "A learning rate must be above zero."
    if any(b < 2.9 * a for (a, _), (b, _) in pairwise(runs)):
        return "Each rate should be at least three times the one before: the edge is far away."
    best = max(accuracy for _, accuracy in runs)
    works = [rate for rate, accuracy in runs if accuracy > best - 0.2 + 1e-6]
    if best < 0.6:
        too_small = runs[-1][0] < 1e-4
        advice = "larger ones, as rates this small change little" if too_small else "smaller ones"
        return f"None of these rates does better than a guess: try {advice}."
    if runs[-1][0] in works:
        return "Your largest rate is not 0.2 below the best yet: go on until one breaks training."
    if works[0] > 0.1:
        return "No network of this lesson works at such a rate: did `accuracy_at` say so?"
    smallest, accuracy = runs[0]  # what it gives depends least on chance
    return partial(measured_again, "accuracy_at", (smallest,), accuracy, 0.05)


@exercise(
    "01.6",
    wanted='a dictionary {"recipe": [accuracies], "mine": [accuracies]}',
    why="You have decided something on validation pictures, with seeds on both sides. Whether it "
    "holds is for pictures that have had no say yet: the test set, or your own.",
    hints=(
        "What has this lesson left as it was, without trying anything else? Make a list, and "
        "change one thing at a time, with one seed.",
        "With so few pictures, look for what costs no labels: more from the same network, or more "
        "from the same picture. Train anew for each seed only when one idea looks good.",
    ),
)
def beat_the_recipe(answer):
    sides = dict.fromkeys(("recipe", "mine"), kinds.numbers)
    recipe, mine = kinds.named(answer, sides, "a list of accuracies")
    require_accuracies(recipe + mine)
    if len(mine) < 3 or len(recipe) < 3:
        return "Three seeds of each, please: the better of two single runs is often just luckier."
    if len(set(recipe)) == len(set(mine)) == 1:
        return "On each side all seeds give the same number: train anew for each seed."
    if sorted(recipe) == sorted(mine):
        return "Both lists are the same: is it your function that fills the second one?"
    told = f"{_spoken(mine)} against the recipe's {_spoken(recipe)}"
    gap = statistics.mean(mine) - statistics.mean(recipe)
    if gap <= 0:
        return f"{told}: not better yet. Which of your ideas have you tried alone?"
    error = sum(statistics.variance(side) / len(side) for side in (recipe, mine)) ** 0.5
    within = gap <= 2 * error
    spread = "within the spread: more seeds would tell" if within else "more than the spread"
    return Remark(f"{told}: {gap:.3f} apart, {spread}.")


def _spoken(values):
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
