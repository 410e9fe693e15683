"""Deep learning for the dashboard and for anyone else: models, data, training, inference. Knows nothing of Streamlit."""
