"""How the documentation becomes a site: ``make docs``. Sphinx reads the Markdown of this folder; nothing is fetched."""

from __future__ import annotations

import sys
from pathlib import Path

from practicum import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project, author, copyright = "practicum", "practicum contributors", "practicum contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "docstrings", "signatures", "public_names"]
extensions += ["contents", "scripts", "accessible"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_extensions", "gallery"]
# Headings are targets, by the names that Markdown viewers give them, as tests/test_docs.py checks too.
myst_heading_anchors = 4
# In docstrings `name` is a parameter, not the title of a book.
default_role = "literal"
# Formulas are indented plain text, which every reader and every terminal shows; nothing draws them.
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"practicum {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
