"""What buyers are written, in Bahasa Indonesia; the catalogue has the English. Each letter as text and as HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from kelaspay.duitku import CHANNELS
from kelaspay.formats import by_fours, rupiah, unlinked, wib
from kelaspay.i18n import known, marked, translator
from kelaspay.mail import Letter

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.formats import Seller
    from kelaspay.payment import Customer, Payment

GREETING = marked("Halo {name},")
NUMBER = marked("Nomor pesanan: {order}")
HELP = marked("Ada pertanyaan? Balas email ini atau hubungi {seller}.")
SEE = marked("Lihat pesanan")
PAY_NOW = marked("Lihat cara membayar")
ENTER = marked("Masuk ke kelas")
AGAIN = marked("Pesan lagi")
URL = re.compile(r"https?://[^\s<>]+")


@dataclass(frozen=True, slots=True)
class Words:
    """A kind of letter: its subject, its paragraphs, and the button with where it leads."""

    subject: str
    paragraphs: tuple[str, ...]
    button: str = SEE
    leads_to: str = "status"
    of_order: bool = True
    """Whether it is about one order, whose number stands at its end."""


KINDS = {
    "sign_in": Words(
        marked("Kode masuk untuk melihat pesanan Anda"),
        (
            marked("Kode Anda: {blank}"),
            marked("Kode ini berlaku 10 menit dan hanya bisa dipakai sekali. Jangan berikan kepada siapa pun."),
            marked("Tidak meminta kode ini? Abaikan saja email ini."),
        ),
        marked("Masukkan kode"),
        "code",
        of_order=False,
    ),
    "order_made": Words(
        marked("Pesanan Anda: {course}, bayar sebelum {until}"),
        (
            marked("Terima kasih, pesanan Anda untuk {course} sudah kami terima."),
            marked("Jumlah: {amount}"),
            marked("Metode: {method}"),
            marked("Bayar sebelum: {until}"),
            "{number}",
        ),
        PAY_NOW,
    ),
    "reminder": Words(
        marked("Pesanan Anda menunggu pembayaran: {course}"),
        (
            marked("Pesanan Anda untuk {course} belum dibayar. Jumlahnya {amount}, batas waktunya {until}."),
            "{number}",
            marked("Jika Anda sudah membayar, abaikan email ini."),
        ),
        PAY_NOW,
    ),
    "last_reminder": Words(
        marked("Batas waktu pembayaran hampir habis: {course}"),
        (
            marked("Pesanan Anda untuk {course} akan kedaluwarsa pada {until}. Jumlahnya {amount}."),
            "{number}",
            marked("Jika Anda sudah membayar, abaikan email ini."),
        ),
        PAY_NOW,
    ),
    "paid": Words(
        marked("Pembayaran diterima: {course}"),
        (
            marked("Pembayaran Anda sebesar {amount} untuk {course} sudah kami terima pada {paid}."),
            marked("Metode: {method}"),
            marked("Akses kelas sedang disiapkan. Anda akan menerima email lagi begitu siap."),
        ),
    ),
    "amount_differs": Words(
        marked("Pembayaran Anda sedang kami periksa: {course}"),
        (
            marked("Pembayaran Anda untuk {course} sudah kami terima dan aman."),
            marked(
                "Jumlahnya berbeda dari tagihan {amount}, jadi kami memeriksanya dulu. Anda tidak perlu melakukan "
                "apa-apa; kami akan mengabari Anda."
            ),
        ),
    ),
    "access_ready": Words(
        marked("Akses kelas siap: {course}"),
        (
            marked("Anda sudah terdaftar di {course}."),
            marked("Masuk dengan email {email}."),
            marked("Belum punya kata sandi? Buat di sini: {password}"),
        ),
        ENTER,
        "class",
    ),
    "access_late": Words(
        marked("Akses kelas Anda sedang kami siapkan: {course}"),
        (
            marked("Pembayaran Anda untuk {course} sudah kami terima dan aman."),
            marked(
                "Penyiapan akses lebih lama dari biasanya. Kami sedang memperbaikinya; "
                "Anda tidak perlu melakukan apa-apa."
            ),
        ),
    ),
    "expired": Words(
        marked("Pesanan kedaluwarsa: {course}"),
        (
            marked("Batas waktu pembayaran untuk {course} sudah lewat."),
            marked("Jika Anda sudah telanjur membayar, dana Anda aman: akses disiapkan begitu bank mengonfirmasi."),
            marked("Masih berminat? Anda bisa memesan lagi kapan saja."),
        ),
        AGAIN,
        "buy",
    ),
    "refunded": Words(
        marked("Dana dikembalikan: {course}"),
        (
            marked("Dana sebesar {amount} untuk {course} dikembalikan dan aksesnya diakhiri."),
            marked("Dicatat pada {at}. Kapan dananya masuk tergantung bank Anda."),
        ),
    ),
    "refunded_kept": Words(
        marked("Dana dikembalikan: {course}"),
        (
            marked(
                "Dana sebesar {amount} untuk {course} dikembalikan. "
                "Akses yang Anda miliki di luar pesanan ini tetap berlaku."
            ),
            marked("Dicatat pada {at}. Kapan dananya masuk tergantung bank Anda."),
        ),
    ),
    "access_ends_14": Words(
        marked("Akses Anda ke {course} berakhir dua minggu lagi"),
        (marked("Akses Anda ke {course} berakhir pada {ends}. Perpanjang agar bisa terus belajar."),),
        marked("Perpanjang akses"),
        "buy",
    ),
    "access_ends_3": Words(
        marked("Akses Anda ke {course} berakhir tiga hari lagi"),
        (marked("Akses Anda ke {course} berakhir pada {ends}. Perpanjang agar bisa terus belajar."),),
        marked("Perpanjang akses"),
        "buy",
    ),
}
FREE_REFUNDED = Words(marked("Akses diakhiri: {course}"), (marked("Akses Anda ke {course} sudah diakhiri."),))
_VA = marked("Nomor Virtual Account atau kode pembayaran: {va}")


BLANK = re.compile(r"\{(\w+)\}")
BETWEEN = "\n\n"
"""Stands between paragraphs."""
ALWAYS = ("name", "course", "amount", "order", "email", "seller", "method")
"""What any letter about an order may tell."""


def default(kind: str, language: str) -> tuple[str, str]:
    """A kind's subject and body as they are by default, with values in braces."""
    return _default(KINDS[kind], language)


def _default(words: Words, language: str) -> tuple[str, str]:
    say = translator(language)
    return say(words.subject), BETWEEN.join(say(part) for part in (GREETING, *words.paragraphs))


def may_tell(kind: str) -> list[str]:
    """The values that a letter of this kind can tell."""
    used = BLANK.findall("".join((KINDS[kind].subject, GREETING, *KINDS[kind].paragraphs)))
    return list(dict.fromkeys((*used, *(ALWAYS if KINDS[kind].of_order else ("name", "seller")))))


def must_tell(kind: str) -> list[str]:
    """The values without which a letter of this kind is of no use."""
    return ["blank"] if kind == "sign_in" else []


def filled(text: str, blanks: dict[str, str]) -> str:
    """The text with its values; whatever else stands in braces stays as it is."""
    return BLANK.sub(lambda found: blanks.get(found[1], found[0]), text)


def letter(
    kind: str,
    payment: Payment,
    customer: Customer,
    *,
    seller: Seller,
    base: str,
    site: str,
    ends: datetime | None,
    blank: str | None,
    raised_at: datetime | None = None,
    own: tuple[str, str] | None = None,
) -> Letter:
    """The letter of this kind, in the buyer's language; `base` is our address and `site` the school's, `raised_at` when
    it happened that it tells of, and `own` the school's own subject and body for it.
    """
    language = known(payment.language)
    say = translator(language)
    free = kind == "refunded" and payment.free  # nothing of what was written for money fits
    words = FREE_REFUNDED if free else KINDS[kind.partition(":")[0]]
    subject, body = _default(words, language) if own is None or free else own
    channel = CHANNELS.get(payment.payment_method or "")
    blanks = {
        "name": unlinked(customer.first_name),
        "course": payment.product_details,
        "amount": rupiah(payment.to_pay),
        "until": wib(payment.expires_at, language),
        "paid": wib(payment.paid_at, language),
        "ends": wib(ends, language),
        "email": customer.email,
        "password": f"{site}/users/password/new",
        "order": payment.merchant_order_id,
        "seller": seller.email or seller.phone or seller.name,
        "blank": blank or "",
        "at": wib(raised_at, language),
        "method": channel.name if channel else "Duitku",
        "number": say(_VA).format(va=by_fours(payment.va_number)) if payment.va_number else "",
    }
    leads = {
        "status": f"{base}/o/{payment.public_id}",
        "class": f"{site}/enrollments",
        "code": f"{base}/me/code",
        "buy": f"{base}/buy/{payment.offer}{f'?coupon={payment.coupon}' if payment.coupon else ''}",
    }
    written = {name: escape(value) for name, value in blanks.items()} | {"password": _linked(blanks["password"])}
    told = [part for part in body.split(BETWEEN) if filled(part, blanks).strip()]
    after = [say(part).format(**blanks) for part in ((NUMBER, HELP) if words.of_order else (HELP,))]
    button, url = say(words.button), leads.get(words.leads_to, "")
    return Letter(
        seller=seller.name,
        to=customer.email,
        subject=" ".join(filled(subject, blanks).split()),
        text=_text([filled(part, blanks).strip() for part in told], button, url, after, seller.name),
        html=_html(
            [filled(_linked(part), written).strip() for part in told], button, url, after, seller.name, language
        ),
        reply_to=seller.email,
    )


def _text(lines: list[str], button: str, url: str, after: list[str], seller: str) -> str:
    parts = [*lines, *([f"{button}: {url}"] if url else []), *after, seller]
    return "\n\n".join(parts) + "\n"


def _html(lines: list[str], button: str, url: str, after: list[str], seller: str, language: str) -> str:
    paragraph = '<p style="margin:0 0 14px">{}</p>'
    said = "".join(map(paragraph.format, lines))
    go = (
        f'<p style="margin:20px 0"><a href="{escape(url)}" style="background:#0b6b50;color:#fff;font-weight:bold;'
        f'padding:12px 20px;border-radius:8px;text-decoration:none;display:inline-block">{escape(button)}</a></p>'
        if url
        else ""
    )
    small = "".join(paragraph.format(escape(line)) for line in after)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        '<body style="margin:0;background:#f3f6f8;font:16px/1.5 sans-serif;color:#17212b">'
        '<div style="max-width:560px;margin:0 auto;padding:16px;overflow-wrap:anywhere"><p style="font-weight:bold">'
        f'{escape(seller)}</p><div style="background:#fff;border:1px solid #d5dce4;border-radius:12px;padding:20px">'
        f'{said}{go}</div><div style="color:#52606d;font-size:14px;padding:16px 4px">{small}</div></div></body></html>'
    )


def _linked(line: str) -> str:
    """As HTML, an address in it to be tapped: not every reader of mail makes it one. Only for words of ours or the
    seller's, or a buyer's name could lead anywhere in them.
    """
    return URL.sub(r'<a href="\g<0>" style="color:#085340">\g<0></a>', escape(line))
