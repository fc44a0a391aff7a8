"""How fast `fit` is: against the same network without any data work, and against d2l's loop.

    python -m benchmarks.speed [--rounds 5] [--pictures 200]

Needs COURSE_DATA (or data/hotdog). All methods take turns within one run, because a machine's
speed drifts; medians and ranges over the rounds are printed and written to results.json.
"""

import argparse
import time
import warnings

import torch
from torch.nn import functional as F
from torchvision import datasets
from torchvision.transforms import v2

from benchmarks.record import machine, median_range, write
from helpers import data, models, train

BATCH = 32
NETWORKS = ("efficientnet_lite0", "resnet18")
warnings.filterwarnings("ignore", category=UserWarning)  # the book's code uses older calls


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)


def network(name, size):
    net = models.load_pretrained(name, size=size, weights=None)
    return models.replace_head(net, ["hotdog", "not-hotdog"])


def ceiling(name, size, n) -> float:
    """Seconds for n pictures of training on one batch that is kept in memory."""
    net = network(name, size).train()
    optimizer = sgd(net)
    pictures = torch.randn(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 2, (BATCH,))
    start = time.perf_counter()
    for i in range(0, n, BATCH):
        optimizer.zero_grad()
        F.cross_entropy(net(pictures[: n - i]), labels[: n - i]).backward()
        optimizer.step()
    return time.perf_counter() - start


def ours(name, size, training, test) -> tuple[float, float]:
    """Seconds of one epoch of `fit` and of `evaluate`."""
    net = network(name, size)
    augment = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()])
    batches = data.loader(training, BATCH, shuffle=True, augment=augment)
    start = time.perf_counter()
    train.fit(net, batches, None, sgd(net), 1, quiet=True)
    middle = time.perf_counter()
    train.evaluate(net, data.loader(test, 16))
    return middle - start, time.perf_counter() - middle


def d2l_loop(name, size, folder, training, test) -> tuple[float, float]:
    """The same with the loop, the transforms and the loaders of the book's section."""
    from d2l import torch as d2l

    wants = training.preprocess
    end = [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(wants.mean, wants.std),
    ]
    augment = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip(), *end])
    centre = v2.Compose([v2.Resize([wants.resize, wants.resize]), v2.CenterCrop(size), *end])
    loaders = []
    for part, pictures, transform in (("train", training, augment), ("test", test, centre)):
        whole = datasets.ImageFolder(folder / part, transform=transform)
        place = {path: i for i, (path, _) in enumerate(whole.samples)}
        same = torch.utils.data.Subset(whole, [place[str(f)] for f in pictures.files])
        loaders.append(torch.utils.data.DataLoader(same, BATCH, shuffle=part == "train"))
    net = network(name, size).to(memory_format=torch.contiguous_format)
    loss, trainer = torch.nn.CrossEntropyLoss(reduction="none"), sgd(net)
    start = time.perf_counter()
    for features, labels in loaders[0]:
        d2l.train_batch_ch13(net, features, labels, loss, trainer, [torch.device("cpu")])
    middle = time.perf_counter()
    d2l.evaluate_accuracy_gpu(net, loaders[1])
    return middle - start, time.perf_counter() - middle


def one_round(name, size, folder, training, test) -> dict:
    """Seconds of each method, one after the other."""
    n = len(training)
    at_most = ceiling(name, size, n)
    fit_seconds, evaluate_seconds = ours(name, size, training, test)
    row = {
        "ceiling, pictures/s": n / at_most,
        "fit, pictures/s": n / fit_seconds,
        "fit over ceiling": at_most / fit_seconds,
    }
    if size == 224:
        epoch = fit_seconds + evaluate_seconds
        theirs = sum(d2l_loop(name, size, folder, training, test))
        row |= {"epoch, s": epoch, "d2l's epoch, s": theirs, "epoch over d2l's": epoch / theirs}
    return row


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--pictures", type=int, default=200, help="to train on; half to test")
    asked = options.parse_args()
    folder = data.find("hotdog", "full")
    results = {}
    for name in NETWORKS:
        for size in (160, 224):
            wants = models.load_pretrained(name, size=size, weights=None).preprocess
            training = data.read_folder(folder / "train", wants, asked.pictures // 2)
            test = data.read_folder(folder / "test", wants, asked.pictures // 4)
            one_round(name, size, folder, training.subset(range(64)), test.subset(range(16)))
            rows = [one_round(name, size, folder, training, test) for _ in range(asked.rounds)]
            results[f"{name}, {size} px"] = {k: median_range([r[k] for r in rows]) for k in rows[0]}
            for what, (middle, low, high) in results[f"{name}, {size} px"].items():
                print(f"{name:20} {size} px  {what:22} {middle:7.2f}   ({low:.2f} to {high:.2f})")
    write("speed", {**machine(), "n": asked.rounds, "pictures": asked.pictures, "results": results})


if __name__ == "__main__":
    main()
