"""The entry script of the explorer: page configuration and navigation, nothing else."""

import streamlit as st

from app.explorer.views import explore

st.set_page_config(page_title="Context explorer", layout="wide")
st.navigation([st.Page(explore, title="Explore", url_path="explore", default=True)], position="top").run()
