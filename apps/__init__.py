"""Ways in for people: the `pulso` command and the strategists' Streamlit app."""
