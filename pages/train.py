from ui.language import translate as _
from ui.shell import page_title
from ui.training.page import train_page

page_title(
    _("Train"),
    _("Choose how a network learns, start it, and watch it get better. Every setting is explained and in the link."),
)
train_page()
