// Updates one part of a page when the data behind it changes. On that part, [data-fresh] is the
// address of its newest version, data-fresh-watch the event stream that reports changes, and
// data-fresh-in the seconds after which the part goes out of date without any event.
(function () {
  "use strict";
  const part = document.querySelector("[data-fresh]");
  const status = document.querySelector("[data-fresh-news]");
  const FIRST_DELAY = 1000;
  const LONGEST_DELAY = 60000;
  const FETCH_TIMEOUT = 10000;
  const STREAM_TIMEOUT = 45000; // the server sends a heartbeat every 20 s
  const MOST_ANNOUNCEMENTS = 3; // more are announced by one sentence
  let stream = null;
  let retryDelay = FIRST_DELAY;
  let lastLoad = Promise.resolve();
  let latestToken = "";
  let loadDue = 0;
  const timers = {};

  function setTimer(name, milliseconds, action) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(action, milliseconds);
  }

  // --- updating the part in place ---------------------------------------------------------------

  function isEdited(control) {
    if (control.matches("select")) {
      return [...control.options].some((option) => option.selected !== option.defaultSelected);
    }
    if (control.matches("[type=checkbox], [type=radio]")) {
      return control.checked !== control.defaultChecked;
    }
    return control.matches("input, textarea") && control.value !== control.defaultValue;
  }

  const callbacks = {
    // Idiomorph would reset a form control to the server's value.
    beforeNodeMorphed: (node) => node.nodeType !== Node.ELEMENT_NODE || !isEdited(node),
    // The reader opens and closes details and dialogs, not the server.
    beforeAttributeUpdated: (name) => name !== "open",
  };

  // The sentences for a screen reader, by the id of the item that each is about. The sentence for
  // a new or changed item comes from the new part, for a removed item from the current one.
  function announcements(fresh) {
    const sentences = new Map();
    for (const item of fresh.querySelectorAll("[data-fresh-state]")) {
      const current = document.getElementById(item.id);
      const { freshState, freshNew, freshChanged } = item.dataset;
      if (current && current.dataset.freshState === freshState) continue;
      const sentence = freshNew || (current && freshChanged);
      if (sentence) sentences.set(item.id, sentence);
    }
    for (const item of part.querySelectorAll("[data-fresh-gone]")) {
      if (!fresh.querySelector(`#${item.id}`)) sentences.set(item.id, item.dataset.freshGone);
    }
    return sentences;
  }

  // A moved element can lose the focus; from a removed one it goes to the element that contained
  // it, or to the part's heading if that element is gone too.
  function restoreFocus(focused, containerId) {
    const target = focused.isConnected ? focused : document.getElementById(containerId);
    if (target) target.focus({ preventScroll: true });
    if (target && document.activeElement === target) return;
    part.querySelector("[data-fresh-home]").focus();
  }

  function update(fresh) {
    // A form is being sent: its button must not change, and the next page is up to date anyway.
    if (part.closest("form[data-sending]") || part.querySelector("form[data-sending]")) return;
    const sentences = announcements(fresh);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const containerId = focused && focused.closest("[id]").id;
    fresh.dataset.freshConnection = part.dataset.freshConnection || "";
    Idiomorph.morph(part, fresh, { callbacks });
    if (focused && document.activeElement !== focused) restoreFocus(focused, containerId);
    for (const id of sentences.keys()) {
      const item = document.getElementById(id);
      if (item) item.dataset.freshHighlight = "";
    }
    if (sentences.size > MOST_ANNOUNCEMENTS) status.textContent = part.dataset.freshMany;
    else if (sentences.size) status.textContent = [...sentences.values()].join(" ");
  }

  // --- learning that there is a newer version ---------------------------------------------------

  async function fetchPart(token) {
    const address = new URL(part.dataset.fresh, location.href);
    if (token) address.searchParams.set("v", token);
    const response = await fetch(address, { signal: AbortSignal.timeout(FETCH_TIMEOUT) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = response.ok && page.getElementById(part.id);
    // For example the login page, after the session has expired.
    if (!fresh) throw new Error("the response does not contain the part");
    return fresh;
  }

  // One load at a time, so that an older response can't replace a newer one.
  function load(token) {
    const thisLoad = lastLoad.then(async () => {
      update(await fetchPart(token));
      scheduleReload();
    });
    lastLoad = thisLoad.catch(() => {});
    return thisLoad;
  }

  function scheduleReload() {
    clearTimeout(timers.reload);
    if (!part.dataset.freshIn) return;
    const seconds = Number(part.dataset.freshIn);
    // A random share more, so that open pages don't all load at the same moment.
    const delay = seconds * 1000 + Math.random() * Math.min(10000, seconds * 500);
    setTimer("reload", delay, () => load("").catch(retry));
  }

  function showConnection(state) {
    part.dataset.freshConnection = state;
  }

  function expectHeartbeat() {
    setTimer("heartbeat", STREAM_TIMEOUT, retry);
  }

  function listen() {
    if (stream || document.hidden || !part.dataset.freshWatch) return;
    stream = new EventSource(part.dataset.freshWatch);
    stream.onopen = () => {
      showConnection("live");
      expectHeartbeat();
    };
    stream.onmessage = (event) => {
      expectHeartbeat();
      const [token, spread] = event.data.split(" ");
      latestToken = token;
      const now = performance.now();
      const due = now + Math.random() * Number(spread);
      // A load that is already due earlier stays. If each event postponed it, the page of a busy
      // doctor would never load, and a booking right after an outage would show as late as the
      // long spread that follows an outage.
      if (timers.load && loadDue <= due) return;
      loadDue = due;
      setTimer("load", due - now, () => {
        delete timers.load;
        load(latestToken).catch(retry);
      });
    };
    stream.addEventListener("beat", () => {
      retryDelay = FIRST_DELAY;
      expectHeartbeat();
    });
    // An EventSource would reconnect by itself, but all pages at once and with an expired ticket.
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
    showConnection("away");
    setTimer("retry", retryDelay * (0.5 + Math.random()), start);
    retryDelay = Math.min(retryDelay * 2, LONGEST_DELAY);
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
  // The page loads first. The ticket holds the time at which the page was rendered, so the server
  // reports any change since then.
  window.addEventListener("load", () => {
    setTimer("retry", FIRST_DELAY, listen);
    scheduleReload();
    if (part.dataset.freshIn && !part.dataset.freshWatch) showConnection("live");
  });
})();
