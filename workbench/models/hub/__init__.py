"""The model hub and its cache: what is here, what would come, and a clear answer when it does not.

Nothing is fetched unless the user named the model, and nothing before an `Event` said how large it is. What
arrives is compared with the digest that the hub states, and what is in the cache with the digest it was
stored under.
"""

from workbench.models.hub.cache import offline, stored
from workbench.models.hub.choosing import (
    Choose,
    choose_model_files,
    choose_open_clip_weights,
    choose_tokeniser,
    choose_tower_files,
)
from workbench.models.hub.download import fetch

__all__ = ["Choose", "choose_model_files", "choose_open_clip_weights", "choose_tokeniser"]
__all__ += ["choose_tower_files", "fetch", "offline", "stored"]
