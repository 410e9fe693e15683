"""The Draw page."""

from ui.drawing.view import show_draw

show_draw()
