// Opens the page of a link with data-dialog in a dialog over the current page. If that page can't
// be shown in a dialog, the browser goes to it as usual.
(function () {
  "use strict";
  const frame = document.querySelector("template[data-dialog-frame]");
  if (!frame || !window.HTMLDialogElement) return;

  // The title of the page at that address and the part of it that belongs in a dialog, or null.
  async function fetchContent(address) {
    const response = await fetch(address);
    if (!response.ok || response.redirected) return null;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.querySelector("[data-dialog-part]");
    const title = page.querySelector("h1");
    if (!part || !title) return null;
    return { part: document.importNode(part, true), title: title.textContent };
  }

  async function open(link) {
    const dialog = frame.content.firstElementChild.cloneNode(true);
    const body = dialog.querySelector("[data-dialog-body]");
    const title = dialog.querySelector("h2");
    title.textContent = link.textContent.trim();
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => {
      // A click on the backdrop has the dialog element itself as its target.
      if (event.target === dialog) dialog.close();
      if (!event.target.closest("[data-dialog-close]")) return;
      event.preventDefault();
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    let content = null;
    try {
      content = await fetchContent(link.href);
    } catch {
      // A network error: the browser shows it when it goes to the page.
    }
    if (!dialog.open) return;
    if (!content) {
      location.assign(link.href);
      return;
    }
    for (const form of content.part.querySelectorAll("form:not([action])")) form.action = link.href;
    title.textContent = content.title;
    body.replaceChildren(content.part);
    body.removeAttribute("aria-busy");
    title.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.defaultPrevented || event.button) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
})();
