"""The home page: a network learning before one's eyes, and four doors."""
