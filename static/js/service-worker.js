// Keeps the page for when there is no net, and what it is made of. No other page and no answer is
// ever stored: everything else goes to the network as if this file were not there.
(function () {
  "use strict";
  const { name, page, files } = self.KEPT;
  const kept = new Set(files.map((file) => new URL(file, location.href).href));

  async function fill() {
    const cache = await caches.open(name);
    // Without cookies: the page is the same for everybody.
    const request = new Request(page, { credentials: "omit", cache: "no-store" });
    await Promise.all([cache.add(request), cache.addAll(files)]);
    // No skipWaiting: a page that is asked for while the worker changes never came (Chromium 156).
  }

  async function takeOver() {
    const names = await caches.keys();
    await Promise.all(names.filter((other) => other !== name).map((other) => caches.delete(other)));
    if (self.registration.navigationPreload) await self.registration.navigationPreload.enable();
    await self.clients.claim();
  }

  async function open(event) {
    try {
      return (await event.preloadResponse) || (await fetch(event.request));
    } catch (error) {
      const instead = await caches.match(page);
      if (instead) return instead;
      throw error;
    }
  }

  self.addEventListener("install", (event) => event.waitUntil(fill()));
  self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
  self.addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    if (method !== "GET") return;
    if (mode === "navigate") event.respondWith(open(event));
    else if (kept.has(url)) event.respondWith(caches.match(url).then((hit) => hit || fetch(event.request)));
  });
})();
