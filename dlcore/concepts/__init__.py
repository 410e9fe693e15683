"""The pure computation behind each concept lab."""
