"""The article's program as a competent user would write it: torchvision's MNIST, a DataLoader, Adam, batches of 64.

The other side of every comparison in this folder. Alone, from the project's folder: ``DLCORE_DATA=… python -m bench.plain [EPOCHS]``.
"""

import sys
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from dlcore.data.torchvision_datasets import torchvision_datasets  # only because of CPU-only torch
from dlcore.home import data_root

BATCH_SIZE = 64


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(self.conv2(x), 2)
        x = torch.flatten(self.dropout1(x), 1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def loader(*, train: bool, batch_size: int = BATCH_SIZE) -> DataLoader:
    datasets = torchvision_datasets()
    from torchvision import transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    data = datasets.MNIST(data_root(), train=train, transform=transform)
    return DataLoader(data, batch_size=batch_size, shuffle=train)


def train(batches: DataLoader, model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[int]:
    """One epoch; yields the number of images after each update."""
    model.train()
    for images, labels in batches:
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()  # every such script looks at its loss; so does ours
        yield len(images)


@torch.no_grad()
def accuracy(model: nn.Module, batches: DataLoader) -> float:
    model.eval()
    correct = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in batches)
    return correct / len(batches.dataset)


def main() -> None:
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    batches, test = loader(train=True), loader(train=False, batch_size=1000)
    for epoch in range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 11):
        start = time.perf_counter()
        count = sum(train(batches, model, optimizer))
        seconds = time.perf_counter() - start
        print(f"epoch {epoch}: {seconds:.0f} s, {count / seconds:.0f} images/s, test {accuracy(model, test):.4f}")


if __name__ == "__main__":
    main()
