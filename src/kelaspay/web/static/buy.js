// The buy button's script: opens the order form over the page it stands on. Without it the button is a plain link.
"use strict";
(() => {
  const from = new URL(document.currentScript.src).origin;
  const tell = (what, detail) => dispatchEvent(new CustomEvent("kelaspay:" + what, { detail }));
  let told = false; // a page that is loaded again tells again
  const open = (address) => {
    told = false;
    const dialog = document.createElement("dialog");
    const frame = document.createElement("iframe");
    const close = document.createElement("button");
    Object.assign(dialog.style, { width: "min(100%, 32rem)", height: "min(100%, 50rem)", padding: "0", border: "0", borderRadius: "12px" });
    Object.assign(frame.style, { width: "100%", height: "calc(100% - 3rem)", border: "0" });
    Object.assign(close.style, { width: "100%", height: "3rem", border: "0", font: "inherit" });
    frame.src = address;
    frame.title = "Kelaspay";
    close.textContent = "✕ Tutup";
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); tell("close"); });
    dialog.append(close, frame);
    document.body.append(dialog);
    dialog.showModal();
  };
  addEventListener("message", (event) => {
    if (event.origin !== from || !event.data || !event.data.kelaspay) return;
    if (event.data.kelaspay === "loaded") tell("loaded");
    if (event.data.kelaspay !== "status" || told || !event.data.version.startsWith("completed")) return;
    told = true;
    tell("success");
  });
  addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[data-kelaspay-checkout]");
    if (!link || new URL(link.href).origin !== from || !window.HTMLDialogElement) return;
    event.preventDefault();
    open(link.href);
  });
})();
