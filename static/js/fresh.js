// Keeps one part of the page as new as the database: [data-fresh] names where a newer one is
// fetched, data-fresh-watch the stream that says when, data-fresh-in the seconds after which it
// changes by itself. Only what differs is touched, so focus, scroll and entries stay.
(function () {
  "use strict";
  const part = document.querySelector("[data-fresh]");
  const news = document.querySelector("[data-fresh-news]");
  const FIRST_WAIT = 1000;
  const LONGEST_WAIT = 60000;
  const PATIENCE = 10000; // for one answer
  const SILENCE = 45000; // the stream beats every 20 s
  const MOST_TOLD = 3;
  let stream = null;
  let wait = FIRST_WAIT;
  let loading = Promise.resolve();
  let latest = "";
  let due = 0;
  const timers = {};

  function after(name, milliseconds, act) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(act, milliseconds);
  }

  // --- putting the newer part in the place of the older ---------------------------------------

  function mergeAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      // What the reader has unfolded stays so.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  // The older node that the newer one may change into; a node with an id only into its like.
  function counterpart(fresh, place, byId) {
    const found = fresh.id ? byId.get(fresh.id) : place;
    if (!found || found.nodeName !== fresh.nodeName || (found.id || "") !== (fresh.id || "")) {
      return null;
    }
    return found;
  }

  function merge(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    mergeAttributes(old, fresh);
    const staying = new Set([...fresh.children].map((child) => child.id));
    for (const child of [...old.children]) if (child.id && !staying.has(child.id)) child.remove();
    const byId = new Map([...old.children].map((child) => [child.id, child]));
    let place = old.firstChild;
    for (const node of [...fresh.childNodes]) {
      const found = counterpart(node, place, byId);
      if (!found) {
        old.insertBefore(document.importNode(node, true), place);
        continue;
      }
      if (found !== place) old.insertBefore(found, place);
      if (node.nodeType === Node.ELEMENT_NODE) merge(found, node);
      else if (found.nodeValue !== node.nodeValue) found.nodeValue = node.nodeValue;
      place = found.nextSibling;
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  // The words of the newer part, and of the older one for what is gone from it.
  function tell(fresh) {
    const told = new Map();
    for (const item of fresh.querySelectorAll("[data-fresh-state]")) {
      const before = document.getElementById(item.id);
      const { freshState, freshNew, freshChanged } = item.dataset;
      if (before && before.dataset.freshState === freshState) continue;
      const words = freshNew || (before && freshChanged);
      if (words) told.set(item.id, words);
    }
    for (const item of part.querySelectorAll("[data-fresh-gone]")) {
      if (!fresh.querySelector(`#${item.id}`)) told.set(item.id, item.dataset.freshGone);
    }
    return told;
  }

  // The focus goes to what holds the lost one's place, else to the part's heading.
  function inherit(heir) {
    if (heir) heir.focus({ preventScroll: true });
    if (!heir || document.activeElement !== heir) part.querySelector("[data-fresh-home]").focus();
  }

  function swap(fresh) {
    // A press is under way: what was pressed must not change, and the next page is new anyway.
    if (part.closest("form[data-sending]") || part.querySelector("form[data-sending]")) return;
    const told = tell(fresh);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const home = focused && focused.closest("[id]").id;
    fresh.dataset.freshLine = part.dataset.freshLine || "";
    merge(part, fresh);
    if (focused && !focused.isConnected) inherit(document.getElementById(home));
    for (const id of told.keys()) {
      const item = document.getElementById(id);
      if (item) item.dataset.freshTold = "";
    }
    const words = [...told.values()];
    if (words.length) {
      news.textContent = words.length > MOST_TOLD ? part.dataset.freshMany : words.join(" ");
    }
  }

  // --- hearing that there is something newer ----------------------------------------------------

  async function fetched(token) {
    const address = new URL(part.dataset.fresh, location.href);
    if (token) address.searchParams.set("v", token);
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = answer.ok && page.getElementById(part.id);
    // The sign-in page, say, after the session has run out.
    if (!fresh) throw new Error("no newer part");
    return fresh;
  }

  // One after the other: an answer that was overtaken must not come last.
  function load(token) {
    const turn = loading.then(async () => {
      swap(await fetched(token));
      plan();
    });
    loading = turn.catch(() => {});
    return turn;
  }

  function plan() {
    clearTimeout(timers.plan);
    const seconds = Number(part.dataset.freshIn);
    // Not everybody in the same moment.
    const pause = seconds * 1000 + Math.random() * Math.min(10000, seconds * 500);
    if (part.dataset.freshIn) after("plan", pause, () => load("").catch(retry));
  }

  function show(line) {
    part.dataset.freshLine = line;
  }

  function heard() {
    after("silence", SILENCE, retry);
  }

  function listen() {
    if (stream || document.hidden || !part.dataset.freshWatch) return;
    stream = new EventSource(part.dataset.freshWatch);
    stream.onopen = () => {
      show("live");
      heard();
    };
    stream.onmessage = (event) => {
      heard();
      const [token, spread] = event.data.split(" ");
      latest = token;
      const now = performance.now();
      const turn = now + Math.random() * Number(spread);
      // Told again meanwhile, it stays at the earlier turn: a busy doctor's page would never load,
      // and what is booked right after an outage would wait for its long spread.
      if (timers.told && due <= turn) return;
      due = turn;
      after("told", turn - now, () => {
        delete timers.told;
        load(latest).catch(retry);
      });
    };
    stream.addEventListener("beat", () => {
      wait = FIRST_WAIT;
      heard();
    });
    // The browser would try again by itself, everybody at once and with an old ticket.
    stream.onerror = retry;
  }

  function stop() {
    if (stream) stream.close();
    stream = null;
    for (const name of Object.keys(timers)) {
      clearTimeout(timers[name]);
      delete timers[name];
    }
  }

  function retry() {
    stop();
    if (document.hidden) return;
    show("away");
    after("retry", wait * (0.5 + Math.random()), start);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  function start() {
    stop();
    load("").then(listen).catch(retry);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else start();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) start();
  });
  // The page itself comes first; what changes meanwhile the ticket makes known.
  window.addEventListener("load", () => {
    after("retry", FIRST_WAIT, listen);
    plan();
    if (part.dataset.freshIn && !part.dataset.freshWatch) show("live");
  });
})();
