// Optional: every page works without this file. It runs before the first paint, so that the page
// never flashes in the other theme; what needs the page's elements runs after DOMContentLoaded.
(function () {
  "use strict";
  const root = document.documentElement;

  const chosenTheme = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(document.cookie);
  root.dataset.script = "";
  if (chosenTheme) root.dataset.theme = chosenTheme[1];

  function showTheme() {
    const theme = root.dataset.theme || "auto";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
  }

  function chooseTheme(choice) {
    const age = choice === "auto" ? 0 : 31536000; // a year
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${choice}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
    showTheme();
  }

  // A menu closes when something outside it is clicked or focused. Escape closes it and moves the
  // focus to its button.
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

  const toasts = () => document.querySelector("[data-toasts]");

  // Shows a message at the bottom of the page, for six seconds or until the next message.
  function toast(text, untilNext = false) {
    const frame = document.querySelector("template[data-toast-frame]");
    // Error pages have no toasts.
    if (!frame) return;
    const message = frame.content.firstElementChild.cloneNode(true);
    message.querySelector("p").textContent = text;
    toasts().replaceChildren(message);
    if (!untilNext) setTimeout(() => message.remove(), 6000);
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

  // A form is sent only once, however often its button is pressed. The button is not disabled,
  // because the browser does not send the name and value of a disabled button.
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

  // The browser may show this page again from its cache when the reader goes back.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sending]")) {
      delete form.dataset.sending;
      for (const button of form.querySelectorAll("[aria-busy]")) {
        button.removeAttribute("aria-busy");
      }
    }
  });
})();
