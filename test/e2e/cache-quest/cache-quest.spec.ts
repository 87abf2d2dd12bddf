import { join } from 'node:path';
import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import { eventually } from '#libs/testing';
import { findChromium, openBrowser } from '../support/browser.js';
import { Gateway } from '../support/gateway.js';
import { System } from '../support/system.js';

const CLIENT = join(import.meta.dirname, 'client');

const chromium = findChromium();
if (!chromium) console.warn('skipped, as there is no Chromium (or set CHROMIUM_PATH): "a game in a browser"');

/** A browser tab: what the player sees, and the errors of the page. */
class Player {
  readonly faults: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
  ) {
    page.on('pageerror', error => this.faults.push(error.message));
    page.on('console', message => {
      // The browser logs a 404 as an error, too. The game expects it.
      if (message.type() === 'error' && !message.text().includes(' 404 ')) this.faults.push(message.text());
    });
  }

  /** Opens a browser context of its own, so that no two players share a cookie. */
  static async at(browser: Browser, url: string, policy?: string): Promise<Player> {
    const context = await browser.newContext();
    if (policy) await context.route(url, route => fulfilUnder(policy, route));
    const player = new Player(await context.newPage(), context);
    await player.page.goto(url);
    return player;
  }

  async ready(): Promise<this> {
    await this.page.waitForSelector('#calls[data-ready]', { state: 'attached' });
    return this;
  }

  text(selector: string): Promise<string> {
    return this.page.innerText(selector);
  }

  texts(selector: string): Promise<string[]> {
    return this.page.locator(selector).allInnerTexts();
  }

  async name(name: string): Promise<void> {
    await this.page.fill('[name=name]', name);
    await this.page.click('[type=submit]');
  }

  async sees(selector: string, texts: readonly unknown[]): Promise<void> {
    await eventually(async () => expect(await this.texts(selector)).toEqual(texts));
  }

  cookies() {
    return this.context.cookies();
  }
}

/** Returns the server's response with a content security policy added. */
async function fulfilUnder(policy: string, route: Route): Promise<void> {
  const response = await route.fetch();
  await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': policy } });
}

(chromium ? describe : describe.skip)('a game in a browser', () => {
  let system: System;
  let browser: Browser;

  beforeAll(async () => {
    [browser, system] = await Promise.all([
      openBrowser(chromium ?? ''),
      System.start({ PUBLIC_DIR: CLIENT }),
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await system?.close();
  }, 60_000);

  const open = async () => (await Player.at(browser, `http://localhost:${system.port}/`)).ready();

  it('starts, saves, continues after a reload, and appears on the board', async () => {
    const ada = await open();
    const id = await ada.text('#id');
    expect(await ada.page.evaluate("getComputedStyle(document.querySelector('h1')).color")).toBe(
      'rgb(1, 2, 3)',
    );
    await ada.sees('#calls li', [
      'GET /session 200',
      `GET /api/playerstate/${id} 404`,
      `GET /api/gamestate/${id} 404`,
      'GET /api/leaderboard/leaderboards:survivor-Grassland?count=10 404',
    ]);
    await ada.name('Ada 🎲 Lovelace');
    await ada.sees('#name', ['Ada 🎲 Lovelace']);
    for (let step = 0; step < 3; step++) await ada.page.click('#walk');
    await ada.page.click('#save');
    await eventually(async () =>
      expect((await ada.texts('#calls li')).slice(4)).toEqual([
        'POST /api/playerstate/ 200',
        'POST /api/gamestate/ 200',
        'PATCH /api/playerstate/ 200',
        'PATCH /api/gamestate/ 200',
      ]),
    );

    await ada.page.reload();
    await ada.ready();
    expect(await Promise.all(['#id', '#name', '#coins', '#level'].map(what => ada.text(what)))).toEqual([
      id,
      'Ada 🎲 Lovelace',
      '30',
      '4',
    ]);
    await ada.page.click('#score');
    await ada.sees('#board li', ['Ada 🎲 Lovelace: 30']);
    expect(ada.faults).toEqual([]);
  }, 60_000);

  it('without a document saves with a PATCH, which answers 404, and then a POST', async () => {
    const eve = await open();
    await eve.page.click('#walk');
    await eve.page.click('#save');
    await eventually(async () =>
      expect((await eve.texts('#calls li')).slice(4)).toEqual([
        'PATCH /api/playerstate/ 404',
        'POST /api/playerstate/ 200',
        'PATCH /api/gamestate/ 404',
        'POST /api/gamestate/ 200',
      ]),
    );
    await eve.page.reload();
    await eve.ready();
    expect(await eve.text('#coins')).toBe('10');
  }, 60_000);

  it('keeps two players with the same name apart, also on the board', async () => {
    const [first, second] = [await open(), await open()];
    expect(await first.text('#id')).not.toBe(await second.text('#id'));
    for (const [player, steps] of [
      [first, 5],
      [second, 7],
    ] as const) {
      await player.name('Bob');
      await player.sees('#name', ['Bob']);
      for (let step = 0; step < steps; step++) await player.page.click('#walk');
      await player.page.click('#save');
      await player.page.click('#score');
      await player.sees('#board li', expect.arrayContaining([`Bob: ${10 * steps}`]));
    }
    await second.sees('#board li', ['Bob: 70', 'Bob: 50', 'Ada 🎲 Lovelace: 30']);
    await first.page.reload();
    await first.ready();
    expect(await first.text('#coins')).toBe('50');
  }, 60_000);

  it('keeps its session in a cookie that no script of the page can read', async () => {
    const player = await open();
    expect(await player.page.evaluate('document.cookie')).toBe('');
    const [cookie] = await player.cookies();
    expect(cookie).toMatchObject({ name: 'questlog_session', httpOnly: true, sameSite: 'Lax' });
    expect(cookie?.expires).toBeGreaterThan(Date.now() / 1_000 + 6.9 * 24 * 60 * 60);
    expect(cookie?.value).not.toContain(await player.text('#id'));
  });

  it('is a playable page under a strict policy where there is no game', async () => {
    const gateway = await Gateway.start(system, {});
    const url = `http://localhost:${gateway.port}/`;
    const [ada, bob] = [
      await Player.at(browser, url, "default-src 'self'"),
      await Player.at(browser, url, "default-src 'self'"),
    ];
    await bob.sees('#live', ['live']);
    await ada.name('Ada');
    await ada.sees('#board li.me', [expect.stringMatching(/^1\s+Ada\s+\d+$/)]);
    // Bob's page shows Ada's line, and does not mark it as his.
    await bob.sees('#board li', [expect.stringMatching(/^1\s+Ada\s+\d+$/)]);
    expect(await bob.texts('#board li.me')).toEqual([]);
    expect(await ada.text('#said')).toMatch(/^\d+, your best: you are number 1\.$/);
    for (const link of await ada.page.locator('nav a').all()) {
      const answer = await ada.page.request.get(new URL((await link.getAttribute('href')) ?? '', url).href);
      expect(answer.status()).toBe(200);
    }
    expect(ada.faults.filter(fault => !fault.includes('401'))).toEqual([]);
    await ada.page.close();
    await bob.page.close();
    await gateway.stop();
  }, 60_000);
});
