"""The router: page configuration, language, navigation. ``streamlit run streamlit_app.py``."""

import streamlit as st

from ui import shell

shell.configure()
page = st.navigation(shell.pages(), position="top")
shell.language_switch()
page.run()
