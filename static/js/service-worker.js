// Caches the offline page and its files, and shows that page when the network fails. Nothing else
// is ever cached: all other requests go to the network as they would without this script.
(function () {
  "use strict";
  const { name, page, files } = self.KEPT;
  const cached = new Set(files.map((file) => new URL(file, location.href).href));

  async function fill() {
    const cache = await caches.open(name);
    // Without cookies: the page is the same for everybody.
    const request = new Request(page, { credentials: "omit", cache: "no-store" });
    await Promise.all([cache.add(request), cache.addAll(files)]);
    // No skipWaiting: in Chromium 156 a page requested while the worker is replaced never loads.
  }

  async function activate() {
    const names = await caches.keys();
    await Promise.all(names.filter((other) => other !== name).map((other) => caches.delete(other)));
    if (self.registration.navigationPreload) await self.registration.navigationPreload.enable();
    await self.clients.claim();
  }

  async function navigate(event) {
    try {
      return (await event.preloadResponse) || (await fetch(event.request));
    } catch (error) {
      const offlinePage = await caches.match(page);
      if (offlinePage) return offlinePage;
      throw error;
    }
  }

  async function cachedFile(request) {
    return (await caches.match(request.url)) || fetch(request);
  }

  self.addEventListener("install", (event) => event.waitUntil(fill()));
  self.addEventListener("activate", (event) => event.waitUntil(activate()));
  self.addEventListener("fetch", (event) => {
    const { method, mode, url } = event.request;
    if (method !== "GET") return;
    if (mode === "navigate") event.respondWith(navigate(event));
    else if (cached.has(url)) event.respondWith(cachedFile(event.request));
  });
})();
