"""Pictures with texts: what ships, what a program draws, and the user's own.

`load(name)` or `load(path)` gives `Pairs`; `available()` lists what ships.
"""

from workbench.data.data_sets import DataTable, available, from_path, load
from workbench.data.dataset_cards import DataCard, card
from workbench.data.pairs import Pair, Pairs
from workbench.data.pictures import open_picture
from workbench.data.pictures_in_memory import from_pictures
from workbench.data.saved_pictures import keep
from workbench.data.tables import from_table

__all__ = [
    "DataCard",
    "DataTable",
    "Pair",
    "Pairs",
    "available",
    "card",
    "from_path",
    "from_pictures",
    "from_table",
    "keep",
    "load",
    "open_picture",
]
