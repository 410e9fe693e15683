from ui.history.page import runs_page
from ui.language import translate as _
from ui.shell import page_title

page_title(
    _("Runs"),
    _("Everything that was trained here: find it, compare it, repeat it, and let a search choose the settings."),
)
runs_page()
