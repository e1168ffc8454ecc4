// On the page without a net: the next visit, if its patient asked this device to keep it.
(function () {
  "use strict";
  const LONGEST = 30 * 24 * 3600 * 1000;

  function note() {
    try {
      return JSON.parse(localStorage.getItem("visit"));
    } catch {
      return null;
    }
  }

  const found = note();
  const visit = found && found.visit;
  const isOld = !found || Date.now() - Date.parse(found.made_at) > LONGEST;
  if (visit && (isOld || Date.parse(visit.ends_at) < Date.now())) localStorage.removeItem("visit");
  else if (visit) {
    for (const place of document.querySelectorAll("[data-visit]")) {
      const words = visit[place.dataset.visit] || "";
      if (place.matches("a")) place.href = `tel:${words.replace(/[^+0-9]/g, "")}`;
      place.textContent = words;
      const row = place.closest("[data-visit-row]");
      if (row) row.hidden = !words;
    }
    document.querySelector("[data-visit-known]").hidden = false;
    document.querySelector("[data-visit-unknown]").hidden = true;
  }

  window.addEventListener("online", () => location.reload());
})();
