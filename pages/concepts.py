from ui.concepts.chapters import show_chapters
from ui.language import translate as _
from ui.shell import page_title

page_title(_("Concepts"), _("What deep learning is, how it works, where it is used, and where it fails."))
show_chapters()
