// Comforts only: every page does its whole work without this file. It runs before the first paint,
// so that a remembered theme never flashes the other one; what it finds in the page waits for it.
(function () {
  "use strict";
  const root = document.documentElement;

  // The theme: remembered for a year in a cookie that holds one word.
  const remembered = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(document.cookie);
  root.dataset.script = "";
  if (remembered) root.dataset.theme = remembered[1];

  function showTheme() {
    const chosen = root.dataset.theme || "auto";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
    }
  }

  function chooseTheme(choice) {
    const age = choice === "auto" ? 0 : 31536000;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${choice}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
    showTheme();
  }

  // A menu closes when one looks elsewhere; Escape gives the focus back to what opened it.
  function openMenus() {
    return document.querySelectorAll("details.menu[open]");
  }

  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Said in passing, gone after a while; `lasting` stays until the next one.
  const toasts = () => document.querySelector("[data-toasts]");

  function toast(words, lasting = false) {
    const frame = document.querySelector("template[data-toast-frame]");
    // An error page has no place for it.
    if (!frame) return;
    const said = frame.content.firstElementChild.cloneNode(true);
    said.querySelector("p").textContent = words;
    toasts().replaceChildren(said);
    if (!lasting) setTimeout(() => said.remove(), 6000);
  }

  window.hms = { toast };
  window.addEventListener("offline", () => toast(toasts()?.dataset.offline, true));
  window.addEventListener("online", () => toast(toasts()?.dataset.online));

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.addEventListener("click", () => chooseTheme(button.dataset.themeChoice));
    }
    showTheme();
    for (const button of document.querySelectorAll("[data-print]")) {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    }
  });

  // One press, one request. The button stays enabled for the browser, which still has to send its
  // name and value; only a second submit is swallowed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sending !== undefined) {
      event.preventDefault();
      return;
    }
    form.dataset.sending = "";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });

  // Back from the next page, the form is as it was before.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sending]")) {
      delete form.dataset.sending;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });
})();
