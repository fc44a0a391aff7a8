"""The same training in the code that people would use instead of this course's.

The loops train a network for some epochs on the pictures in folder/train, measure it after each
epoch on those in folder/test and then call `after(loss, accuracy)`. The parts are put together as
the pages of each project show it: batches from files, memory layout as it comes.
"""

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.training import crop_and_flip
from helpers import models
from helpers.preprocess import Preprocess

HAS_FASTAI = importlib.util.find_spec("fastai") is not None
NO_FASTAI = "fastai is not installed, so it is left out: benchmarks/README.md says how."
After = Callable[[float | None, float], None]
warnings.filterwarnings("ignore")  # the book's code and fastai use older calls


def default_layout(net: nn.Module) -> nn.Module:
    return net.to(memory_format=torch.contiguous_format)


def batches(
    train_folder: Path,
    test_folder: Path,
    wants: Preprocess,
    batch: int,
    *more: nn.Module,
    drop_last: bool = False,
) -> tuple[DataLoader, DataLoader]:
    """Returns training batches, cropped at random and flipped, and test batches, from files.

    more: what else augments the training pictures. No worker processes: where both cores are busy
    anyway, they made everything slower.
    """
    end = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(wants.mean, wants.std)]
    augment = v2.Compose([crop_and_flip(wants.size), *more, *end])
    centre = v2.Compose([v2.Resize(wants.resize), v2.CenterCrop(wants.size), *end])
    train, test = ImageFolder(train_folder, augment), ImageFolder(test_folder, centre)
    train = DataLoader(train, batch, shuffle=True, drop_last=drop_last)
    return train, DataLoader(test, batch)


def d2l_loop(net, folder: Path, optimizer, epochs: int, after: After, batch: int = 32) -> None:
    """The loop of the book's section on fine-tuning, less its plot; it sums the loss of a batch."""
    from d2l import torch as d2l

    train, test = batches(folder / "train", folder / "test", net.preprocess, batch)
    loss, devices = nn.CrossEntropyLoss(reduction="none"), [torch.device("cpu")]
    default_layout(net)
    for _ in range(epochs):
        for features, labels in train:
            d2l.train_batch_ch13(net, features, labels, loss, optimizer, devices)
        after(None, d2l.evaluate_accuracy_gpu(net, test))


def d2l_dogs(body: nn.Module, train: DataLoader) -> Iterator[nn.Module]:
    """The book's section on dog breeds: yields the network after each epoch, without end.

    The body is frozen with its output layer; two new layers follow.
    """
    new = nn.Sequential(nn.Linear(1000, 256), nn.ReLU(), nn.Linear(256, len(train.dataset.classes)))
    net = nn.Sequential(body.requires_grad_(False), new)
    optimizer = torch.optim.SGD(new.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.9)
    loss = nn.CrossEntropyLoss(reduction="none")
    while True:
        for pictures, labels in train:
            optimizer.zero_grad()
            loss(net(pictures), labels).sum().backward()
            optimizer.step()
        schedule.step()
        yield net


def plain_loop(net, folder: Path, optimizer, epochs: int, after: After, batch: int = 32) -> None:
    """The two phases of an epoch as in PyTorch's tutorial on transfer learning."""
    train, test = batches(folder / "train", folder / "test", net.preprocess, batch)
    criterion = nn.CrossEntropyLoss()
    default_layout(net)
    for _ in range(epochs):
        for phase, loader in (("train", train), ("test", test)):
            net.train(phase == "train")
            total_loss, right = 0.0, 0
            for pictures, labels in loader:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = net(pictures)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                total_loss += loss.item() * len(labels)
                right += (outputs.argmax(1) == labels).sum().item()
        n = len(loader.dataset)
        after(total_loss / n, right / n)


def fastai_learner(net, folder: Path, after: After, batch: int = 32, **options):
    """Returns a `vision_learner` with the body of `net`, its weights, and an output layer of its
    kind."""
    from fastai.vision import all as fastai

    class CallAfter(fastai.Callback):
        order = 51  # after its recorder, which has 50

        def after_epoch(self):
            after(*map(float, self.learn.recorder.values[-1][-2:]))

    wants = net.preprocess
    loaders = fastai.ImageDataLoaders.from_folder(
        folder,
        train="train",
        valid="test",
        bs=batch,
        num_workers=0,
        item_tfms=[fastai.RandomResizedCrop(wants.size, min_scale=0.08), fastai.FlipItem()],
        batch_tfms=fastai.Normalize.from_stats(wants.mean, wants.std, cuda=False),
        device=torch.device("cpu"),
    )
    new = nn.Linear(models.output_layer(net)[1].in_features, loaders.c)
    timm_name = getattr(net, "default_cfg", {}).get("architecture")
    learner = fastai.vision_learner(
        loaders,
        timm_name or getattr(fastai, net.name),
        pretrained=False,
        normalize=False,
        custom_head=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), new),
        loss_func=nn.CrossEntropyLoss(),
        metrics=fastai.accuracy,
        cbs=CallAfter(),
        **options,
    )
    weights = list(net.state_dict().values())[:-2]  # without the output layer
    body = learner.model[0]
    body.load_state_dict(dict(zip(body.state_dict(), weights, strict=True)))
    learner.remove_cb(fastai.ProgressCallback)
    learner.recorder.logger = learner.logger = fastai.noop
    return learner
