"""Everything Streamlit: one room per thing a visitor sees."""
