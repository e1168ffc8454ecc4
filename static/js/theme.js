// Runs before the first paint, so that a remembered choice never flashes the other one.
(function () {
  var root = document.documentElement;
  var match = /(?:^|;\s*)theme=(light|dark)(?:;|$)/.exec(document.cookie);
  root.dataset.script = "";
  if (match) root.dataset.theme = match[1];
})();
