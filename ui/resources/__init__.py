"""The resource directory: catalogue, search, learning paths, corrections, framework chooser."""
