"""Receives Kelaspay's webhooks and believes only what verifies.

pip install standardwebhooks
kelaspay webhooks add https://your-server.example/kelaspay      # prints the secret, once
WEBHOOK_SECRET=whsec_… python verify_webhook.py 8080
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()  # a real program keeps these with its data, in the same commit as what it does about them


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine; anything but 2xx has it sent again later."""

    def do_POST(self) -> None:
        """Verify the body as it came, byte for byte, before reading anything from it."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            notice = webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            self.answer(400)
            return
        identifier = self.headers["webhook-id"]  # the same at each attempt
        if identifier not in seen:
            seen.add(identifier)
            print(notice["type"], notice["data"].get("merchant_order_id", ""), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        """Without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing but notices."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    print(f"Listening on {port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
