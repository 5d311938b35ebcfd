"""Kelaspay sells Thinkific courses through Duitku and makes sure that whoever paid is in the course."""

__version__ = "0.1.0"
