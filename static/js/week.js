// The doctor's week as a calendar to drag in. It shows the very slots that the table on the page
// lists, and every change goes through the server, which answers with the week as it is then.
(function () {
  "use strict";
  const page = document.querySelector("[data-calendar-script]");
  if (!page) return;
  const say = page.dataset;
  const part = page.querySelector("[data-week-part]");
  const place = page.querySelector("[data-week-calendar]");
  const dialog = page.querySelector("[data-week-dialog]");
  const form = page.querySelector("[data-week-publish]");
  const refused = page.querySelector("[data-week-refused]");
  const toast = page.querySelector("[data-week-toast]");
  const toastForm = page.querySelector("[data-week-form]");
  const toastUndo = page.querySelector("[data-week-undo]");
  const roomy = matchMedia("(min-width: 60rem)");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const shown = new Map(); // a slot's id: its element in the calendar
  let calendar = null;
  let slots = [];
  let madeAt = 0;

  // --- what the table says ---------------------------------------------------------------------

  // Times are the clinic's wall clock, as text: no zone of the browser's ever touches them.
  const wall = (date) => date.toISOString().slice(0, 16);
  const clock = (text) => text.slice(11, 16);
  const fill = (pattern, words) => pattern.replace(/\{(\w+)\}/g, (_all, name) => words[name]);
  const fromTo = (start, end) => fill(say.sayFromTo, { start: clock(start), end: clock(end) });

  function title() {
    return part.querySelector("[data-week]").dataset;
  }

  function now() {
    const elapsed = performance.now() - madeAt;
    return wall(new Date(Date.parse(`${title().now}:00Z`) + elapsed));
  }

  function readSlots() {
    madeAt = performance.now();
    slots = [...part.querySelectorAll("[data-slot]")].map((item) => {
      const { slot, state, start, end, zone, moveUrl } = item.dataset;
      const url = item.querySelector("a")?.getAttribute("href");
      return { id: slot, state, start, end, zone, moveUrl, url, words: item.querySelector(".chip") };
    });
    return slots;
  }

  function asEvent(slot) {
    return {
      id: slot.id,
      start: slot.start,
      end: slot.end,
      ...(slot.url && { url: slot.url }),
      editable: Boolean(slot.moveUrl),
      classNames: ["week-event", `week-event--${slot.state}`],
    };
  }

  function clockChanges() {
    return [...part.querySelectorAll("[data-clock-change]")]
      .filter((note) => note.dataset.zone === title().zone)
      .map(({ dataset }) => ({
        start: dataset.from,
        end: dataset.until,
        title: dataset.words,
        display: "background",
        classNames: ["week-gap"],
      }));
  }

  // After a change of ours; what others change static/js/fresh.js puts there.
  function takeIn(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
    part.replaceChildren(...fresh.childNodes);
  }

  // While one drags, what is dragged over must not change.
  let dragging = false;
  let drawn = "";

  const table = () => part.querySelector("table").textContent;

  function follow() {
    if (!calendar || dragging || drawn === table()) return;
    drawn = table();
    calendar.refetchEvents();
  }

  function hold(held) {
    dragging = held;
    follow();
  }

  // --- the first and last hour, how tall an hour is -----------------------------------------------

  function hours() {
    const from = slots.map((slot) => Number(slot.start.slice(11, 13)));
    const until = slots.map((slot) =>
      slot.end.slice(0, 10) > slot.start.slice(0, 10) ? 24 : Math.ceil(
        Number(slot.end.slice(11, 13)) + Number(slot.end.slice(14, 16)) / 60));
    const hour = (number) => `${String(number).padStart(2, "0")}:00:00`;
    return { slotMinTime: hour(Math.min(7, ...from)), slotMaxTime: hour(Math.max(19, ...until)) };
  }

  function scale() {
    const minutes = slots.map((slot) => (Date.parse(slot.end) - Date.parse(slot.start)) / 60000);
    return Math.min(60, ...minutes) < 20 ? "fine" : "usual";
  }

  // --- what stands in the way, said while one still drags -----------------------------------------

  function obstacle(start, end, own) {
    const zone = own ? own.zone : title().zone;
    const midnight = clock(end) === "00:00" && Date.parse(end) - Date.parse(start) <= 86400000;
    if (zone === title().zone && start <= now()) return { words: say.sayPast };
    if (start.slice(0, 10) !== end.slice(0, 10) && !midnight) return { words: say.sayOneDay };
    const taken = slots.find((slot) =>
      slot !== own && slot.zone === zone && slot.start < end && slot.end > start);
    if (!taken) return null;
    return { taken, words: `${say.sayOverlap} ${taken.words.textContent.replace(/\s+/g, " ").trim()}` };
  }

  function mark(slot) {
    for (const [id, element] of shown) {
      element.classList.toggle("week-event--in-the-way", Boolean(slot) && slot.id === id);
    }
  }

  function allows(span, event) {
    const own = event && slots.find((slot) => slot.id === event.id);
    const found = obstacle(wall(span.start), wall(span.end), own);
    mark(found && found.taken);
    if (found) tell(found.words);
    else hush();
    return !found;
  }

  // --- the message at the bottom ------------------------------------------------------------------

  function tell(words, { undo = null, form: address = "" } = {}) {
    const region = toast.querySelector("[data-week-said]");
    if (region.textContent !== words) region.textContent = words;
    toastForm.hidden = !address;
    if (address) toastForm.href = address;
    toastUndo.hidden = !undo;
    toastUndo.onclick = undo;
    toast.hidden = false;
  }

  function hush() {
    toast.hidden = true;
  }

  // --- sending ------------------------------------------------------------------------------------

  async function send(url, fields) {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("week", title().week);
    place.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(url, { method: "POST", body, redirect: "manual" });
      return await response.json();
    } catch {
      return { refused: [say.sayFailed] };
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  function undoing(undo) {
    return undo && (async () => {
      const answer = await send(undo.url, undo.fields);
      if (answer.week) takeIn(answer.week);
      tell(answer.said || answer.refused.join(" "));
    });
  }

  async function move({ event, revert }) {
    mark(null);
    const slot = slots.find(({ id }) => id === event.id);
    const [start, end] = [wall(event.start), wall(event.end)];
    const fields = { day: start.slice(0, 10), starts: clock(start), ends: clock(end) };
    const answer = await send(slot.moveUrl, fields);
    if (answer.week) {
      takeIn(answer.week);
      tell(answer.said, { undo: undoing(answer.undo) });
    } else {
      revert();
      tell(answer.refused.join(" "), { form: answer.form });
    }
  }

  // --- publishing what was dragged over -----------------------------------------------------------

  function ask(span) {
    const [start, end] = [wall(span.start), wall(span.end)];
    const day = part.querySelector(`[data-day="${start.slice(0, 10)}"]`).dataset.words;
    form.elements.day.value = start.slice(0, 10);
    form.elements.starts.value = clock(start);
    form.elements.ends.value = clock(end);
    form.querySelector("[data-week-span]").textContent =
      fill(say.sayDayAndTime, { day, time: fromTo(start, end) });
    // An hour and more is rarely one visit.
    form.elements.shape.value = span.end - span.start > 3600000 ? "row" : "slot";
    refused.hidden = true;
    hush();
    dialog.showModal();
  }

  async function publish(event) {
    event.preventDefault();
    const answer = await send(say.publishUrl, new FormData(form));
    if (answer.week) {
      dialog.close();
      takeIn(answer.week);
      tell(answer.said, { undo: undoing(answer.undo) });
      return;
    }
    refused.textContent = answer.refused.join(" ");
    refused.hidden = false;
  }

  // --- the calendar -------------------------------------------------------------------------------

  // FullCalendar writes its rules into the <style data-fullcalendar> that it finds. Our policy
  // allows no such element, so it finds a stand-in whose rules go to a constructed stylesheet, in
  // the layer under our own.
  function takeStyles() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("@layer vendor {}");
    document.adoptedStyleSheets.push(sheet);
    const standIn = document.createElementNS("urn:hms", "style");
    standIn.setAttribute("data-fullcalendar", "");
    const layer = sheet.cssRules[0];
    standIn.sheet = {
      cssRules: layer.cssRules,
      // Its icons' font, which we don't use, stands in the rule itself: the policy forbids that too.
      insertRule: (rule) => rule.startsWith("@font-face") || layer.insertRule(rule, layer.cssRules.length),
    };
    document.head.append(standIn);
  }

  function load() {
    takeStyles();
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = say.calendarScript;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  function words({ event, isMirror }) {
    if (event.display === "background") return event.title;
    const slot = slots.find(({ id }) => id === event.id);
    const box = document.createElement("div");
    box.className = "week-event__words";
    if (slot) box.append(...slot.words.cloneNode(true).childNodes);
    else box.append(document.createElement("time"));
    const [start, end] = [wall(event.start), wall(event.end)];
    if (!slot || isMirror || slot.start !== start || slot.end !== end) {
      box.querySelector("time").textContent = fromTo(start, end);
    }
    return { domNodes: [box] };
  }

  function dayName({ date }) {
    const head = part.querySelector(`[data-day="${wall(date).slice(0, 10)}"] th`);
    const box = document.createElement("div");
    box.className = "week-calendar__day";
    if (head) box.append(...head.cloneNode(true).childNodes);
    return { domNodes: [box] };
  }

  function options() {
    readSlots();
    return {
      initialView: "timeGridWeek",
      initialDate: title().monday,
      timeZone: "UTC", // the wall clock as it stands in the table, moved by nobody
      now,
      nowIndicator: true,
      direction: document.documentElement.dir,
      locale: document.documentElement.lang,
      firstDay: 1,
      headerToolbar: false,
      allDaySlot: false,
      height: "auto",
      ...hours(),
      // As fine as the snapping: a drag starts from the middle of the row that was gripped.
      slotDuration: "00:05",
      slotLabelInterval: "01:00",
      slotEventOverlap: false,
      eventMinHeight: 22,
      dragRevertDuration: still.matches ? 0 : 150,
      selectable: true,
      selectMirror: true,
      selectMinDistance: 4,
      unselectAuto: false,
      slotLabelContent: ({ date }) => clock(wall(date)),
      dayHeaderContent: dayName,
      eventContent: words,
      eventDidMount: ({ event, el, isMirror }) => isMirror || shown.set(event.id, el),
      eventWillUnmount: ({ event, el }) => shown.get(event.id) === el && shown.delete(event.id),
      events: (_span, done) => done([...readSlots().map(asEvent), ...clockChanges()]),
      selectAllow: (span) => allows(span),
      eventAllow: allows,
      select: ask,
      eventDragStart: () => hold(true),
      eventDragStop: () => hold(false),
      eventResizeStart: () => hold(true),
      eventResizeStop: () => hold(false),
      eventDrop: move,
      eventResize: move,
    };
  }

  async function showCalendar() {
    if (calendar || !roomy.matches || page.dataset.view !== "calendar") return;
    try {
      if (!window.FullCalendar) await load();
      calendar = new window.FullCalendar.Calendar(place, options());
      place.dataset.scale = scale();
      drawn = table();
      calendar.render();
    } catch {
      choose("table");
      tell(say.sayNoCalendar);
    }
  }

  // --- table or calendar --------------------------------------------------------------------------

  const choices = page.querySelectorAll("[data-week-view]");

  function choose(view) {
    page.dataset.view = view;
    for (const button of choices) {
      button.setAttribute("aria-pressed", String(button.dataset.weekView === view));
    }
    showCalendar().then(() => calendar && calendar.updateSize());
  }

  for (const button of choices) {
    button.addEventListener("click", () => {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie =
        `week_view=${button.dataset.weekView}; Path=/week/; Max-Age=31536000; SameSite=Lax${secure}`;
      choose(button.dataset.weekView);
    });
  }

  // What can't be moved says why as soon as somebody tries, and is not dragged away as a link.
  let held = null;

  place.addEventListener("dragstart", (event) => event.preventDefault());
  place.addEventListener("pointerdown", (event) => {
    const found = [...shown].find(([, element]) => element.contains(event.target));
    const slot = found && slots.find(({ id }) => id === found[0]);
    held = slot && !slot.moveUrl ? { slot, x: event.clientX, y: event.clientY } : null;
  });
  place.addEventListener("pointermove", (event) => {
    if (!held || !event.buttons) return;
    if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < 8) return;
    tell(held.slot.state === "booked" ? say.sayBooked : say.sayByForm);
    held = null;
  });
  document.addEventListener("pointerup", () => mark(null));
  form.addEventListener("submit", publish);
  form.querySelector("[data-week-cancel]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => calendar.unselect());
  toast.querySelector("[data-week-close]").addEventListener("click", hush);
  roomy.addEventListener("change", showCalendar);

  new MutationObserver(follow).observe(part, { childList: true, subtree: true, attributes: true });
  choose(page.dataset.view);
})();
