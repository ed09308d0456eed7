// The HTML report in headless Chromium: node html_report_test.mjs TOOL OUTPUT_FOLDER
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [tool, folder] = process.argv.slice(2).map(argument => path.resolve(argument));
fs.mkdirSync(folder, { recursive: true });

// A scenario with markup wherever text is free.
const hostile = '</script><script>document.title = "owned"</script><img src=x onerror="document.title=1">';
const scenario = {
  name: 'hostile', about: hostile, source: hostile,
  objects: { m: { kind: 'std_mutex' } },
  main: [
    { op: 'lock', on: 'm', as: 'first', note: hostile, at: hostile },
    { op: 'lock', on: 'm', as: 'second', note: hostile }],
};
// An op a line, so that the excerpt has the notes.
fs.writeFileSync(path.join(folder, 'hostile.json'), JSON.stringify(scenario).replaceAll('{"op"', '\n{"op"'));

function pageOf(name, paths) {
  const file = path.join(folder, name);
  const run = spawnSync(tool, ['run', ...paths, '--format', `html=${file}`], { encoding: 'utf8' });
  assert.equal(run.status, 1, run.stderr);
  return pathToFileURL(file).href;
}
const tour = pageOf('tour.html', ['scenarios/tour']);
const evil = pageOf('hostile.html', [path.join(folder, 'hostile.json')]);

const executable = process.env.CHROMIUM ?? execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
const browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] });

// A page whose every complaint and every request but the one for itself fails the test.
async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1100 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', message => page.complaints.push(message.text()));
  page.on('pageerror', error => page.complaints.push(error.message));
  page.on('request', request => { if (!request.url().startsWith(address.split('#')[0])) page.complaints.push(request.url()); });
  await page.goto(address);
  return page;
}

async function close(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

// What each view of a finding shows as the current step.
const views = (page, id) => page.evaluate(id => {
  const finding = document.getElementById(id);
  const text = selector => [...finding.querySelectorAll(selector)].map(element => element.textContent).join('|');
  return {
    row: text('tr.now'), bands: text('svg a.now title'), source: text('pre .now'), graph: text('.node.now title'),
    cursor: finding.querySelector('.cursor').getAttribute('x'),
  };
}, id);

const tests = {
  async 'the arrow keys move all views'() {
    const page = await open(tour + '#f1.s1');
    const first = await views(page, 'f1');
    const count = Number(await page.getAttribute('#f1', 'data-steps'));
    for (let step = 1; step < count; ++step) await page.keyboard.press('ArrowRight');
    const last = await views(page, 'f1');
    for (const view of Object.keys(first)) assert.notEqual(first[view], last[view], view);
    assert.match(last.row, new RegExp(`^${count}`));
    assert.match(last.bands, new RegExp(`^${count}: `));
    assert.equal(new URL(page.url()).hash, `#f1.s${count}`);
    await page.keyboard.press('ArrowRight');
    assert.deepEqual(await views(page, 'f1'), last, 'there is nothing behind the last step');
    for (let step = 1; step < count; ++step) await page.keyboard.press('ArrowLeft');
    assert.deepEqual(await views(page, 'f1'), first);
    await close(page);
  },
  async 'an anchor leads to its step'() {
    const page = await open(tour + '#f2.s2');
    assert.match((await views(page, 'f2')).row, /^2/);
    assert.ok(await page.locator('[id="f2.s2"]').evaluate(row => row.getBoundingClientRect().top < innerHeight), 'it is in sight');
    await page.evaluate(() => { location.hash = '#f2.s1'; });
    await page.waitForFunction(() => document.querySelector('#f2 tr.now').id === 'f2.s1');
    await close(page);
  },
  async 'a click on a bar leads to its step'() {
    const page = await open(tour + '#f1');
    await page.locator('#f1 svg a[href="#f1.s2"]').first().click();
    await page.waitForFunction(() => document.querySelector('#f1 tr.now').id === 'f1.s2');
    await close(page);
  },
  async 'markup in free text stays text'() {
    const page = await open(evil);
    assert.match(await page.title(), /^asyncrt-check: errors$/);
    assert.equal(await page.locator('script').count(), 1);
    assert.equal(await page.locator('img').count(), 0);
    assert.ok((await page.locator('pre').first().textContent()).includes('</script><script>'));
    await close(page);
  },
  async 'it reads without the script'() {
    const page = await open(tour, { javaScriptEnabled: false });
    assert.ok(await page.locator('#f1 tbody tr').first().isVisible());
    assert.ok(await page.locator('#f1 svg').first().isVisible());
    assert.ok(await page.locator('#f1 pre').isVisible());
    await close(page);
  },
  async 'no page is wider than its window'() {
    for (const width of [390, 1280]) {
      const page = await open(tour, { viewport: { width, height: 800 } });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} pixels`);
      await close(page);
    }
  },
  async 'light and dark differ, and are kept to look at'() {
    const colors = [];
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(tour + '#f1', { colorScheme });
      colors.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.screenshot({ path: path.join(folder, `${colorScheme}.png`) });
      await close(page);
    }
    assert.notEqual(colors[0], colors[1]);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok    ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);
