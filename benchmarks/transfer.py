"""Measurements on photographs that take longer than a lesson may.

Forty photographs, from their files to a classifier; all photographs at the network's own size;
photographs against drawings. Each function returns {what: [accuracy per draw or seed]}.
"""

import copy
import time

import torch
from sklearn.linear_model import LogisticRegression
from torchvision.transforms import v2

from helpers import data, models, train
from helpers.data import Pictures

BATCH = 16


def linear(pictures: Pictures, seed: int) -> torch.nn.Module:
    """The pretrained body with a logistic regression on its features as output layer."""
    torch.manual_seed(seed)
    net = models.load_pretrained(size=pictures.preprocess.size)
    models.keep_statistics(models.replace_head(net, pictures.class_names))
    features, labels = train.extract_features(net, data.loader(pictures, BATCH))
    found = LogisticRegression(C=0.01, solver="newton-cg").fit(features, labels)
    layer = models.output_layer(net)[1]
    with torch.no_grad():  # two rows that give the same probabilities as scikit-learn's one
        for row, sign in ((0, -0.5), (1, 0.5)):
            layer.weight[row] = sign * torch.tensor(found.coef_[0])
            layer.bias[row] = sign * found.intercept_[0]
    return net


def tune(net, pictures: Pictures, epochs: int, rate: float, head_factor: float, seed: int):
    """Train all layers on augmented pictures, the rates falling along a cosine."""
    size = pictures.preprocess.size
    augment = v2.Compose([v2.RandomResizedCrop(size, scale=(0.5, 1)), v2.RandomHorizontalFlip()])
    batches = data.loader(pictures, BATCH, shuffle=True, augment=augment)
    optimizer = torch.optim.AdamW(models.param_groups(net, rate, head_factor))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, seed=seed, quiet=True)
    return net


def fine_tuned(pictures: Pictures, epochs: int, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    net = models.load_pretrained(size=pictures.preprocess.size)
    models.keep_statistics(models.replace_head(net, pictures.class_names))
    return tune(net, pictures, epochs, 1e-4, 10, seed)


def accuracy(net, pictures: Pictures) -> float:
    return train.evaluate(net, data.loader(pictures, BATCH))["accuracy"]


def forty_photographs(draws: int = 10) -> dict[str, list[float]]:
    """20 photographs a class at 224 px; the seconds go from JPEG files to a trained classifier."""
    net = models.load_pretrained()
    folder = data.find("hotdog", "full")
    test = data.read_folder(folder / "test", net.preprocess)
    test_features, test_labels = train.extract_features(net, data.loader(test, BATCH))
    pool = data.read_folder(folder / "train", net.preprocess)
    accuracies, seconds = [], []
    for draw in range(draws):
        chosen = data.few(pool, 20, draw)
        start = time.perf_counter()
        forty = data.read_files(
            chosen.files, chosen.labels.tolist(), pool.class_names, net.preprocess
        )
        features, labels = train.extract_features(net, data.loader(forty, BATCH))
        classifier = LogisticRegression(C=0.01, solver="newton-cg").fit(features, labels)
        seconds.append(time.perf_counter() - start)
        accuracies.append(classifier.score(test_features, test_labels))
    print(f"forty photographs: at most {max(seconds):.1f} seconds from files to classifier")
    return {"forty photographs, 224 px: features + linear classifier": accuracies}


def all_photographs(seeds: int = 3) -> dict[str, list[float]]:
    """The photographs of lesson 01 at 224 px: a linear classifier, then all layers gently."""
    hotdogs = data.load("hotdog", "full", models.load_pretrained().preprocess)
    start, after = linear(hotdogs.train, seed=0), []  # the features do not depend on the seed
    for seed in range(seeds):
        net = tune(copy.deepcopy(start), hotdogs.train, 1, rate=3e-5, head_factor=1, seed=seed)
        after.append(accuracy(net, hotdogs.test))
    return {
        "all photographs, 224 px: features + linear classifier": [_best_linear(hotdogs)],
        "all photographs, 224 px: head first, then all": after,
    }


def _best_linear(hotdogs: data.Splits) -> float:
    """C is chosen on the validation photographs, which then join those to train on."""
    net = models.load_pretrained()
    parts = [train.extract_features(net, data.loader(part, BATCH)) for part in hotdogs]
    (x, y), (valid_x, valid_y), test = parts
    found = {}
    for c in (0.001, 0.01, 0.1, 1):
        classifier = LogisticRegression(C=c, solver="newton-cg").fit(x, y)
        found[classifier.score(valid_x, valid_y)] = c
    classifier = LogisticRegression(C=found[max(found)], solver="newton-cg")
    return classifier.fit(torch.cat([x, valid_x]), torch.cat([y, valid_y])).score(*test)


def another_look(seeds: int = 3, per_class: int = 200) -> dict[str, list[float]]:
    """Trained on photographs and tested on drawings, and the other way round, at 160 px."""
    wants = models.load_pretrained(size=160).preprocess
    photographs, drawings = (data.load("hotdog", size, wants) for size in ("full", "drawn"))
    result = {}
    for seed in range(seeds):
        few = data.few(photographs.train, per_class, seed)
        test = {"photographs": data.few(photographs.test, 200), "drawings": drawings.test}
        for source, pictures, epochs in (("photographs", few, 2), ("drawings", drawings.train, 3)):
            net = linear(pictures, seed)
            nets = {
                "features + linear classifier": net,
                "fine-tuned": fine_tuned(pictures, epochs, seed),
                "head first, then all": tune(copy.deepcopy(net), pictures, epochs, 3e-5, 1, seed),
            }
            for method, each in nets.items():
                for target in test:
                    name = f"{method}: trained on {source}, tested on {target}"
                    result.setdefault(name, []).append(accuracy(each, test[target]))
    return result
