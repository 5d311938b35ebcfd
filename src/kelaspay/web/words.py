"""What the buyer's pages say of states and of fields, in Bahasa Indonesia; the catalogue has the English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.i18n import marked
from kelaspay.payment import EnrollmentState, Status
from kelaspay.store.same_buyer import Kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.payment import Enrollment, Payment

STATES = {
    Status.PENDING: marked("Menunggu pembayaran"),
    Status.PAID: marked("Menyiapkan akses"),
    Status.COMPLETED: marked("Akses siap"),
    Status.EXPIRED: marked("Pesanan kedaluwarsa"),
    Status.FAILED: marked("Pembayaran tidak berhasil"),
    Status.REVIEW: marked("Sedang kami periksa"),
    Status.REFUNDED: marked("Dana dikembalikan"),
}
EXPLAINED = {
    Status.PENDING: marked(
        "Selesaikan pembayaran di bawah ini. Konfirmasi bank biasanya masuk kurang dari satu menit setelah Anda "
        "membayar; halaman ini diperbarui otomatis."
    ),
    Status.PAID: marked(
        "Pembayaran Anda sudah kami terima. Akses kelas sedang disiapkan, biasanya kurang dari satu menit."
    ),
    Status.COMPLETED: marked("Anda sudah terdaftar. Silakan masuk ke kelas dan mulai belajar."),
    Status.EXPIRED: marked(
        "Batas waktu pembayaran sudah lewat. Jika Anda sudah telanjur membayar, dana Anda aman: "
        "akses disiapkan begitu bank mengonfirmasi."
    ),
    Status.FAILED: marked(
        "Pembayaran ini dibatalkan, tidak berhasil, atau waktunya habis. Anda bisa memesan lagi kapan saja. "
        "Jika dana Anda sudah terpotong, jangan membayar lagi; hubungi kami dulu."
    ),
    Status.REVIEW: marked(
        "Pembayaran Anda aman. Ada hal yang perlu kami periksa lebih dulu, dan kami segera menyelesaikannya."
    ),
    Status.REFUNDED: marked(
        "Dana untuk pesanan ini dikembalikan dan aksesnya sudah diakhiri. Kapan dananya masuk tergantung bank Anda."
    ),
}
TIME_IS_UP = marked(
    "Jika Anda sudah membayar, konfirmasinya masuk otomatis. Jika belum, buat pembayaran baru di bawah ini."
)
"""What is said instead of a payment that can no longer be made as it was shown."""
FREE = {
    Status.PAID: marked(
        "Pesanan Anda sudah kami terima. Akses kelas sedang disiapkan, biasanya kurang dari satu menit."
    ),
    Status.REVIEW: marked(
        "Pesanan Anda aman. Ada hal yang perlu kami periksa lebih dulu, dan kami segera menyelesaikannya."
    ),
    Status.REFUNDED: marked("Akses dari pesanan ini sudah diakhiri."),
}
"""What is said instead where a coupon covered the whole price and no money moved."""
FREE_TITLES = {Status.REFUNDED: marked("Akses diakhiri")}
KEPT = {
    Status.COMPLETED: (
        marked("Akses lewat pesanan lain"),
        marked("Akses dari pesanan ini sudah diakhiri, tetapi Anda tetap bisa belajar lewat pesanan Anda yang lain."),
    ),
    Status.REFUNDED: (
        STATES[Status.REFUNDED],
        marked("Dana untuk pesanan ini dikembalikan. Akses Anda tetap berlaku lewat pesanan Anda yang lain."),
    ),
}
"""What is said instead where another order of the same person keeps what this one gave."""
KEPT_FROM_BEFORE = {
    Status.COMPLETED: (
        marked("Akses tetap berlaku"),
        marked("Akses dari pesanan ini sudah diakhiri, tetapi akses yang sudah Anda miliki sebelumnya tetap berlaku."),
    ),
    Status.REFUNDED: (
        STATES[Status.REFUNDED],
        marked("Dana untuk pesanan ini dikembalikan. Akses yang sudah Anda miliki sebelumnya tetap berlaku."),
    ),
}
"""And where the buyer had it before."""
ENDING = (marked("Pesanan dibatalkan"), marked("Pesanan ini sudah dibatalkan."))
"""What is said of a free order, and `REFUNDED` of another, while it is not known yet what becomes of the access."""
REFUNDED = marked("Dana untuk pesanan ini dikembalikan.")
STILL_THERE = (
    marked("Akses sedang diakhiri"),
    marked("Akses dari pesanan ini sedang diakhiri. Selama prosesnya belum selesai, akses ini masih berlaku."),
)
"""What is said where the access alone is to end, until it has."""
LAPSED = (marked("Akses berakhir"), marked("Masa akses dari pesanan ini berakhir pada {ends}."))
FREE_RECEIVED = marked("Pesanan diterima")
SAFE = marked("Pembayaran Anda aman. Penyiapan akses lebih lama dari biasanya; kami sedang memperbaikinya.")
STEPS = (
    marked("Pembayaran diterima"),
    marked("Akun siap"),
    marked("Terdaftar di kelas"),
    marked("Email terkirim"),
)
_FIELDS = {
    "customer_name": marked("Nama"),
    "customer_email": marked("Email"),
    "customer_phone": marked("Nomor WhatsApp"),
    "coupon": marked("Kupon ini"),
}
_WHY = {
    "is missing": marked("wajib diisi."),
    "has no letters": marked("harus berisi huruf."),
    "is not an e-mail address": marked("tidak valid. Contoh: nama@gmail.com"),
    "is not a phone number": marked("tidak valid. Contoh: 0812-3456-7890"),
    "is not a possible phone number": marked("tidak valid. Contoh: 0812-3456-7890"),
    "is not a coupon of ours": marked("tidak dikenal. Periksa lagi kodenya."),
    "is not valid yet": marked("belum berlaku."),
    "has ended": marked("sudah berakhir."),
    "is for another offer": marked("tidak berlaku untuk kelas ini."),
    "is used up": marked("sudah habis dipakai."),
    "has been used with this e-mail address": marked("sudah pernah dipakai dengan email ini."),
    "leaves less than can be paid": marked("menyisakan kurang dari Rp 10.000, jumlah terkecil yang bisa dibayar."),
}
_OTHER_FIELD = marked("Isian")
_OTHERWISE = marked("terlalu panjang atau tidak dapat diterima.")
NOT_MADE = marked("Pembayaran belum bisa dibuat. Isian Anda masih ada; silakan coba lagi sebentar lagi.")
CHANNEL_AWAY = marked("Metode itu sedang tidak tersedia. Silakan pilih metode lain.")
ASKED = {
    "not_yet": marked(
        "Bank belum mengonfirmasi pembayaran Anda. Jika Anda baru saja membayar, tunggu sebentar; "
        "halaman ini diperbarui otomatis."
    ),
    "soon": marked("Kami baru saja mengeceknya ke bank. Silakan coba lagi dalam 10 detik."),
    "away": marked(
        "Status pembayaran di bank sedang tidak bisa dicek. Tenang, pembayaran Anda tetap akan kami terima."
    ),
    "sent": marked("Email akses sedang dikirim ulang. Periksa juga folder spam."),
    "corrected": marked("Email sudah diganti. Cara membayar kami kirim ke alamat yang baru."),
    "asked": marked(
        "Permintaan Anda sudah kami terima. Setelah kami periksa, akses dipindahkan ke email yang baru "
        "dan kami kabari di alamat itu."
    ),
    "sent_soon": marked("Email akses baru saja dikirim. Tunggu beberapa menit sebelum meminta lagi."),
}


def told(payment: Payment, access: Enrollment | None, now: datetime, *, kept: Kept | None) -> tuple[str, str]:
    """The title of an order and a sentence about it. Who was in the course and is no more does not read to be; nor does
    who keeps it by another order, or had it before, read to be out of it: `kept`.
    """
    if kept and payment.status in KEPT:
        words = KEPT if kept is Kept.BY_ANOTHER else KEPT_FROM_BEFORE
        return words[Status.COMPLETED if payment.free else payment.status]
    if payment.status is Status.REFUNDED and access is not None and access.state is not EnrollmentState.REVOKED:
        return ENDING if payment.free else (STATES[Status.REFUNDED], REFUNDED)
    if payment.status is Status.COMPLETED and access is not None:
        if access.lapsed(now):
            return LAPSED
        if access.ended:
            return STILL_THERE if access.ending else (FREE_TITLES[Status.REFUNDED], FREE[Status.REFUNDED])
    titles, explained = (STATES | FREE_TITLES, EXPLAINED | FREE) if payment.free else (STATES, EXPLAINED)
    return titles[payment.status], explained[payment.status]


def in_words(field: str, why: str, say: Callable[[str], str]) -> str:
    """A field's fault as the form says it."""
    return f"{say(_FIELDS.get(field, _OTHER_FIELD))} {say(_WHY.get(why, _OTHERWISE))}"
