// Labels the admin's autocomplete fields for screen readers. Django's script replaces the labelled
// <select> by a combobox without a name: here the combobox gets the label's text and its value.
new MutationObserver((changes) => {
  for (const added of changes.flatMap((change) => [...change.addedNodes])) {
    const label = added.previousSibling?.labels?.[0];
    const combobox = added.querySelector?.(".select2-selection[role=combobox]");
    const value = combobox?.querySelector("[role=textbox]");
    if (!label || !value) continue;
    label.id ||= `${label.htmlFor}_label`;
    combobox.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
    value.setAttribute("aria-labelledby", label.id);
  }
}).observe(document, { childList: true, subtree: true });
