"""Short marks for payment channels, set in type of our own: no picture of anybody's, no request to anybody."""

from __future__ import annotations

MARKS = {
    "VC": "VISA",
    "BC": "BCA",
    "M2": "mandiri",
    "VA": "Maybank",
    "I1": "BNI",
    "B1": "CIMB",
    "BT": "Permata",
    "A1": "ATM B.",
    "AG": "Artha",
    "NC": "BNC",
    "BR": "BRI",
    "S1": "Sampoerna",
    "DM": "Danamon",
    "BV": "BSI",
    "FT": "Alfamart",
    "IR": "Indomaret",
    "OV": "OVO",
    "SA": "ShopeePay",
    "LF": "LinkAja",
    "LA": "LinkAja",
    "DA": "DANA",
    "SP": "QRIS",
    "GQ": "QRIS",
    "SQ": "QRIS",
    "NQ": "QRIS",
    "DN": "Indodana",
    "AT": "atome",
    "JP": "Jenius",
    "T1": "tokopedia",
    "T2": "tokopedia",
    "T3": "tokopedia",
}
"""By channel code; the name of the channel always stands beside it."""
