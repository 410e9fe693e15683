"""The home page."""

from ui.home.view import show_home

show_home()
