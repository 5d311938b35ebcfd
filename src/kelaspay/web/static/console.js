// What makes the console more comfortable. Everything works without it.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Parts that say so are fetched again while somebody looks, but never under the hands of who is typing in them.
  const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");
  const wait = () => Math.min(...all("[data-renew]").map((part) => Number(part.dataset.renew))) * 1000;
  const renew = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { "Kelaspay-Renew": "1" } });
        if (answer.redirected) return;
        if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          for (const part of all("[data-renew]")) {
            const there = fresh.getElementById(part.id);
            if (there && !busy(part)) part.replaceWith(document.adoptNode(there));
          }
          copying();
        }
      } catch { /* the next time */ }
    }
    again();
  };
  const again = () => { if (document.querySelector("[data-renew]")) setTimeout(renew, wait()); };

  const copying = () => all("[data-copy][hidden]").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      const of = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(of.value);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  });

  // Every payment of the page at once.
  all("[data-all]").forEach((tick) => {
    tick.closest("label").hidden = false;
    tick.addEventListener("change", () => all(`input[name=${tick.dataset.all}]`, tick.form).forEach((each) => {
      each.checked = tick.checked;
    }));
  });

  // On a phone the menu is wider than the screen: show where one is.
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  copying();
  again();
})();
