"""How anything is shown: documents, pages, figures, tables, numbers, and the files that hold them."""
