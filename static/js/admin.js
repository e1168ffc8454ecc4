// A field of the admin that looks its choices up is drawn by a script of Django's in place of the
// select that the label names. What is drawn gets the label's name as well, before its choice.
new MutationObserver((changes) => {
  for (const drawn of changes.flatMap((change) => [...change.addedNodes])) {
    const label = drawn.previousSibling?.labels?.[0];
    const combobox = drawn.querySelector?.(".select2-selection[role=combobox]");
    const choice = combobox?.querySelector("[role=textbox]");
    if (!label || !choice) continue;
    label.id ||= `${label.htmlFor}_label`;
    combobox.setAttribute("aria-labelledby", `${label.id} ${choice.id}`);
    choice.setAttribute("aria-labelledby", label.id);
  }
}).observe(document, { childList: true, subtree: true });
