"""Settings of the site that `make docs` builds, from the top of the repository and with no network.

The sources are the files where they lie: the pages in docs/, the notebooks, CONTRIBUTING.md, LOG.md and the
READMEs of the two packages. What Sphinx does not do by itself stands in site_parts.py beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from workbench import __version__  # noqa: E402

project = "Image-text workbench"
author = "its contributors"
copyright = f"{author}; Apache-2.0"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_parts"]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/api/*.md",
    "notebooks/*.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LOG.md",
    "THIRD_PARTY.md",
    "workbench/README.md",
    "workbench/models/weights/*/MODEL_CARD.md",
    "widgets/README.md",
    "widgets/static/shared/README.md",
]
exclude_patterns = [".*", "build", "wheelhouse", "my-notebooks", "test-results", "**/__pycache__", "**/.*"]
nitpicky = False
# An annotation is looked up by its last name, and two types may each have a field of that name.
suppress_warnings = ["ref.python"]

# Pages. Markdown is read as GitHub reads it, with formulas; a heading can be linked to.
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"  # written into the page: no script has to set it

# Notebooks are not run (minutes each) unless `make docs ARGS=--execute` says so.
nb_execution_mode = "off"
nb_execution_timeout = 900
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # the default fetches scripts from elsewhere

# The API, from docstrings in Google's form.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Shapes", "params_style"), "Source", "Sources"]

# Looks. Everything the pages load lies beside them.
html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": project},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Pages without neighbours of their kind; an empty column would stand beside them.
html_sidebars = {"docs/index": [], "docs/how_it_works": [], "docs/terms": [], "LOG": [], "CONTRIBUTING": []}
