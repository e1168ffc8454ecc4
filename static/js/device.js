// On the pages of whoever is signed in: what this device keeps for them, and for nobody else.
(function () {
  "use strict";
  const KEY = "visit";
  const { reader, logout, nextVisit, worker } = document.body.dataset;

  function forget() {
    localStorage.removeItem(KEY);
  }

  function isKept() {
    let note = null;
    try {
      note = JSON.parse(localStorage.getItem(KEY));
    } catch {
      // Not ours, or cut short: as good as nothing.
    }
    if (note && note.reader === reader) return true;
    // Somebody else signed in on this device, and never logged out.
    forget();
    return false;
  }

  async function keep() {
    const answer = await fetch(nextVisit);
    if (!answer.ok) throw new Error(answer.status);
    localStorage.setItem(KEY, JSON.stringify({ reader, ...(await answer.json()) }));
  }

  // The answer to logging out clears the device as well; this is for when there is none.
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action).pathname === logout) forget();
  });

  const wasKept = isKept();
  if (!nextVisit) return;
  // Refused in a private window: then there is no page for when the net is gone, and that is all.
  if (navigator.serviceWorker) navigator.serviceWorker.register(worker).catch(() => {});
  // Offline, the older note stays; it says how old it is.
  if (wasKept) keep().catch(() => {});

  for (const part of document.querySelectorAll("[data-keep]")) {
    const button = part.querySelector("button");
    button.setAttribute("aria-pressed", String(wasKept));
    part.hidden = false;
    button.addEventListener("click", async () => {
      const wanted = button.getAttribute("aria-pressed") !== "true";
      try {
        if (wanted) await keep();
        else forget();
      } catch {
        window.hms.toast(part.dataset.failed);
        return;
      }
      button.setAttribute("aria-pressed", String(wanted));
      window.hms.toast(wanted ? part.dataset.kept : part.dataset.gone);
    });
  }
})();
