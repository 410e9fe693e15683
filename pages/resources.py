from ui.language import translate as _
from ui.resources import page
from ui.shell import page_title

page_title(
    _("Resources"),
    _("What to read, watch and use next: each with its reason, its state today and what it builds on."),
)
page.show()
