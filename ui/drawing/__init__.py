"""The Draw page: the canvas, the answer beside it, the choice of a model. Nothing here imports torch before it must."""
