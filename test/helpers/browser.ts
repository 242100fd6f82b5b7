import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import WebSocket from 'ws';

interface DevToolsMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [name: string]: unknown };
  readonly result?: { readonly [name: string]: unknown };
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

/** A Chromium that a test controls by the DevTools protocol. */
export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  #socket!: WebSocket;
  #id = 0;
  readonly #waiting = new Map<number, (message: DevToolsMessage) => void>();
  readonly #listeners = new Set<(message: DevToolsMessage) => void>();

  private constructor() {
    this.#profile = mkdtempSync(path.join(os.tmpdir(), 'browser-'));
    this.#child = spawn(
      'chromium',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
        ...['--remote-debugging-port=0', `--user-data-dir=${this.#profile}`, 'about:blank'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
  }

  static async start(): Promise<Browser> {
    const browser = new Browser();
    browser.#socket = new WebSocket(await browser.#address(), { perMessageDeflate: false });
    await once(browser.#socket, 'open');
    browser.#socket.on('message', (data) => browser.#receive(JSON.parse(String(data))));
    return browser;
  }

  #address(): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = '';
      this.#child.stderr?.on('data', (chunk: Buffer) => {
        text += chunk;
        const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
        if (found) resolve(found);
      });
      this.#child.once('exit', () => reject(new Error(`Chromium ended: ${text}`)));
    });
  }

  #receive(message: DevToolsMessage): void {
    if (message.id === undefined) for (const listener of this.#listeners) listener(message);
    else this.#waiting.get(message.id)?.(message);
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve({ ...result });
      });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  /** Opens a page of this size, and resolves when it has loaded. */
  async open(url: string, { width, scheme }: { width: number; scheme: 'light' | 'dark' }): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, sessionId as string));
    const listener = (message: DevToolsMessage): void => {
      if (message.sessionId === sessionId) page.receive(message.method ?? '', message.params ?? {});
    };
    this.#listeners.add(listener);
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    await page.send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height: 900, deviceScaleFactor: 1, mobile: width < 500 },
    });
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await page.send('Emulation.setEmulatedMedia', { features });
    await page.send('Page.navigate', { url });
    await page.loaded;
    return page;
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    await this.send('Browser.close').catch(() => {});
    await exited;
    this.#socket.terminate();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One page, with the URLs that it has requested and its errors. */
export class Page {
  readonly requested: string[] = [];
  readonly errors: string[] = [];
  readonly loaded: Promise<void>;
  #onLoad!: () => void;
  readonly send: (method: string, params?: object) => Promise<Record<string, unknown>>;

  constructor(send: Page['send']) {
    this.send = send;
    this.loaded = new Promise((resolve) => {
      this.#onLoad = resolve;
    });
  }

  receive(method: string, params: { readonly [name: string]: unknown }): void {
    if (method === 'Page.loadEventFired') this.#onLoad();
    if (method === 'Network.requestWillBeSent') {
      this.requested.push((params.request as { url: string }).url);
    }
    if (/^(Runtime\.(exceptionThrown|consoleAPICalled)|Log\.entryAdded)$/.test(method)) {
      this.errors.push(JSON.stringify(params));
    }
  }

  async evaluate<Value>(expression: string): Promise<Value> {
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { value: Value }).value;
  }

  /** A picture of the whole page. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }
}
