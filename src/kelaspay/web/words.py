"""What the buyer's pages say, in Bahasa Indonesia."""

from __future__ import annotations

from kelaspay.payment import Status

STATES = {
    Status.PENDING: "Menunggu pembayaran",
    Status.PAID: "Pembayaran diterima",
    Status.COMPLETED: "Akses siap",
    Status.EXPIRED: "Kedaluwarsa",
    Status.FAILED: "Pembayaran tidak berhasil",
    Status.REVIEW: "Sedang kami periksa",
    Status.REFUNDED: "Dana dikembalikan",
}
EXPLAINED = {
    Status.PENDING: "Kami sedang menunggu konfirmasi dari bank; biasanya kurang dari satu menit setelah Anda membayar. "
    "Halaman ini diperbarui otomatis.",
    Status.PAID: "Pembayaran Anda sudah kami terima. Akses kelas sedang disiapkan.",
    Status.COMPLETED: "Anda sudah terdaftar. Silakan masuk dengan email di bawah ini.",
    Status.EXPIRED: "Batas waktu pembayaran sudah lewat. Jika Anda sudah membayar, dana Anda aman: akses akan disiapkan "
    "setelah bank mengonfirmasi.",
    Status.FAILED: "Pembayaran ini dibatalkan atau tidak berhasil. Anda bisa memesan lagi kapan saja.",
    Status.REVIEW: "Pembayaran Anda aman. Ada hal yang perlu kami periksa lebih dulu, dan kami akan segera "
    "menyelesaikannya.",
    Status.REFUNDED: "Dana untuk pesanan ini telah dikembalikan dan aksesnya telah diakhiri.",
}
_FIELDS = {
    "customer_name": "Nama",
    "customer_email": "Email",
    "customer_phone": "Nomor WhatsApp",
}
_WHY = {
    "is missing": "wajib diisi.",
    "has no letters": "harus berisi huruf.",
    "is not an e-mail address": "tidak valid. Contoh: nama@gmail.com",
    "is not a phone number": "tidak valid. Contoh: 0812-3456-7890",
    "is not a possible phone number": "tidak valid. Contoh: 0812-3456-7890",
}


def in_words(field: str, why: str) -> str:
    """A field's fault as the form says it."""
    return f"{_FIELDS.get(field, 'Isian')} {_WHY.get(why, 'terlalu panjang atau tidak dapat diterima.')}"
