"""The explorer in the browser: Streamlit screens over the same graph, for the same actors, as every other door."""
