"""From pen strokes to an answer, by one way for page, command line and tests."""
