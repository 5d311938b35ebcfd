"""Thinkific: paths, paging, limits and errors inside; frozen values and faults outside."""

from kelaspay.thinkific.client import EmailTaken, KeyAuth, Thinkific, is_access_token
from kelaspay.thinkific.values import CLOSE, FOR_EVER, BundleEnrollment, CourseEnrollment, end_of

__all__ = [
    "CLOSE",
    "FOR_EVER",
    "BundleEnrollment",
    "CourseEnrollment",
    "EmailTaken",
    "KeyAuth",
    "Thinkific",
    "end_of",
    "is_access_token",
]
