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
    library = st.container()  # it keeps its place, so that a change of page keeps it
    page = st.navigation(pages(), expanded=True)
    if page.url_path:
        load_library(library)
    frame()
    page.run()
    if not page.url_path:
        load_library(library)  # Home shows no picture: what it does show comes first, and a picture on the next page is ready
