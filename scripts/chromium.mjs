// Where the page tests find a browser.
import { existsSync } from 'node:fs';

/** The path of a Chromium: LETHE_CHROMIUM, else Debian's; undefined when there is none. */
export function findChromium() {
  const given = process.env.LETHE_CHROMIUM;
  if (given && !existsSync(given)) throw new Error(`LETHE_CHROMIUM: there is no file ${given}`);
  return (
    given || ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path))
  );
}
