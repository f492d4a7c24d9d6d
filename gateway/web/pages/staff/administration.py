"""The page of links to everything that is administered."""

from __future__ import annotations

from gateway.web.page import Page

PAGES = (Page("/staff/administration", "staff/administration/list.html"),)
