import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const ON_MACS = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** A Chromium of this machine; nothing is downloaded. Nothing when there is none. */
export function findChromium(): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  if (CHROMIUM_PATH) return CHROMIUM_PATH;
  const folders = PATH.split(delimiter);
  return [...NAMES.flatMap(name => folders.map(folder => join(folder, name))), ON_MACS].find(isExecutable);
}

export function openBrowser(executablePath: string): Promise<Browser> {
  // What it shows is ours: the sandbox would only keep it from running as root.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
