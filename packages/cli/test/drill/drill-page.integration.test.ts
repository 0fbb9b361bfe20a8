import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlReport } from '../../src/drill/output/html/page.ts';
import { chromiumPath, launch } from './support/browser.ts';
import { caseResult, failedCase, report, service } from './support/results.ts';

const path = chromiumPath();
const TESTS = 12;

if (path === undefined) {
  const message = `${TESTS} TESTS OF THE PAGE DID NOT RUN: no Chromium here (apt-get install chromium, or PRESTOP_TEST_CHROMIUM)`;
  if (process.env['CI']) throw new Error(message);
  console.error(message);
}

const longName = 'node --import tsx ./services/orders/with/a/rather/long/path/to/the/server.ts --verbose';
const PAGES = {
  passed: htmlReport(report(service('node server.js', [caseResult()]))),
  failed: htmlReport(report(service(longName, [failedCase(), { ...failedCase(), case: 'force-delete' }]))),
  compared: htmlReport(report(service('node new.js', [caseResult()]), service('node old.js', [failedCase()]))),
};

/** What `look.*` of the script beside the page gives. */
interface Looks {
  readonly openAll: undefined;
  readonly widths: { readonly page: number; readonly view: number };
  readonly labels: readonly {
    readonly text: string;
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  }[];
  readonly shape: { readonly late: number; readonly lost: number; readonly stop: number; readonly kill: number };
  readonly contrasts: readonly { readonly what: string; readonly least: number; readonly contrast: number }[];
}

async function look<Name extends keyof Looks>(page: Page, name: Name): Promise<Looks[Name]> {
  await page.addScriptTag({ path: fileURLToPath(new URL('fixtures/in-page.mjs', import.meta.url)) });
  return page.evaluate<Looks[Name]>(`look.${name}()`);
}

describe.runIf(path !== undefined)('the page in a real browser', () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prestop-page-'));
    browser = await launch(path ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(
    name: keyof typeof PAGES,
    options: { readonly scheme?: 'light' | 'dark'; readonly width?: number; readonly inject?: boolean } = {},
  ): Promise<{ page: Page; problems: string[] }> {
    const { scheme = 'light', width = 1200, inject = false } = options;
    const file = join(folder, `${name}.html`);
    writeFileSync(file, PAGES[name]);
    const context = await browser.newContext({
      colorScheme: scheme,
      viewport: { width, height: 900 },
      bypassCSP: inject,
    });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) problems.push(`asked for ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    return { page, problems };
  }

  describe.each(['light', 'dark'] as const)('%s', (scheme) => {
    it.each(['passed', 'failed', 'compared'] as const)('is accessible, contrast included: %s', async (name) => {
      const { page } = await open(name, { scheme, inject: true });
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
      await look(page, 'openAll');
      const rules = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const { violations, passes } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(rules)} })`);
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
      );
      expect(found).toEqual([]);
      expect(passes.map(({ id }) => id)).toContain('color-contrast');
      await page.context().close();
    });
  });

  it.each(['light', 'dark'] as const)('the picture has the contrast of WCAG too: %s', async (scheme) => {
    const { page } = await open('failed', { scheme, inject: true });
    const contrasts = await look(page, 'contrasts');
    expect(contrasts.length).toBeGreaterThan(15);
    expect(contrasts.filter(({ contrast, least }) => !(contrast >= least))).toEqual([]);
    await page.context().close();
  });

  it('draws what it says: late, lost and the moments are where they belong, and no label covers another', async () => {
    const { page, problems } = await open('failed', { inject: true });
    const boxes = await look(page, 'labels');
    expect(boxes.length).toBeGreaterThan(12);
    const covered = boxes.flatMap((one, index) =>
      boxes
        .slice(index + 1)
        .filter(
          (other) =>
            one.left < other.right &&
            other.left < one.right &&
            one.top + 2 < other.bottom &&
            other.top + 2 < one.bottom,
        )
        .map((other) => `${one.text} / ${other.text}`),
    );
    expect(covered).toEqual([]);
    const shape = await look(page, 'shape');
    expect(shape.late).toBeGreaterThan(100);
    expect(shape.lost).toBeGreaterThan(100);
    expect(shape.kill).toBeGreaterThan(shape.stop);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('fits a phone: the page itself never scrolls sideways', async () => {
    for (const name of ['passed', 'failed', 'compared'] as const) {
      const { page } = await open(name, { width: 360, inject: true });
      const { page: scrolled, view } = await look(page, 'widths');
      expect(scrolled).toBeLessThanOrEqual(view);
      await page.context().close();
    }
  });

  it('runs and loads nothing, as its policy says', async () => {
    const { page, problems } = await open('failed');
    expect(await page.evaluate('document.scripts.length')).toBe(0);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('can be looked at: screenshots in both schemes differ, and are not empty', async () => {
    const shots = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await open('compared', { scheme });
      shots.push(await page.screenshot({ fullPage: true }));
      await page.context().close();
    }
    const [light, dark] = shots;
    expect(light?.length).toBeGreaterThan(30_000);
    expect(light?.equals(dark ?? Buffer.alloc(0))).toBe(false);
  });
});
