"""Settings of `fit` that would give a wrong number in silence: each is right, or one sentence."""

import math
import sys
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import nn
from torch.optim import lr_scheduler as schedules
from torch.utils.data import DataLoader, Subset, TensorDataset, default_collate
from torchvision.transforms import v2

from helpers import CourseError, data, progress, train
from helpers.models import keep_statistics
from tests.conftest import SmallNet
from tests.helpers.test_batches import refused

torch.manual_seed(0)
X, Y = torch.randn(16, 3, 8, 8), torch.arange(16) % 2
NAN = torch.where(torch.arange(16).view(16, 1, 1, 1) == 9, torch.nan, X)


def net(dropout=0.2) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2)]
    return nn.Sequential(*layers)


def rows(x=X, y=Y, batch=4, **options) -> DataLoader:
    return DataLoader(TensorDataset(x, y), batch, **options)


def run(file=None, epochs=2, own=None, batches=None, scheduler=None, lr=0.1, **options):
    """Returns the losses of the epochs."""
    own = own or net()
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    options |= {"scheduler": scheduler(optimizer) if scheduler else None, "quiet": True}
    batches = batches or rows(shuffle=True)
    history = train.fit(own, batches, None, optimizer, epochs, checkpoint=file, **options)
    return [row["train_loss"] for row in history.epochs]


def weighted(second: float) -> nn.Module:
    return nn.CrossEntropyLoss(torch.tensor([1, second], dtype=torch.float32))


def warm_up(t_max: int):
    """Returns a function that makes a schedule of two parts."""
    parts = schedules.LinearLR, partial(schedules.CosineAnnealingLR, T_max=t_max)
    return lambda o: schedules.SequentialLR(o, [part(o) for part in parts], milestones=[1])


STEP, COSINE = partial(schedules.StepLR, step_size=4), partial(schedules.CosineAnnealingLR, T_max=8)


@pytest.mark.parametrize(
    "before, now, words",
    [
        ({}, {"lr": 0.01}, "lr was 0.1, now 0.01"),
        ({}, {"seed": 5}, "seed was 0, now 5"),
        ({}, {"epochs": 1}, "2 epochs, and you ask for 1"),
        ({}, {"own": net(0.5)}, "other network"),
        ({}, {"batches": rows(X + 1, shuffle=True)}, "other training pictures"),
        ({}, {"batches": rows(X[:8], Y[:8])}, "pictures was 16, now 8"),
        ({}, {"batches": rows(batch=8)}, "batch_size .* was 4, now 8"),
        ({}, {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, "loss was None"),
        (
            {"loss": weighted(2)},
            {"loss": weighted(3)},
            r"weight was \[1.0, 2.0\], now \[1.0, 3.0\]",
        ),
        ({"scheduler": STEP}, {"scheduler": partial(STEP, gamma=0.5)}, "gamma was 0.1, now 0.5"),
        ({"scheduler": STEP}, {}, "scheduler was StepLR"),
        ({"scheduler": warm_up(9)}, {"scheduler": warm_up(10)}, "other SequentialLR's _schedulers"),
        ({"scheduler": COSINE}, {"scheduler": COSINE, "epochs": 4}, "rise again"),
        ({"scheduler": COSINE}, {"scheduler": partial(COSINE, T_max=16), "epochs": 4}, "T_max"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_what_differs_is_named(
    tmp_path, before, now, words
):
    file = tmp_path / "run.pt"
    run(file, **before)
    refused(lambda: run(file, **now), words)


def test_a_checkpoint_of_other_parts_of_one_set_or_other_classes_is_refused(tmp_path):
    halves = [DataLoader(Subset(TensorDataset(X, Y), range(i, i + 8)), 4) for i in (0, 8)]
    run(tmp_path / "a.pt", batches=halves[0])
    refused(lambda: run(tmp_path / "a.pt", batches=halves[1]), "other training pictures")
    own, other = net(), net()
    own.class_names, other.class_names = ["a", "b"], ["b", "a"]
    run(tmp_path / "b.pt", own=own)
    refused(lambda: run(tmp_path / "b.pt", own=other), "class_names")


def test_a_checkpoint_of_another_augmentation_is_refused(tmp_path, pictures):
    def go(augment):
        torch.manual_seed(0)
        batches = data.loader(pictures, 11, augment=augment)
        return run(tmp_path / "a.pt", own=SmallNet(), batches=batches)

    assert go(lambda p: p[:, :16, :16]) == go(lambda p: p[:, :16, :16])
    refused(lambda: go(v2.CenterCrop(16)), "augment of the training pictures")


@pytest.mark.parametrize("scheduler", [None, STEP, partial(schedules.ConstantLR, factor=0.5)])
def test_more_epochs_go_on_where_the_schedule_does(tmp_path, scheduler):
    run(tmp_path / "run.pt", scheduler=scheduler)
    resumed = run(tmp_path / "run.pt", 3, scheduler=scheduler)
    assert resumed == run(epochs=3, scheduler=scheduler)


def test_a_resumed_run_shuffles_with_the_generator_of_its_loader(tmp_path):
    def go(epochs, file=None):
        generator = torch.Generator().manual_seed(epochs)
        return run(file, epochs, batches=rows(shuffle=True, generator=generator))

    go(1, tmp_path / "run.pt")
    assert go(3, tmp_path / "run.pt") == go(3)


@pytest.mark.trap("the same augmentation in each call")
def test_a_loop_of_single_epochs_is_like_one_call():
    own = net()
    optimizer = torch.optim.SGD(own.parameters(), 0.1, momentum=0.9)
    schedule = schedules.CosineAnnealingLR(optimizer, 12)
    losses = []
    for _ in range(3):
        options = {"scheduler": schedule, "quiet": True}
        history = train.fit(own, rows(shuffle=True), None, optimizer, 1, **options)
        losses.append(history.epochs[0]["train_loss"])
    assert losses == run(epochs=3, scheduler=partial(COSINE, T_max=12))


@pytest.mark.trap("unfrozen after the optimiser was made")
def test_layers_that_would_never_learn_are_refused():
    own = net()
    optimizer = torch.optim.SGD(own[4].parameters(), 0.1)
    fit = partial(train.fit, own, rows(), None, optimizer, 1, quiet=True)
    refused(fit, r"lacks 2 parameters that are not frozen, such as 1\.weight")
    own[1].requires_grad_(False)
    assert len(fit().epochs) == 1


SINGLE = partial(schedules.SequentialLR, milestones=[1])


@pytest.mark.parametrize(
    "scheduler, words",
    [
        (partial(schedules.OneCycleLR, max_lr=0.1, total_steps=11), "stops at step 12 of 12"),
        (partial(schedules.CosineAnnealingLR, T_max=3), "rise again"),
        (
            lambda o: SINGLE(o, [schedules.ConstantLR(o), schedules.CosineAnnealingLR(o, 2)]),
            "SequentialLR would rise again",
        ),
        (partial(schedules.StepLR, step_size=1), "count batches"),
        (partial(schedules.MultiStepLR, milestones=[1, 2]), "count batches"),
        (partial(schedules.PolynomialLR, total_iters=3), "count batches"),
        (partial(schedules.LambdaLR, lr_lambda=lambda i: [1, 0.1, 0.01][i]), "IndexError"),
        (schedules.ReduceLROnPlateau, "ReduceLROnPlateau looks at a loss"),
        (lambda o: schedules.StepLR, "The scheduler is"),
        (lambda o: schedules.StepLR(torch.optim.SGD([torch.ones(1)], 1), 4), "another optimiser"),
    ],
)
def test_a_schedule_that_does_not_fit_the_run_is_refused_before_training(scheduler, words):
    refused(lambda: run(epochs=3, scheduler=scheduler), words)


@pytest.mark.parametrize(
    "scheduler",
    [
        partial(schedules.OneCycleLR, max_lr=0.1, total_steps=12),
        partial(schedules.CosineAnnealingLR, T_max=11),
        partial(schedules.MultiStepLR, milestones=[4, 8]),
        partial(schedules.CosineAnnealingWarmRestarts, T_0=3),
        partial(schedules.LinearLR, total_iters=3),
        partial(schedules.ExponentialLR, gamma=0.9),
    ],
)
def test_a_schedule_that_fits_is_followed_step_by_step(scheduler):
    own, alone = net(), torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1, momentum=0.9)
    optimizer, expected = torch.optim.SGD(own.parameters(), 0.1, momentum=0.9), scheduler(alone)
    for _ in range(12):
        alone.step()
        expected.step()
    train.fit(own, rows(), None, optimizer, 3, scheduler=scheduler(optimizer), quiet=True)
    assert optimizer.param_groups[0]["lr"] == alone.param_groups[0]["lr"]


SOFT = torch.rand(14, 2).softmax(1)
WEIGHTS = torch.tensor([1.0, 5.0])


@pytest.mark.parametrize("labels", [Y[:14], SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(WEIGHTS),
        nn.CrossEntropyLoss(WEIGHTS, label_smoothing=0.2),
        lambda outputs, labels: nn.functional.cross_entropy(outputs, labels) ** 2,
    ],
)
def test_a_loss_trains_as_in_a_plain_loop_though_the_last_batch_is_short(loss, labels):
    own, plain, batches = net(0), net(0), rows(X[:14], labels)
    optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9)
    for _ in range(2):
        for x, y in batches:
            optimizer.zero_grad()
            loss(plain(x), y).backward()
            optimizer.step()
    run(own=own, batches=batches, loss=loss)
    for a, b in zip(own.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    score = train.evaluate(own, batches, loss=loss)
    with torch.inference_mode():
        outputs = own(X[:14])
        assert score["loss"] == pytest.approx(loss(outputs, labels).item(), rel=1e-5)
    larger = labels if labels.ndim == 1 else labels.argmax(1)
    assert score["accuracy"] == pytest.approx((outputs.argmax(1) == larger).float().mean().item())


@pytest.mark.parametrize("mix", [v2.MixUp(num_classes=2), v2.CutMix(num_classes=2)])
def test_pictures_may_be_mixed_in_the_loader(mix):
    batches = rows(collate_fn=lambda items: mix(*default_collate(items)))
    assert all(math.isfinite(loss) for loss in run(batches=batches))


@pytest.mark.parametrize(
    "loss, words",
    [
        (nn.CrossEntropyLoss, "give an instance"),
        ("focal", "give an instance"),
        (nn.CrossEntropyLoss(reduction="sum"), 'reduction="mean"'),
        (nn.NLLLoss(), "take nn.CrossEntropyLoss"),
        (nn.CrossEntropyLoss(torch.ones(3)), "RuntimeError"),
        (lambda outputs, labels: outputs, r"shape \(4, 2\)"),
    ],
)
def test_what_is_no_mean_loss_is_refused(loss, words):
    refused(lambda: run(loss=loss), words)


def test_a_softmax_at_the_end_is_not_taken_twice():
    own = nn.Sequential(*net(), nn.Softmax(1))
    refused(lambda: run(own=own), "probabilities already")
    refused(lambda: train.predict(own, rows()), "probabilities already")


class Root(nn.Module):
    def forward(self, x):
        return (x * 0).sqrt()  # 0, with a gradient of 0 times infinity


@pytest.mark.parametrize(
    "options, words",
    [
        ({"batches": rows(NAN)}, "pictures or weights hold nan"),
        ({"batches": rows(NAN.nan_to_num(torch.inf))}, "pictures or weights hold nan"),
        ({"lr": 1e20, "batches": rows()}, "the learning rate is too high"),
        ({"own": nn.Sequential(net(), Root())}, "a weight is no longer a number"),
    ],
)
def test_a_run_that_leaves_the_numbers_ends_and_says_why(options, words, capsys):
    assert run(**{"batches": rows(batch=16)} | options) == []
    assert words in capsys.readouterr().out


def test_numbers_that_are_none_are_told_in_training_and_refused_in_measuring(capsys):
    own = net()
    refused(lambda: train.evaluate(own, rows(NAN)), "Pictures hold")
    own[1].weight.data[0, 0] = torch.nan
    refused(lambda: train.evaluate(own, rows()), "outputs are not numbers")
    assert run(own=own) == [] and "weights hold nan" in capsys.readouterr().out


def flat(statistics=False) -> nn.Module:
    """BatchNorm on one place."""
    layers = nn.Conv2d(3, 4, 8), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2)
    return keep_statistics(nn.Sequential(*layers)) if statistics else nn.Sequential(*layers)


@pytest.mark.trap("BatchNorm of a last batch of one")
@pytest.mark.parametrize("n", [9, 1])
def test_a_batch_of_one_is_refused_before_training_where_batchnorm_needs_two(n):
    own = flat()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    refused(lambda: run(own=own, batches=rows(X[:n], Y[:n])), "single picture")
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())
    assert len(run(own=flat(True), batches=rows(X[:n], Y[:n]))) == 2


@pytest.mark.parametrize(
    "valid, words",
    [
        (rows(X[:, :1]), "Validation stops with"),
        (rows(y=Y + 1), "labels go from 1"),
        (rows(X[:0], Y[:0]), "no pictures to validate"),
        (DataLoader(X, 4), "give pairs"),
    ],
)
def test_a_broken_validation_loader_is_told_before_training(valid, words):
    own = net()
    before, optimizer = own[1].weight.clone(), torch.optim.SGD(own.parameters(), 0.1)
    refused(lambda: train.fit(own, rows(), valid, optimizer, 1, quiet=True), words)
    assert torch.equal(own[1].weight, before)


class Odd(TensorDataset):
    """Pictures of two sizes."""

    def __getitem__(self, i):
        return X[i, :, : 8 - i % 2], Y[i]


def test_what_a_loader_cannot_make_into_a_batch_is_told():
    batches = DataLoader(Odd(X, Y), 4)
    for action in (lambda: run(batches=batches), lambda: train.predict(net(), batches)):
        refused(action, "The loader stops with RuntimeError .* tensors of one size")


class Broken(TensorDataset):
    def __getitem__(self, i):
        return X[i], {}["label"]


class BrokenNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc.weight @ x.flatten(1)


def broken_loss(outputs, labels):
    return (outputs - labels).mean(7)


@pytest.mark.parametrize(
    "error, options",
    [
        (KeyError, {"batches": DataLoader(Broken(X, Y), 4)}),
        (KeyError, {"batches": DataLoader(Broken(X, Y), 4, num_workers=1)}),
        (RuntimeError, {"own": BrokenNet()}),
        (RuntimeError, {"loss": broken_loss}),
    ],
)
def test_an_error_in_a_students_own_code_is_raised_as_it_is_with_its_line(error, options):
    with pytest.raises(error) as raised:
        run(**options)
    own = raised.traceback[-1].path == Path(__file__) or __file__ in str(raised.value)
    assert own and not isinstance(raised.value, CourseError)


@pytest.fixture
def fresh_accelerator():
    """As in a new process; afterwards, too."""
    for _ in range(2):
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        if _ == 0:
            yield


def test_an_accelerator_made_before_keeps_its_settings_and_changes_no_step(
    fresh_accelerator, monkeypatch
):
    expected = run()
    AcceleratorState._reset_state(reset_partial_state=True)
    own = Accelerator(mixed_precision="bf16", gradient_accumulation_steps=4)
    own.sync_gradients = False  # interrupted while it accumulated
    assert run() == pytest.approx(expected, rel=0.05)
    assert own.gradient_accumulation_steps == 4
    AcceleratorState._reset_state(reset_partial_state=True)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    assert run() == expected


def test_in_a_terminal_a_bar_is_shown_and_elsewhere_none(monkeypatch, capsys):
    run()
    assert capsys.readouterr().err == ""
    terminal = StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "DELAY", 0)
    train.evaluate(net(), rows())
    assert " batches" in terminal.getvalue()


def test_pictures_are_the_same_only_if_they_are_one(pictures):
    assert pictures != pictures.subset(range(22)) and len({pictures, pictures}) == 1


def test_a_checkpoint_of_other_weights_at_the_start_is_refused(tmp_path):
    def go(seed, epochs=1, net=None):
        torch.manual_seed(seed)
        return run(tmp_path / "a.pt", epochs, own=net or SmallNet())

    torch.manual_seed(0)
    trained = SmallNet()
    first = go(0, net=trained)
    assert go(0) == first
    refused(lambda: go(1), "weights at the start")
    assert go(0, 2, trained) == go(0, 2)  # where it ended, it goes on


WARM_UP_FROM_NOTHING = partial(schedules.LambdaLR, lr_lambda=lambda i: min(i / 4, (8 - i) / 4))


def test_a_warm_up_may_begin_at_nothing_and_the_last_epochs_may_be_low(tmp_path):
    run(epochs=2, scheduler=WARM_UP_FROM_NOTHING)
    falls = partial(schedules.LambdaLR, lr_lambda=lambda i: 1 if i < 20 else 1e-4)
    for epochs in (5, 6, 7):  # the last ones alone are low
        run(tmp_path / "run.pt", epochs, scheduler=falls)


def test_a_schedule_may_hold_one_group_at_nothing_for_a_while():
    net = SmallNet()
    groups = [{"params": [p]} for p in net.parameters()]
    optimizer = torch.optim.SGD(groups, 0.1)
    later = [lambda i: float(i > 3)] + [lambda i: 1.0] * (len(groups) - 1)
    schedule = schedules.LambdaLR(optimizer, later)
    train.fit(net, rows(), None, optimizer, 2, scheduler=schedule, quiet=True)
