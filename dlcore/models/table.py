"""A network layer by layer: shapes, parameters, arithmetic, memory, counted before anything is built. No torch here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from dlcore.messages import UserError
from dlcore.models.layers import Block, Flatten, Layer, Misfit, Shape

_BYTES = 4
"""Of a float32."""


@dataclass(frozen=True)
class Row:
    """A layer at its place in a network: a row of the table. Numbers are for one image."""

    layer: Layer
    name: str
    """Of its module, from the network's root."""
    number: int
    """From 1; 0 for a layer that came by itself or lies within another."""
    depth: int
    """1 within a block, else 0."""
    reaches: Shape
    """What it gets."""
    output: Shape
    parameters: int
    """Its own; the row of a block counts none of those of its parts, which have rows of their own."""
    multiply_adds: int

    @property
    def memory_bytes(self) -> int:
        """What the values that it hands on take as float32."""
        return _BYTES * prod(self.output)


@dataclass(frozen=True)
class Totals:
    """Sums over a network, for one image."""

    parameters: int
    multiply_adds: int
    memory_bytes: int


def walk(layers: Sequence[Layer], shape: Shape) -> list[Row]:
    """The rows of a network for images of ``shape``, in the order of computation.

    Raises:
        UserError: a layer cannot take what reaches it; with its number and the reason.
    """
    return list(_walk(layers, shape))


def _walk(layers: Sequence[Layer], shape: Shape) -> Iterator[Row]:
    number = 0
    for layer in layers:
        implicit = isinstance(layer, Flatten) and layer.implicit
        number += not implicit
        if isinstance(layer, Block):
            for module, way in layer.ways():
                reaches = shape
                for part in way:
                    yield (row := _row(part, f"{module}.{part.name}", number, reaches, depth=1))
                    reaches = row.output
        yield (row := _row(layer, layer.name, number, shape, implicit=implicit))
        shape = row.output


def _row(layer: Layer, name: str, number: int, shape: Shape, *, depth: int = 0, implicit: bool = False) -> Row:
    """Raises: UserError: it cannot take ``shape``; with the ``number`` of the layer that it is or lies in."""
    try:
        output = layer.output(shape)
    except Misfit as misfit:
        raise UserError(misfit.template, number=number, layer=name, **misfit.values) from None
    return Row(
        layer=layer,
        name=name,
        number=0 if depth or implicit else number,
        depth=depth,
        reaches=shape,
        output=output,
        parameters=layer.parameters(shape),
        multiply_adds=layer.multiply_adds(shape),
    )


def totals(rows: Sequence[Row]) -> Totals:
    """What a whole network learns and costs."""
    return Totals(
        parameters=sum(row.parameters for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        memory_bytes=sum(row.memory_bytes for row in rows),
    )
