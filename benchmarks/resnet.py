"""A residual network of basic blocks, written by hand: what a ResNet genome is held against."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut, projected where size or width change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(x + branch), (batch, outputs, height / stride, width / stride)."""
        branch = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(self.shortcut(x) + branch)


class ResNet(nn.Module):
    """A stem, three stages of `blocks` blocks with a widening one between, and a classifier."""

    def __init__(self, channels: int, filters: int, blocks: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters)
        )
        stages: list[nn.Module] = []
        width = filters
        for stage in range(3):
            if stage:
                stages.append(Block(width, 2 * width, 2))
                width *= 2
            stages += [Block(width, width, 1) for _ in range(blocks)]
        self.blocks = nn.Sequential(*stages)
        self.end = nn.BatchNorm2d(width)
        self.output = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return predictions (batch, classes) of images (batch, channels, height, width)."""
        maps = torch.relu(self.end(self.blocks(self.stem(images))))
        return self.output(maps.mean((2, 3)))
