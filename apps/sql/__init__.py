"""`pulso sql`: a client's lake at a terminal. One file each: what a statement answers, the prompt, the export to a file.

Does not belong here: what a session may see (lakehouse/duckdb_session.py), the command's arguments (apps/cli/sql.py).
"""
