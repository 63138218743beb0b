"""The entry script of the explorer: page configuration and navigation, nothing else."""

from pathlib import Path

import streamlit as st

from app.explorer import login
from app.explorer.graph_view import load_library
from app.explorer.views import frame, pages

st.set_page_config(
    page_title="Context explorer", page_icon=str(Path(__file__).parent / "icon.png"), layout="wide", initial_sidebar_state=240
)
if login.door():
    load_library()
    page = st.navigation(pages(), expanded=True)
    frame()
    page.run()
