"""What a competition costs on this machine: files organised, dog breeds, ours against the book's.

    python -m benchmarks.kaggle [rounds]

Needs the data sets cifar-10 and dog-breed-identification in the folder that COURSE_DATA names.
The two ways to train for the dog breeds take turns within one run, because a machine's speed
changes from minute to minute. Prints a table and writes results.json.
"""

import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models as zoo
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from helpers import data, kaggle, models
from helpers.models import output_layer

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # as the book's section has them
EPOCHS = 10


def organizing(root: Path) -> dict:
    """Seconds to organise a competition, and the disk that the new folder takes, in MB."""
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as place:
        start = time.perf_counter()
        folder = kaggle.organize(root, 0.1, folder=Path(place) / "organized")
        seconds = time.perf_counter() - start
        parts = [folder, *folder.rglob("*")]
        own = (p.stat() for p in parts if p.is_dir() or p.lstat().st_nlink == 1)
        return {"seconds": seconds, "MB": sum(512 * s.st_blocks for s in own) / 1e6}


def frozen(name: str, classes: int) -> nn.Module:
    """The book's network: a frozen body with its output layer, two small layers on top."""
    body = zoo.resnet34() if name == "resnet34" else models.load_pretrained(name)
    for parameter in body.parameters():
        parameter.requires_grad = False
    new = nn.Sequential(nn.Linear(output_layer(body)[1].out_features, 256), nn.ReLU())
    return nn.Sequential(body, new.append(nn.Linear(256, classes)))


def book(name: str, folder: Path) -> float:
    """Seconds of the book's way: read, augment and run every picture in each of ten epochs.

    Trains once on all labelled pictures and predicts the test pictures; the book also trains a
    first time, to look at the validation loss, which is left out here.
    """
    start = time.perf_counter()
    tail = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    crop = v2.RandomResizedCrop(224, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3))
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)
    augment = v2.Compose([crop, v2.RandomHorizontalFlip(), jitter, *tail])
    centre = v2.Compose([v2.Resize(256), v2.CenterCrop(224), *tail])
    training = ImageFolder(folder / "train_valid", augment)
    batches = DataLoader(training, 128, shuffle=True, drop_last=True)
    net = frozen(name, len(training.classes))
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.9)
    loss = nn.CrossEntropyLoss(reduction="none")
    for _ in range(EPOCHS):
        for pictures, labels in batches:
            optimizer.zero_grad()
            loss(net(pictures), labels).sum().backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        for pictures, _ in DataLoader(ImageFolder(folder / "test", centre), 128):
            net(pictures).softmax(1)
    return time.perf_counter() - start
