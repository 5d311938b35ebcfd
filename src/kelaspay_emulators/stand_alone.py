"""Each emulator as a program of its own, on a port."""

from __future__ import annotations

from kelaspay_emulators.duitku import DuitkuEmulator, post_over_http
from kelaspay_emulators.serve import serve
from kelaspay_emulators.thinkific import ThinkificEmulator
from kelaspay_emulators.thinkific.samples import furnish

HOST = "127.0.0.1"


def emulate_duitku(port: int) -> None:
    """Stand in for Duitku's hosts until told to stop."""
    emulator = DuitkuEmulator(public_url=f"http://{HOST}:{port}", post=post_over_http)
    print(
        f"Duitku, emulated: http://{HOST}:{port}  merchant code D0001, key 732B39FC61796845775D2C4FB05332AF", flush=True
    )
    serve(emulator, HOST, port, emulator.deliver_due)


def emulate_thinkific(port: int) -> None:
    """Stand in for Thinkific's hosts until told to stop."""
    emulator = ThinkificEmulator(public_url=f"http://{HOST}:{port}")
    emulator.switches.local_targets = True
    school = emulator.school
    print(f"Thinkific, emulated: http://{HOST}:{port}  subdomain {school.subdomain}, key {school.api_key}", flush=True)
    for course, _price in furnish(school):
        print(f"  course {course.id}, {course.name}", flush=True)
    serve(emulator, HOST, port, emulator.deliver_due)
