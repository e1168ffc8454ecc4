// A step that asks once has a page of its own. Where this script runs, the question opens over the
// page that it was asked from; whatever is not as expected goes to that page instead.
(function () {
  "use strict";
  const frame = document.querySelector("template[data-dialog-frame]");
  if (!frame || !window.HTMLDialogElement) return;

  async function question(address) {
    const answer = await fetch(address);
    if (!answer.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = page.querySelector("[data-dialog-part]");
    const title = page.querySelector("h1");
    return part && title ? { part: document.importNode(part, true), title: title.textContent } : null;
  }

  async function ask(link) {
    const dialog = frame.content.firstElementChild.cloneNode(true);
    const body = dialog.querySelector("[data-dialog-body]");
    const title = dialog.querySelector("h2");
    title.textContent = link.textContent.trim();
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => {
      // The dialog itself is hit only beside its content: on what lies behind it.
      if (event.target === dialog) dialog.close();
      if (!event.target.closest("[data-dialog-close]")) return;
      event.preventDefault();
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    let found = null;
    try {
      found = await question(link.href);
    } catch {
      // No net, or a page cut short: the page itself will say so.
    }
    if (!dialog.open) return;
    if (!found) {
      location.assign(link.href);
      return;
    }
    for (const form of found.part.querySelectorAll("form:not([action])")) form.action = link.href;
    title.textContent = found.title;
    body.replaceChildren(found.part);
    body.removeAttribute("aria-busy");
    title.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.defaultPrevented || event.button) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    ask(link);
  });
})();
