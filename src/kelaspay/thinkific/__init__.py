"""Thinkific: paths, paging, limits and errors inside; frozen values and faults outside."""

from kelaspay.thinkific.client import EmailTaken, KeyAuth, Thinkific, is_access_token
from kelaspay.thinkific.values import BundleEnrollment, CourseEnrollment

__all__ = ["BundleEnrollment", "CourseEnrollment", "EmailTaken", "KeyAuth", "Thinkific", "is_access_token"]
