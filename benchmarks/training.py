"""What several benchmarks train: networks, one step, augmentation, a linear classifier."""

from collections.abc import Callable

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from helpers import data, models, train
from helpers.data import Pictures

NETWORKS, SIZES = ("efficientnet_lite0", "resnet18"), (160, 224)


def network(name: str, size: int) -> nn.Module:
    """Returns a network with random weights and two outputs."""
    net = models.load_pretrained(name, size=size, weights=None)
    net.name = name
    return models.replace_head(net, ["hotdog", "not-hotdog"])


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)


def step(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    pictures: Tensor,
    labels: Tensor,
    backward: Callable[[Tensor], None] = Tensor.backward,
) -> None:
    """Trains on one batch."""
    optimizer.zero_grad()
    backward(F.cross_entropy(net(pictures), labels))
    optimizer.step()


def noise(
    batch: int, size: int, layout=torch.channels_last, device: str | torch.device = "cpu"
) -> tuple[Tensor, Tensor]:
    """Returns one batch that stays in memory: pictures and labels."""
    pictures = torch.randn(batch, 3, size, size, device=device).contiguous(memory_format=layout)
    return pictures, torch.randint(2, (batch,), device=device)


def crop_and_flip(size: int, scale: tuple[float, float] = (0.08, 1)) -> v2.Transform:
    return v2.Compose([v2.RandomResizedCrop(size, scale=scale), v2.RandomHorizontalFlip()])


def features(net: nn.Module, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Returns features and labels, computed in the batches that are fastest on a processor."""
    return train.extract_features(net, data.loader(pictures, 16))


def linear(x: Tensor, y: Tensor, strength: float = 0.01) -> LogisticRegression:
    """Returns a linear classifier on features; strength: scikit-learn's C."""
    return LogisticRegression(C=strength, solver="newton-cg", max_iter=1000).fit(x, y)
