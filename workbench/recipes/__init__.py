"""How each shipped weight was trained: `python -m workbench.recipes.NAME --help`."""
