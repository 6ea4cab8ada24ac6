import type { TestLethe } from './lethe.js';

/** Every byte that the log publishes, as one latin1 text: checkpoint, keys, tiles, entry bundles. */
export async function publishedLog(lethe: TestLethe): Promise<string> {
  const checkpoint = await fetchText(lethe, '/log/checkpoint');
  const size = Number(checkpoint.split('\n')[1]);
  const paths = ['/log/keys'];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / 256))
    paths.push(...tilePaths(level.toString(), count));
  paths.push(...tilePaths('entries', size));
  const texts = await Promise.all(paths.map(async (path) => await fetchText(lethe, path)));
  return [checkpoint, ...texts].join('');
}

function tilePaths(level: string, count: number): string[] {
  const full = Math.floor(count / 256);
  const width = count % 256;
  const name = (index: number) => `/log/tile/${level}/${index.toString().padStart(3, '0')}`;
  return [
    ...Array.from({ length: full }, (_, index) => name(index)),
    ...(width > 0 ? [`${name(full)}.p/${width.toString()}`] : []),
  ];
}

async function fetchText(lethe: TestLethe, path: string): Promise<string> {
  const response = await fetch(`${lethe.url}${path}`);
  if (!response.ok) throw new Error(`${path} answered ${response.status.toString()}`);
  return Buffer.from(await response.arrayBuffer()).toString('latin1');
}
