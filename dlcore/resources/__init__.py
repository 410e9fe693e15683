"""The resource catalogue as data: its schema, its rules, and the check that keeps it true. Knows no page and no torch."""
