"""Exercises of lesson 06: log-loss, views, temperature, folds, early stopping."""

import math

import torch

from classroom.exercises import choice, compare, number
from classroom.judge import NotYet, exercise

number(
    "06.1",
    1.0053,
    0.006,
    {
        0.3257: "That is minus the logarithm of the mean probability; take the mean of the "
        "logarithms.",
        0.4366: "That is with logarithms to base 10; log-loss uses the natural one.",
        -1.0053: "Log-loss is minus the mean of the logarithms.",
        10.0532: "That is the sum over the ten pictures; log-loss is their mean.",
        0.1054: "That counts only the eight right answers; the two wrong ones cost something too.",
        0.0843: "That counts only the eight right answers; the two wrong ones cost something too.",
        0.0863: "Wrong answers count by what they gave to the right breed, 0.01, not 0.99.",
    },
    why="Two sure mistakes among ten cost more than ten times as much as the eight good answers "
    "together: in log-loss, confidence has to be earned.",
    hints=(
        "Each picture costs minus the logarithm of the probability of its own breed.",
        "Work out the cost of one picture of each kind; how many are there of each?",
    ),
)


@exercise(
    "06.2",
    takes="logits",
    wanted="a tensor of probabilities (N, classes)",
    why="A mean over views is less sure where the views disagree, which is where an answer "
    "should be less sure.",
    hints=(
        "Does the order matter, first the mean or first the softmax? Try both on two views that "
        "contradict each other.",
        "Which of the three dimensions holds the classes, and which one the views?",
    ),
)
def mean_of_views(function):
    torch.manual_seed(1)
    logits = 3 * torch.randn(4, 5, 4)
    result = function(logits.clone())
    right = logits.softmax(2).mean(0)
    if result.shape == logits.shape:
        return "There is still an answer for each view; average over the views."
    if result.shape == (4, 4):
        return "The dimensions are mixed up: the mean is over pictures."
    if result.shape != right.shape:
        shape = tuple(result.shape)
        return f"(4, 5, 4), which is views, pictures, classes, becomes {shape}, not (5, 4)."
    slips = {
        "The logits are averaged, then turned into probabilities; do it the other way round.": (
            logits.mean(0).softmax(1)
        ),
        "These are averaged logits; an answer is made of probabilities.": logits.mean(0),
        "The softmax is taken over the pictures; each picture's classes should sum to 1.": (
            logits.softmax(1).mean(0)
        ),
        "The softmax is taken over the views; each picture's classes should sum to 1.": (
            logits.softmax(0).mean(0)
        ),
        "The views are added up, so that a picture's answers sum to 4.": logits.softmax(2).sum(0),
        "Only the first view is used.": logits.softmax(2)[0],
        "There is a second softmax; a mean of probabilities needs none.": right.softmax(1),
    }
    return compare(result, right, slips)


@exercise(
    "06.3",
    takes="logits labels candidates",
    wanted="one of the candidates, a number",
    why="One number, chosen on pictures that the network did not train on, repairs its confidence "
    "and leaves every answer as it was.",
    hints=(
        "Try every candidate: divide the logits by it and work out the log-loss.",
        "Cross-entropy on logits / t is the log-loss at temperature t; keep the t of the lowest.",
    ),
)
def best_temperature(function):
    torch.manual_seed(2)
    candidates = [0.15, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6]
    for true in (2.0, 0.5):
        labels = torch.randint(0, 5, (400,))
        calm = torch.randn(400, 5) + 2.5 * torch.nn.functional.one_hot(labels, 5)
        calm[:120] = calm[:120].roll(1, 1)  # three in ten are wrong
        logits = true * calm

        def loss(t, logits=logits, labels=labels):
            return torch.nn.functional.cross_entropy(logits / t, labels).item()

        temperature = float(function(logits.clone(), labels, list(candidates)))
        best = min(candidates, key=loss)
        if abs(temperature - best) < 1e-6:
            continue
        if abs(temperature - max(candidates, key=loss)) < 1e-6:
            return "It returns the candidate with the highest log-loss."
        if abs(temperature - loss(best)) < 1e-4:
            return "It returns the log-loss; return the temperature that leads to it."
        if temperature == candidates.index(best):
            return "It returns a position in the list; return the temperature at that position."
        product = min(candidates, key=lambda t: loss(1 / t))
        if abs(temperature - product) < 1e-6:
            return "It multiplies by the temperature; divide the logits by it."
        if temperature in candidates:
            reached = f"With {temperature:g} the log-loss is {loss(temperature):.3f}"
            return f"{reached}; another candidate is better."
        return "It returns a number that is not among the candidates."
    return None


@exercise(
    "06.4",
    takes="learn_and_ask x labels folds",
    wanted="a tensor of probabilities with a row for each row of x",
    why="Every picture is judged by a network that has not seen it, and the rows are in the "
    "pictures' own order: only then can they be compared with the labels.",
    hints=(
        "Make an empty table first, then fill in the rows of each fold's held-out pictures.",
        "`result[a] = ...` fills the rows a: which of the two lists says where answers belong?",
    ),
)
def out_of_fold(function):
    torch.manual_seed(3)
    x, labels = torch.arange(9.0)[:, None], torch.tensor([0, 1, 1] * 3)
    order = torch.tensor([7, 2, 5, 0, 8, 3, 1, 6, 4])
    folds = [(order[order.unsqueeze(1).ne(held).all(1)], held) for held in order.split(3)]
    calls = []

    def learn_and_ask(learn_x, learn_labels, asked_x):
        if len(learn_x) != len(learn_labels):
            raise NotYet("It gives the learner different numbers of pictures and labels.")
        if not torch.equal(labels[learn_x[:, 0].long()], learn_labels):
            raise NotYet("The labels that the learner gets are not those of its pictures.")
        calls.append((set(learn_x[:, 0].tolist()), set(asked_x[:, 0].tolist())))
        return torch.cat([asked_x / 9, 1 - asked_x / 9], 1)

    result = function(learn_and_ask, x, labels, folds)
    if any(learned & asked for learned, asked in calls):
        return "The learner is asked about pictures that it has learned from."
    if len(calls) != 3:
        return f"There are three folds, but the learner is called {len(calls)} times."
    if any(len(learned) != 6 or len(asked) != 3 for learned, asked in calls):
        return "In each fold, train on all `learn` pictures and ask about all `held` ones."
    if len(result) != 9:
        return f"There are nine pictures, but {len(result)} rows come back."
    right = torch.cat([x / 9, 1 - x / 9], 1)
    by_fold = "The rows come one fold after the other; put them in the pictures' order."
    return compare(result, right, {by_fold: right[order]})


@exercise(
    "06.5",
    wanted="a dictionary {(batch size, epochs): log-loss}",
    why="Larger batches mean fewer steps in the same number of epochs, and more epochs mean more "
    "steps: what looks like an effect of one is often the other's.",
    hints=(
        "Two loops, one inside the other; the key of each entry is a pair such as (8, 10).",
        "Let the largest number of epochs be at least eight times the smallest one.",
    ),
)
def batches_and_epochs(answer):
    if not all(isinstance(key, tuple) and len(key) == 2 for key in answer):
        return "The keys are pairs: (batch size, epochs)."
    sizes, epochs = ({key[i] for key in answer} for i in (0, 1))
    if len(sizes) < 3 or len(epochs) < 3:
        return (
            "Try at least three batch sizes and three numbers of epochs; "
            f"you have {len(sizes)} and {len(epochs)}."
        )
    if len(answer) < len(sizes) * len(epochs):
        return "Some pairs are missing: try each batch size with each number of epochs."
    if not all(math.isfinite(loss) and loss > 0 for loss in answer.values()):
        return "A log-loss is a number above 0."
    if max(sizes) < 4 * min(sizes) or max(epochs) < 8 * min(epochs):
        return "Spread them further: batch sizes by a factor of 4 or more, epochs by 8 or more."
    for k, setting in enumerate(("batch size", "number of epochs")):
        others = {key[1 - k] for key in answer}
        rows = [{loss for key, loss in answer.items() if key[1 - k] == other} for other in others]
        if all(len(row) == 1 for row in rows):
            return f"The {setting} changes nothing: does your loop pass both numbers on?"
    return None


choice(
    "06.6",
    "c",
    {
        "a": "Other pictures would change either number by more than this difference.",
        "b": "Both judged the same pictures, so there is more to compare than two means.",
    },
    why="What is hard for one network is often hard for the other, and that part cancels in the "
    "differences of the same pictures.",
    hints=(
        "What would two other sets of pictures do to these numbers, and to their difference?",
        "See *The score, once*: for two different sets of pictures, the error of the gain would be "
        "the square root of the sum of both squares. What was it?",
    ),
)
