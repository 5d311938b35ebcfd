"""Every table and every SQL statement. Functions take an open connection; who opens it decides what is one commit."""

from kelaspay.store import buyer_tables, notice_tables, operator_tables, program_tables, tables

__all__ = ["buyer_tables", "notice_tables", "operator_tables", "program_tables", "tables"]
"""Loaded together, so that `metadata` knows all tables whoever asks for it."""
