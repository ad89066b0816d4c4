"""The tables: their columns, their Parquet files, and SQL over them."""
