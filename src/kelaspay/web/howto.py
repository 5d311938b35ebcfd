"""How to pay, step by step, for each channel; in Bahasa Indonesia, the catalogue has the English."""

from __future__ import annotations

from kelaspay.i18n import marked

Ways = list[tuple[str, list[str]]]
"""Where to pay, and its steps; `{number}` and `{amount}` are filled in."""

_CHECK = marked("Pastikan nama yang muncul dan jumlah {amount} sudah benar, lalu masukkan PIN.")
_KEEP = marked("Simpan bukti pembayaran. Halaman ini diperbarui otomatis.")

_BANK: Ways = [
    (
        marked("Mobile banking"),
        [
            marked("Buka aplikasi bank Anda, lalu pilih menu Virtual Account atau Bayar."),
            marked("Masukkan nomor {number}."),
            _CHECK,
            _KEEP,
        ],
    ),
    (
        marked("ATM"),
        [
            marked("Masukkan kartu dan PIN, lalu pilih Transaksi Lainnya dan Pembayaran."),
            marked("Pilih Virtual Account, lalu masukkan nomor {number}."),
            marked("Pastikan jumlahnya {amount}, lalu pilih Ya atau Benar."),
            marked("Simpan struknya. Halaman ini diperbarui otomatis."),
        ],
    ),
    (
        marked("Dari bank lain"),
        [
            marked("Di aplikasi bank Anda, pilih transfer ke bank lain, lalu pilih bank tujuan di atas."),
            marked("Masukkan {number} sebagai nomor rekening tujuan."),
            marked("Masukkan jumlah persis {amount}. Jumlah yang berbeda akan ditolak bank."),
            _KEEP,
        ],
    ),
]
_BCA: Ways = [
    (
        "BCA mobile",
        [
            marked("Buka BCA mobile, pilih m-BCA, lalu m-Transfer."),
            marked("Pilih BCA Virtual Account, lalu masukkan nomor {number}."),
            _CHECK,
            _KEEP,
        ],
    ),
    (
        "ATM BCA",
        [
            marked("Masukkan kartu dan PIN, lalu pilih Transaksi Lainnya, Transfer, dan ke Rek BCA Virtual Account."),
            marked("Masukkan nomor {number}."),
            marked("Pastikan jumlahnya {amount}, lalu pilih Ya atau Benar."),
        ],
    ),
    (
        "KlikBCA",
        [
            marked("Masuk ke KlikBCA, lalu pilih Transfer Dana dan Transfer ke BCA Virtual Account."),
            marked("Masukkan nomor {number}, lalu pilih Lanjutkan."),
            marked("Periksa jumlah {amount}, lalu setujui dengan KeyBCA."),
        ],
    ),
]
_MANDIRI: Ways = [
    (
        "Livin' by Mandiri",
        [
            marked("Buka Livin', lalu pilih Bayar dan cari Duitku, atau pilih Virtual Account."),
            marked("Masukkan nomor {number}."),
            _CHECK,
            _KEEP,
        ],
    ),
    *_BANK[1:],
]
_BNI: Ways = [
    (
        "BNI Mobile Banking",
        [
            marked("Buka aplikasi BNI, lalu pilih Transfer dan Virtual Account Billing."),
            marked("Masukkan nomor {number}."),
            _CHECK,
            _KEEP,
        ],
    ),
    *_BANK[1:],
]
_BRI: Ways = [
    ("BRImo", [marked("Buka BRImo, lalu pilih BRIVA."), marked("Masukkan nomor {number}."), _CHECK, _KEEP]),
    *_BANK[1:],
]
_QRIS: Ways = [
    (
        marked("Dari ponsel lain"),
        [
            marked("Buka aplikasi bank atau e-wallet apa pun yang mendukung QRIS, lalu pilih Pindai atau Scan."),
            marked("Arahkan kamera ke kode QR di atas."),
            _CHECK,
        ],
    ),
    (
        marked("Dari ponsel ini"),
        [
            marked("Pilih Unduh QR; gambarnya tersimpan di galeri."),
            marked("Buka aplikasi bank atau e-wallet Anda, pilih Pindai, lalu pilih gambar dari galeri."),
            _CHECK,
        ],
    ),
]


def _counter(where: str) -> Ways:
    return [
        (
            where,
            [
                marked("Datang ke kasir dan katakan ingin membayar Duitku."),
                marked("Tunjukkan kode pembayaran {number}."),
                marked("Bayar {amount} dan simpan struknya."),
            ],
        )
    ]


_ELSEWHERE: Ways = [
    (
        marked("Cara membayar"),
        [
            marked("Pilih Buka halaman pembayaran."),
            marked("Ikuti petunjuk di sana dan setujui pembayaran {amount}."),
            marked("Anda akan kembali ke halaman ini, yang diperbarui otomatis."),
        ],
    )
]
_WALLET: Ways = [
    (
        marked("Cara membayar"),
        [
            marked("Tekan tombol pembayaran di atas."),
            marked("Ikuti petunjuk di sana dan setujui pembayaran {amount}."),
            marked("Anda akan kembali ke halaman ini, yang diperbarui otomatis."),
        ],
    )
]
_OVO: Ways = [
    (
        marked("Cara membayar"),
        [
            marked("Pilih Buka pembayaran OVO, lalu masukkan nomor ponsel akun OVO Anda."),
            marked("Buka aplikasi OVO dan setujui pembayaran {amount} dalam 60 detik."),
            marked("Kembali ke halaman ini, yang diperbarui otomatis."),
        ],
    )
]
_OWN = {
    "OV": _OVO,
    "BC": _BCA,
    "M2": _MANDIRI,
    "I1": _BNI,
    "BR": _BRI,
    "FT": _counter("Alfamart, Pegadaian, Pos Indonesia"),
    "IR": _counter("Indomaret"),
}
_OF_GROUP = {"va": _BANK, "qris": _QRIS, "ewallet": _WALLET}


def ways_to_pay(code: str, group: str) -> Ways:
    return _OWN.get(code) or _OF_GROUP.get(group, _ELSEWHERE)
