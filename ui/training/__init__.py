"""The Train page: the form, the live view, the results, the list of runs. Nothing here imports torch."""
