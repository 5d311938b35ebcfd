// What makes the buyer's pages more comfortable. Everything works without it.
"use strict";
(() => {
  const rupiah = (amount) => "Rp " + String(amount).replace(/\B(?=(\d{3})+$)/g, ".");
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // One press is one order; coming back by the browser's arrow makes the button work again.
  const once = () => all("form[data-once]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      form.setAttribute("aria-busy", "true");
    });
  });
  addEventListener("pageshow", () => all("form[data-once]").forEach((form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }));

  const copying = (root) => all("[data-copy]", root).forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    const label = button.innerHTML;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.innerHTML = label; }, 2000);
    });
  });

  const clocks = () => all("[data-until]").forEach((clock) => {
    const left = Math.floor((new Date(clock.dataset.until) - Date.now()) / 1000);
    const two = (number) => String(number).padStart(2, "0");
    clock.textContent = left > 0
      ? [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60].map(two).join(":")
      : clock.dataset.over;
  });

  // OVO waits a minute for its buyer; the page that sends the notice opens beside this one.
  const pushing = (root) => all("[data-push]", root).forEach((button) => {
    const left = button.parentElement.querySelector("[data-left]");
    button.addEventListener("click", () => {
      const end = Date.now() + 1000 * Number(button.dataset.push);
      clearInterval(left.ticking);
      const tell = () => {
        const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
        left.textContent = seconds ? (seconds > 59 ? "01:00" : "00:" + String(seconds).padStart(2, "0")) : left.dataset.over;
        if (!seconds) clearInterval(left.ticking);
      };
      left.hidden = false;
      left.ticking = setInterval(tell, 1000);
      tell();
    });
  });

  const typing = () => {
    const email = document.getElementById("customer_email");
    const note = document.querySelector("[data-typo]");
    if (!email || !note) return;
    const fix = note.querySelector("[data-fix]");
    email.addEventListener("change", async () => {
      const answer = await fetch("/typo", { method: "POST", body: new URLSearchParams({ email: email.value }) });
      const { meant } = answer.ok ? await answer.json() : {};
      note.hidden = !meant;
      if (!meant) return;
      note.querySelector("[data-meant]").textContent = meant;
      fix.value = meant;
      document.querySelector("[data-sure]").value = email.value;
    });
    fix.addEventListener("click", (event) => {
      event.preventDefault();
      email.value = fix.value;
      note.hidden = true;
      email.focus();
    });
  };

  const couponing = () => {
    const form = document.querySelector("[data-coupon]")?.closest("form");
    if (!form) return;
    const field = document.getElementById("coupon"); // form.coupon may be several: a button has the name too
    form.addEventListener("click", async (event) => {
      const look = event.target.closest("[data-look]");
      if (!look) return;
      event.preventDefault();
      const asked = new URLSearchParams(new FormData(form));
      asked.set("look", "1");
      const answer = await fetch(form.action, { method: "POST", body: asked });
      if (!answer.ok) { form.requestSubmit(look); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of ["#coupon-said", "[data-sum]", "main > .price"]) {
        document.querySelector(part).replaceChildren(...fresh.querySelector(part).childNodes);
      }
      field.toggleAttribute("aria-invalid", fresh.querySelector("#coupon").hasAttribute("aria-invalid"));
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      form.querySelector("[data-look]").click();
    });
  };

  const choosing = () => {
    const form = document.querySelector("[data-chooser]");
    if (!form) return;
    const line = form.querySelector("[data-fee-line]");
    if (!line) return;
    const tell = () => {
      const chosen = form.querySelector("input:checked");
      const fee = chosen ? Number(chosen.dataset.fee) : 0;
      line.hidden = !fee;
      line.querySelector("[data-fee]").textContent = rupiah(fee);
      form.querySelector("[data-total]").textContent = rupiah(Number(form.dataset.price) + fee);
    };
    form.addEventListener("change", tell);
    tell();
  };

  // Follow an order: a stream of changes, else asking again, ever more rarely and never in a hidden tab.
  const main = document.querySelector("main[data-live]");
  const tellStatus = () => parent.postMessage({ kelaspay: "status", version: main.dataset.live }, "*");
  let newest = 0;
  const renew = async () => {
    const turn = ++newest;
    const answer = await fetch(main.dataset.order, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn !== newest) return; // what was asked for since is newer, whichever comes first
    const there = fresh.querySelector("main[data-live]");
    if (!there) { location.reload(); return; }
    main.replaceChildren(...there.childNodes);
    main.dataset.live = there.dataset.live;
    if ("final" in there.dataset) main.dataset.final = "";
    document.title = fresh.title;
    copying(main);
    pushing(main);
    clocks();
    tellStatus();
  };
  const changed = async (version) => {
    if (!version || version === main.dataset.live) return;
    try { await renew(); } catch { /* the next time */ }
  };
  const poll = () => {
    const began = Date.now();
    const again = async () => {
      if ("final" in main.dataset) return;
      if (!document.hidden) {
        try {
          const answer = await fetch(main.dataset.order + "/state");
          if (answer.ok) await changed((await answer.json()).version);
        } catch { /* the next time */ }
      }
      const minutes = (Date.now() - began) / 60000;
      setTimeout(again, minutes < 1 ? 3000 : minutes < 10 ? 10000 : 30000);
    };
    setTimeout(again, 3000);
  };
  const follow = () => {
    if (!main || "final" in main.dataset) return;
    if (!window.EventSource) { poll(); return; }
    let heard = false;
    let silent;
    const stream = new EventSource(main.dataset.order + "/events");
    const instead = () => { clearTimeout(silent); stream.close(); poll(); };
    // It speaks as soon as it is open, and is opened again every 25 seconds: else somebody on the way holds it back.
    const within = (seconds) => { clearTimeout(silent); silent = setTimeout(instead, seconds * 1000); };
    within(10);
    stream.onmessage = (event) => { heard = true; within(40); changed(event.data); };
    stream.addEventListener("final", instead); // nobody tells the last change twice
    stream.onerror = () => { if (!heard || stream.readyState === EventSource.CLOSED) instead(); };
  };

  once();
  copying(document);
  pushing(document);
  typing();
  couponing();
  choosing();
  clocks();
  setInterval(clocks, 1000);
  follow();
  if (parent !== window) {
    parent.postMessage({ kelaspay: "loaded" }, "*");
    if (main) tellStatus();
  }
})();
