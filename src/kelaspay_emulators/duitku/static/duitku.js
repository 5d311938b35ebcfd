/* The payment page inside the shop's own page: checkout.process(reference, options) (duitku.md 4.4). */
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  var events = { "00": "successEvent", "01": "pendingEvent", "02": "closeEvent" };

  function process(reference, options) {
    var wanted = options || {};
    var query = new URLSearchParams({ reference: reference, popup: "1", lang: wanted.defaultLanguage || "id" });
    if (wanted.currency) { query.set("currency", wanted.currency); }
    var frame = document.createElement("iframe");
    frame.src = home + "/redirect_checkout?" + query;
    frame.title = "Pembayaran";
    frame.style.cssText = "position:fixed;inset:0;width:100%;height:100%;border:0;z-index:2147483647;background:#fff";

    function told(message) {
      if (message.origin !== home || message.source !== frame.contentWindow) { return; }
      window.removeEventListener("message", told);
      frame.remove();
      var event = wanted[events[message.data.resultCode] || "errorEvent"];
      if (event) { event(message.data); }
    }

    window.addEventListener("message", told);
    document.body.appendChild(frame);
  }

  window.checkout = { process: process };
})();
