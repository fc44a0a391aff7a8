"""What several benchmarks train: networks, the network alone, a linear classifier."""

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from benchmarks.timing import seconds
from helpers import data, models, processes, train
from helpers.data import Pictures

NETWORKS, SIZES = ("efficientnet_lite0", "resnet18"), (160, 224)


def network(name: str, size: int) -> nn.Module:
    """Returns a network with random weights and two outputs."""
    net = models.load_pretrained(name, size=size, weights=None)
    net.name = name
    return models.replace_head(net, ["hotdog", "not-hotdog"])


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)


def ceiling(name: str, size: int, batch: int, steps: int) -> float:
    """Returns the seconds of so many steps on one batch that stays where the network is.

    Precision, device and memory are those of `fit`.
    """
    accelerator = processes.accelerator()
    processes.give_back_memory()
    net = network(name, size).train()
    net, optimizer = accelerator.prepare(net, sgd(net))
    pictures = torch.randn(batch, 3, size, size, device=accelerator.device)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(2, (batch,), device=accelerator.device)

    def work() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            accelerator.backward(F.cross_entropy(net(pictures), labels))
            optimizer.step()

    return seconds(work)


def fit_epoch(name: str, size: int, batches: DataLoader) -> float:
    """Returns the seconds of one epoch of `fit`."""
    net = network(name, size)
    optimizer = sgd(net)
    return seconds(lambda: train.fit(net, batches, None, optimizer, 1, quiet=True))


def crop_and_flip(size: int, scale: tuple[float, float] = (0.08, 1)) -> v2.Transform:
    return v2.Compose([v2.RandomResizedCrop(size, scale=scale), v2.RandomHorizontalFlip()])


def features(net: nn.Module, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Returns features and labels, computed in the batches that are fastest on a processor."""
    return train.extract_features(net, data.loader(pictures, 16))


def linear(strength: float = 0.01) -> LogisticRegression:
    """Returns a linear classifier for features; strength: scikit-learn's C."""
    return LogisticRegression(C=strength, solver="newton-cg", max_iter=1000)
