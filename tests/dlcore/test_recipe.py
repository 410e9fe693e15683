"""The default recipe, written out by hand: whatever knobs there are, untouched they change no bit of it."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from dlcore.config import TrainConfig
from dlcore.data.loading import load
from dlcore.data.normalization import normalize
from dlcore.data.randomness import generator, seeded
from dlcore.training import loop
from dlcore.training.faster import channels_together, faster

EPOCHS = 2


class ArticleCNN(nn.Module):
    """The article's network as it writes it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.pool = nn.MaxPool2d(2)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(9216, 128)
        self.dropout2 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = self.dropout1(self.pool(self.conv2(x)))
        x = self.dropout2(F.relu(self.fc1(torch.flatten(x, 1))))
        return F.log_softmax(self.fc2(x), dim=1)


def test_a_default_run_is_the_articles_recipe_bit_for_bit():
    digits = load("digits").subset(300, 20)
    torch.set_num_threads(1)
    with seeded(0, "initialisation"):
        model = ArticleCNN()
    model = channels_together(faster(model))
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.Adam([{"params": matrices}, {"params": vectors}], lr=0.001, fused=True)
    learned_from = torch.randperm(300, generator=generator(0, "split"))[30:]
    losses = []
    for epoch in range(1, EPOCHS + 1):
        order = torch.randperm(270, generator=generator(0, "order", epoch))
        for batch in learned_from[order].split(64):
            optimizer.zero_grad()
            with seeded(0, "dropout", len(losses)):
                loss = F.nll_loss(model(normalize(digits.train_images[batch])), digits.train_labels[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert len(losses) == EPOCHS * math.ceil(270 / 64)

    config = TrainConfig(dataset="digits", epochs=EPOCHS, threads=1, device="cpu")
    state = loop.TrainingState.create(config, digits)
    events = list(loop.train(config, state=state, dataset=digits))
    assert [event.loss for event in events if isinstance(event, loop.Stepped)] == losses
    learned, expected = state.model.state_dict(), model.state_dict()
    assert learned.keys() == expected.keys()
    assert all(torch.equal(learned[name], expected[name]) for name in expected)
