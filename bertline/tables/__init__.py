"""The rows that everything else reads; they name modules and import nothing of bertline."""
