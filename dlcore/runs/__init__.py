"""Run directories: created, worked on by one process, read by anyone. Reading and launching need no torch."""
