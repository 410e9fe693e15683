"""The training loop and its parts. This package imports nothing by itself, so that reading events needs no torch."""
