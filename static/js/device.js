// Loaded on every page of a logged-in user: saves their next appointment on this device if they
// ask for it, and removes it when they log out or somebody else logs in.
(function () {
  "use strict";
  const KEY = "visit";
  const { reader, logout, nextVisit, worker } = document.body.dataset;

  function remove() {
    localStorage.removeItem(KEY);
  }

  function isSaved() {
    let note = null;
    try {
      note = JSON.parse(localStorage.getItem(KEY));
    } catch {
      // Not valid JSON: treated as absent.
    }
    if (note && note.reader === reader) return true;
    // Another user may have saved it on this device without logging out.
    remove();
    return false;
  }

  async function save() {
    const response = await fetch(nextVisit);
    if (!response.ok) throw new Error(response.status);
    localStorage.setItem(KEY, JSON.stringify({ reader, ...(await response.json()) }));
  }

  // The logout response clears the storage as well; this works without a response, too.
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action).pathname === logout) remove();
  });

  const wasSaved = isSaved();
  if (!nextVisit) return;
  // Browsers refuse service workers in private windows: there is no offline page then.
  if (navigator.serviceWorker) navigator.serviceWorker.register(worker).catch(() => {});
  // Offline, the saved appointment stays; the offline page shows when it was saved.
  if (wasSaved) save().catch(() => {});

  for (const part of document.querySelectorAll("[data-keep]")) {
    const button = part.querySelector("button");
    button.setAttribute("aria-pressed", String(wasSaved));
    part.hidden = false;
    button.addEventListener("click", async () => {
      const shouldSave = button.getAttribute("aria-pressed") !== "true";
      try {
        if (shouldSave) await save();
        else remove();
      } catch {
        window.hms.toast(part.dataset.failed);
        return;
      }
      button.setAttribute("aria-pressed", String(shouldSave));
      window.hms.toast(shouldSave ? part.dataset.kept : part.dataset.gone);
    });
  }
})();
