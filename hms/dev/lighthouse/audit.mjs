// Runs Lighthouse's mobile profile over pages and prints what each scored, as JSON.
// Standard input: {chromium, flags, tries, pages: [{name, url, cookies}]}, cookies as Playwright
// gives them. The best of so many tries counts, what must be perfect before what is quick. A try
// that breaks off (a busy machine, a browser that died) is told on standard error and made again,
// a few times a page. Each has a browser of its own: none is hurt by what became of another's, and
// a cookie that a page sets can't push out the session's.
import { readFileSync } from "node:fs";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const CATEGORIES = ["accessibility", "best-practices", "seo", "performance"];
const LARGEST_PAINT = 1200; // ms, from which on a further try has nothing to improve
const SPARE_TRIES = 4; // a page, for those that break off
const { chromium, flags, tries, pages } = JSON.parse(readFileSync(0, "utf8"));

function measured(audits, name) {
  const { numericValue, errorMessage } = audits[name];
  if (numericValue === undefined) throw new Error(`${name}: ${errorMessage}`);
  return numericValue;
}

function summed({ categories, audits, finalDisplayedUrl }) {
  const failed = {};
  for (const name of CATEGORIES) {
    const wrong = categories[name].auditRefs.filter(({ id, weight }) =>
      weight > 0 && audits[id].score !== null && audits[id].score < 1);
    failed[name] = wrong.map(({ id }) => id);
  }
  return {
    url: finalDisplayedUrl,
    scores: Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(categories[name].score * 100)])),
    failed,
    shift: measured(audits, "cumulative-layout-shift"),
    paint: measured(audits, "largest-contentful-paint"),
    blocked: measured(audits, "total-blocking-time"),
    bytes: measured(audits, "total-byte-weight"),
  };
}

async function once(page) {
  const browser = await puppeteer.launch({ executablePath: chromium, args: flags });
  try {
    await browser.setCookie(...page.cookies);
    const options = {
      onlyCategories: CATEGORIES, output: "json", logLevel: "error", disableFullPageScreenshot: true,
    };
    const { lhr } = await lighthouse(page.url, options, undefined, await browser.newPage());
    if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
    return summed(lhr);
  } finally {
    await browser.close().catch(() => browser.process()?.kill("SIGKILL"));
  }
}

const sureOf = ({ scores: { performance, ...sure } }) => Object.values(sure).reduce((a, b) => a + b);
const better = (a, b) => sureOf(b) - sureOf(a) || a.shift - b.shift
  || b.scores.performance - a.scores.performance || a.paint - b.paint;
const perfect = ({ scores, paint, shift }) =>
  Object.values(scores).every((score) => score === 100) && paint <= LARGEST_PAINT && shift === 0;

async function best(page) {
  const runs = [];
  let broken = 0;
  while (broken <= SPARE_TRIES && runs.length < tries && !runs.some(perfect)) {
    try {
      runs.push(await once(page));
    } catch (error) {
      broken += 1;
      console.error(`${page.name}, a try that broke off: ${error.message}`);
    }
  }
  if (!runs.length) throw new Error(`${page.name}: no try came to an end`);
  return runs.sort(better)[0];
}

const found = {};
for (const page of pages) found[page.name] = await best(page);
console.log(JSON.stringify(found));
