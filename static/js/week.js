// Shows the doctor's week as a calendar in which slots can be created, moved and resized by mouse.
// It reads its slots from the table on the page. Each change is sent to the server, whose response
// contains the new table.
(function () {
  "use strict";
  const page = document.querySelector("[data-calendar-script]");
  if (!page) return;
  const data = page.dataset;
  const part = page.querySelector("[data-week-part]");
  const calendarBox = page.querySelector("[data-week-calendar]");
  const dialog = page.querySelector("[data-week-dialog]");
  const form = page.querySelector("[data-week-publish]");
  const refused = page.querySelector("[data-week-refused]");
  const toast = page.querySelector("[data-week-toast]");
  const toastForm = page.querySelector("[data-week-form]");
  const toastUndo = page.querySelector("[data-week-undo]");
  const wideScreen = matchMedia("(min-width: 60rem)");
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  const eventElements = new Map(); // from a slot's id to its element in the calendar
  let calendar = null;
  let slots = [];
  let readAt = 0;

  // --- reading the table -------------------------------------------------------------------------

  // Times are text in the clinic's local time. FullCalendar gets them as UTC, so that the browser's
  // time zone never changes them.
  const localText = (date) => date.toISOString().slice(0, 16);
  const clock = (text) => text.slice(11, 16);
  const format = (pattern, values) =>
    pattern.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
  const timeRange = (start, end) =>
    format(data.sayFromTo, { start: clock(start), end: clock(end) });

  function weekData() {
    return part.querySelector("[data-week]").dataset;
  }

  function now() {
    const elapsed = performance.now() - readAt;
    return localText(new Date(Date.parse(`${weekData().now}:00Z`) + elapsed));
  }

  function readSlots() {
    readAt = performance.now();
    slots = [...part.querySelectorAll("[data-slot]")].map((item) => {
      const { slot, state, start, end, zone, moveUrl } = item.dataset;
      const url = item.querySelector("a")?.getAttribute("href");
      const chip = item.querySelector(".chip");
      return { id: slot, state, start, end, zone, moveUrl, url, chip };
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
      .filter((note) => note.dataset.zone === weekData().zone)
      .map(({ dataset }) => ({
        start: dataset.from,
        end: dataset.until,
        title: dataset.words,
        display: "background",
        classNames: ["week-gap"],
      }));
  }

  // After this page's own change; static/js/fresh.js does it for the changes of others.
  function replaceTable(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
    part.replaceChildren(...fresh.childNodes);
  }

  let isDragging = false;
  let drawnText = "";

  const tableText = () => part.querySelector("table").textContent;

  // Draws the calendar again if the table has changed; during a drag, after the drag has ended.
  function redraw() {
    if (!calendar || isDragging || drawnText === tableText()) return;
    drawnText = tableText();
    calendar.refetchEvents();
  }

  function setDragging(value) {
    isDragging = value;
    redraw();
  }

  // --- the first and last hour shown, the height of an hour ---------------------------------------

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

  // --- checking a time while it is being dragged -------------------------------------------------

  // Why the time can't be used: a sentence, and the slot that it overlaps, if any. Null if it can.
  // `own` is the slot that is being moved, if any.
  function findConflict(start, end, own) {
    const zone = own ? own.zone : weekData().zone;
    const midnight = clock(end) === "00:00" && Date.parse(end) - Date.parse(start) <= 86400000;
    if (zone === weekData().zone && start <= now()) return { reason: data.sayPast };
    if (start.slice(0, 10) !== end.slice(0, 10) && !midnight) return { reason: data.sayOneDay };
    const taken = slots.find((slot) =>
      slot !== own && slot.zone === zone && slot.start < end && slot.end > start);
    if (!taken) return null;
    const chipText = taken.chip.textContent.replace(/\s+/g, " ").trim();
    return { taken, reason: `${data.sayOverlap} ${chipText}` };
  }

  function mark(slot) {
    for (const [id, element] of eventElements) {
      element.classList.toggle("week-event--in-the-way", Boolean(slot) && slot.id === id);
    }
  }

  function isAllowed(span, event) {
    const own = event && slots.find((slot) => slot.id === event.id);
    const conflict = findConflict(localText(span.start), localText(span.end), own);
    mark(conflict && conflict.taken);
    if (conflict) showMessage(conflict.reason);
    else hideMessage();
    return !conflict;
  }

  // --- the message at the bottom -----------------------------------------------------------------

  function showMessage(text, { undo = null, form: address = "" } = {}) {
    const region = toast.querySelector("[data-week-message]");
    if (region.textContent !== text) region.textContent = text;
    toastForm.hidden = !address;
    if (address) toastForm.href = address;
    toastUndo.hidden = !undo;
    toastUndo.onclick = undo;
    toast.hidden = false;
  }

  function hideMessage() {
    toast.hidden = true;
  }

  // --- sending -----------------------------------------------------------------------------------

  async function send(url, fields) {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("week", weekData().week);
    calendarBox.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(url, { method: "POST", body, redirect: "manual" });
      return await response.json();
    } catch {
      return { refused: [data.sayFailed] };
    } finally {
      calendarBox.removeAttribute("aria-busy");
    }
  }

  // The action of the Undo button, from the server's description of it; null if there is none.
  function undoHandler(undo) {
    return undo && (async () => {
      const answer = await send(undo.url, undo.fields);
      if (answer.week) replaceTable(answer.week);
      showMessage(answer.message || answer.refused.join(" "));
    });
  }

  async function saveTimes({ event, revert }) {
    mark(null);
    const slot = slots.find(({ id }) => id === event.id);
    const [start, end] = [localText(event.start), localText(event.end)];
    const fields = { day: start.slice(0, 10), starts: clock(start), ends: clock(end) };
    const answer = await send(slot.moveUrl, fields);
    if (answer.week) {
      replaceTable(answer.week);
      showMessage(answer.message, { undo: undoHandler(answer.undo) });
    } else {
      revert();
      showMessage(answer.refused.join(" "), { form: answer.form });
    }
  }

  // --- publishing a free time that was dragged over ----------------------------------------------

  function openDialog(span) {
    const [start, end] = [localText(span.start), localText(span.end)];
    const day = part.querySelector(`[data-day="${start.slice(0, 10)}"]`).dataset.words;
    form.elements.day.value = start.slice(0, 10);
    form.elements.starts.value = clock(start);
    form.elements.ends.value = clock(end);
    form.querySelector("[data-week-span]").textContent =
      format(data.sayDayAndTime, { day, time: timeRange(start, end) });
    // More than an hour is rarely a single slot.
    form.elements.shape.value = span.end - span.start > 3600000 ? "row" : "slot";
    refused.hidden = true;
    hideMessage();
    dialog.showModal();
  }

  async function publish(event) {
    event.preventDefault();
    const answer = await send(data.publishUrl, new FormData(form));
    if (answer.week) {
      dialog.close();
      replaceTable(answer.week);
      showMessage(answer.message, { undo: undoHandler(answer.undo) });
      return;
    }
    refused.textContent = answer.refused.join(" ");
    refused.hidden = false;
  }

  // --- the calendar ------------------------------------------------------------------------------

  // FullCalendar inserts its CSS rules into the element style[data-fullcalendar], if there is one.
  // The content security policy forbids style elements, so the page gets an element of another
  // namespace, whose rules go to a constructed stylesheet, in the layer `vendor`.
  function prepareStyles() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("@layer vendor {}");
    document.adoptedStyleSheets.push(sheet);
    const substitute = document.createElementNS("urn:hms", "style");
    substitute.setAttribute("data-fullcalendar", "");
    const layer = sheet.cssRules[0];
    substitute.sheet = {
      cssRules: layer.cssRules,
      // Its icon font, which we don't use, is a data: URL, which the policy forbids too.
      insertRule: (rule) =>
        rule.startsWith("@font-face") || layer.insertRule(rule, layer.cssRules.length),
    };
    document.head.append(substitute);
  }

  function load() {
    prepareStyles();
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = data.calendarScript;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  function eventContent({ event, isMirror }) {
    if (event.display === "background") return event.title;
    const slot = slots.find(({ id }) => id === event.id);
    const box = document.createElement("div");
    box.className = "week-event__words";
    if (slot) box.append(...slot.chip.cloneNode(true).childNodes);
    else box.append(document.createElement("time"));
    const [start, end] = [localText(event.start), localText(event.end)];
    if (!slot || isMirror || slot.start !== start || slot.end !== end) {
      box.querySelector("time").textContent = timeRange(start, end);
    }
    return { domNodes: [box] };
  }

  function dayHeaderContent({ date }) {
    const head = part.querySelector(`[data-day="${localText(date).slice(0, 10)}"] th`);
    const box = document.createElement("div");
    box.className = "week-calendar__day";
    if (head) box.append(...head.cloneNode(true).childNodes);
    return { domNodes: [box] };
  }

  function options() {
    readSlots();
    return {
      initialView: "timeGridWeek",
      initialDate: weekData().monday,
      timeZone: "UTC", // so that the local times of the table are shown unchanged
      now,
      nowIndicator: true,
      direction: document.documentElement.dir,
      locale: document.documentElement.lang,
      firstDay: 1,
      headerToolbar: false,
      allDaySlot: false,
      height: "auto",
      ...hours(),
      // As short as the step of a drag, because a drag starts from the middle of a row.
      slotDuration: "00:05",
      slotLabelInterval: "01:00",
      slotEventOverlap: false,
      eventMinHeight: 22,
      dragRevertDuration: reducedMotion.matches ? 0 : 150,
      selectable: true,
      selectMirror: true,
      selectMinDistance: 4,
      unselectAuto: false,
      slotLabelContent: ({ date }) => clock(localText(date)),
      dayHeaderContent,
      eventContent,
      eventDidMount: ({ event, el, isMirror }) => isMirror || eventElements.set(event.id, el),
      eventWillUnmount: ({ event, el }) =>
        eventElements.get(event.id) === el && eventElements.delete(event.id),
      events: (_span, done) => done([...readSlots().map(asEvent), ...clockChanges()]),
      selectAllow: (span) => isAllowed(span),
      eventAllow: isAllowed,
      select: openDialog,
      eventDragStart: () => setDragging(true),
      eventDragStop: () => setDragging(false),
      eventResizeStart: () => setDragging(true),
      eventResizeStop: () => setDragging(false),
      eventDrop: saveTimes,
      eventResize: saveTimes,
    };
  }

  async function showCalendar() {
    if (calendar || !wideScreen.matches || page.dataset.view !== "calendar") return;
    try {
      if (!window.FullCalendar) await load();
      calendar = new window.FullCalendar.Calendar(calendarBox, options());
      calendarBox.dataset.scale = scale();
      drawnText = tableText();
      calendar.render();
    } catch {
      chooseView("table");
      showMessage(data.sayNoCalendar);
    }
  }

  // --- table or calendar -------------------------------------------------------------------------

  const choices = page.querySelectorAll("[data-week-view]");

  function chooseView(view) {
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
      chooseView(button.dataset.weekView);
    });
  }

  // Dragging a slot that can't be moved shows the reason. The browser must not drag it as a link.
  let pressed = null;

  calendarBox.addEventListener("dragstart", (event) => event.preventDefault());
  calendarBox.addEventListener("pointerdown", (event) => {
    const entry = [...eventElements].find(([, element]) => element.contains(event.target));
    const slot = entry && slots.find(({ id }) => id === entry[0]);
    pressed = slot && !slot.moveUrl ? { slot, x: event.clientX, y: event.clientY } : null;
  });
  calendarBox.addEventListener("pointermove", (event) => {
    if (!pressed || !event.buttons) return;
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 8) return;
    showMessage(pressed.slot.state === "booked" ? data.sayBooked : data.sayByForm);
    pressed = null;
  });
  document.addEventListener("pointerup", () => mark(null));
  form.addEventListener("submit", publish);
  form.querySelector("[data-week-cancel]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => calendar.unselect());
  toast.querySelector("[data-week-close]").addEventListener("click", hideMessage);
  wideScreen.addEventListener("change", showCalendar);

  new MutationObserver(redraw).observe(part, { childList: true, subtree: true, attributes: true });
  chooseView(page.dataset.view);
})();
