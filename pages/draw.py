from ui.language import translate as _
from ui.shell import page_title

page_title(_("Draw"), "")
