"""A run to take home: as a program, a notebook, tables, weights. Importing it costs no torch."""
