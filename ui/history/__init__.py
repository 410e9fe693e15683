"""The Runs page: everything that was trained, found again, compared, repeated, swept."""
