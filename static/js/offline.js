// On the offline page: shows the next appointment if the patient saved it on this device.
(function () {
  "use strict";
  const LONGEST_AGE = 30 * 24 * 3600 * 1000;

  function readNote() {
    try {
      return JSON.parse(localStorage.getItem("visit"));
    } catch {
      return null;
    }
  }

  const note = readNote();
  const visit = note && note.visit;
  const isOld = !note || Date.now() - Date.parse(note.made_at) > LONGEST_AGE;
  if (visit && (isOld || Date.parse(visit.ends_at) < Date.now())) localStorage.removeItem("visit");
  else if (visit) {
    for (const element of document.querySelectorAll("[data-visit]")) {
      const text = visit[element.dataset.visit] || "";
      if (element.matches("a")) element.href = `tel:${text.replace(/[^+0-9]/g, "")}`;
      element.textContent = text;
      const row = element.closest("[data-visit-row]");
      if (row) row.hidden = !text;
    }
    document.querySelector("[data-visit-known]").hidden = false;
    document.querySelector("[data-visit-unknown]").hidden = true;
  }

  window.addEventListener("online", () => location.reload());
})();
