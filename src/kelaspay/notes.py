"""What buyers are told by WhatsApp. Each is a template that Meta approves once, word for word; `kelaspay whatsapp
templates` prints them to be handed in. All of them lead to the order's own page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kelaspay.duitku import CHANNELS
from kelaspay.formats import by_fours, rupiah, unlinked, wib
from kelaspay.i18n import known, marked, translator
from kelaspay.whatsapp import Note

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import Customer, Payment

PREFIX = "kelaspay_"
BUTTON = marked("Lihat pesanan")
NOTES = {
    "order_made": marked(
        "Halo {name}, pesanan Anda untuk {course} sudah kami terima. Jumlah: {amount}. Bayar lewat {method} "
        "sebelum {until}. Nomor pesanan {order}. Terima kasih."
    ),
    "reminder": marked(
        "Halo {name}, pesanan Anda untuk {course} menunggu pembayaran {amount} sebelum {until}. Sudah "
        "membayar? Abaikan pesan ini. Nomor pesanan {order}. Terima kasih."
    ),
    "last_reminder": marked(
        "Halo {name}, batas waktu pembayaran {amount} untuk {course} hampir habis: {until}. Sudah membayar? "
        "Abaikan pesan ini. Nomor pesanan {order}. Terima kasih."
    ),
    "paid": marked(
        "Halo {name}, pembayaran Anda sebesar {amount} untuk {course} sudah kami terima pada {paid}. Akses "
        "kelas sedang disiapkan. Nomor pesanan {order}. Terima kasih."
    ),
    "amount_differs": marked(
        "Halo {name}, pembayaran Anda untuk {course} sudah kami terima. Jumlahnya berbeda dari tagihan {amount}, jadi "
        "kami memeriksanya dulu. Nomor pesanan {order}. Terima kasih."
    ),
    "access_ready": marked(
        "Halo {name}, akses Anda ke {course} sudah siap. Masuk dengan email {email}. Nomor pesanan {order}. "
        "Terima kasih."
    ),
    "access_late": marked(
        "Halo {name}, pembayaran Anda untuk {course} aman. Penyiapan akses lebih lama dari biasanya dan "
        "sedang kami perbaiki. Nomor pesanan {order}. Terima kasih."
    ),
    "expired": marked(
        "Halo {name}, batas waktu pembayaran untuk {course} sudah lewat. Anda bisa memesan lagi kapan saja. "
        "Nomor pesanan {order}. Terima kasih."
    ),
    "refunded": marked(
        "Halo {name}, dana sebesar {amount} untuk {course} dikembalikan dan aksesnya diakhiri. Nomor pesanan "
        "{order}. Terima kasih."
    ),
    "refunded_kept": marked(
        "Halo {name}, dana sebesar {amount} untuk {course} dikembalikan. Akses yang Anda miliki di luar pesanan "
        "ini tetap berlaku. Nomor pesanan {order}. Terima kasih."
    ),
    "access_ends_14": marked(
        "Halo {name}, akses Anda ke {course} berakhir dua minggu lagi, pada {ends}. Nomor pesanan {order}. "
        "Terima kasih."
    ),
    "access_ends_3": marked(
        "Halo {name}, akses Anda ke {course} berakhir tiga hari lagi, pada {ends}. Nomor pesanan {order}. Terima kasih."
    ),
}
"""By kind of message; Meta wants a template to end in words, not in a value."""
BLANK = re.compile(r"\{(\w+)\}")


def note(kind: str, payment: Payment, customer: Customer, *, ends: datetime | None) -> Note:
    """The message of this kind in the buyer's language."""
    language = known(payment.language)
    words = translator(language)(NOTES[kind])
    blanks = {
        "name": unlinked(customer.first_name),
        "course": payment.product_details,
        "amount": rupiah(payment.to_pay),
        "until": wib(payment.expires_at, language),
        "method": _method(payment),
        "paid": wib(payment.paid_at, language),
        "ends": wib(ends, language),
        "email": customer.email,
        "order": payment.merchant_order_id,
    }
    blanks = {name: " ".join(value.split()) or "-" for name, value in blanks.items()}  # Meta takes no line break in one
    return Note(
        to=customer.phone,
        template=f"{PREFIX}{kind}",
        language=language,
        values=tuple(blanks[name] for name in BLANK.findall(words)),
        link=payment.public_id,
        text=words.format(**blanks),
    )


def template(kind: str, language: str) -> str:
    """The text to hand in, its blanks numbered as Meta wants them."""
    numbers = iter(range(1, 100))
    return BLANK.sub(lambda _: f"{{{{{next(numbers)}}}}}", translator(language)(NOTES[kind]))


def _method(payment: Payment) -> str:
    """The channel, with the number to pay where there is one."""
    channel = CHANNELS.get(payment.payment_method or "")
    named = channel.name if channel else "Duitku"
    return f"{named}, {by_fours(payment.va_number)}" if payment.va_number else named
