"""The old name of `workbench.formatting`, until attribution and generation import the new one."""

from workbench.formatting import html_table, human_bytes, one_line, path_end, plural

__all__ = ["html_table", "human_bytes", "one_line", "path_end", "plural"]
