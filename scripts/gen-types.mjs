// npm run gen: writes src/lib/messages.ts, the types of every message in schemas/.
// With --check it writes nothing and fails when the file is not what the schemas give.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { root, run, say } from './process.mjs';

const target = 'src/lib/messages.ts';
const header =
  '// Generated from schemas/ by `npm run gen`. Do not edit: change the schema, then generate again.';
/** Words about a value, not about its shape. Beside a $ref they would make a second, equal type. */
const annotations = [
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  '$comment',
  'readOnly',
];

/**
 * The text of the generated file. All schemas are compiled as the definitions of one, so that a
 * type that several share is declared once.
 */
async function generate() {
  const names = readdirSync(join(root, 'schemas')).filter((name) => name.endsWith('.json'));
  const definitions = Object.fromEntries(
    names.sort().map((name) => [name, prepared(load(name), name)]),
  );
  const titles = new Set();
  for (const name of names) checkTitle(definitions[name].title, { name, titles });
  const all = {
    title: 'AllMessages',
    anyOf: names.map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: definitions,
  };
  const types = await compile(all, 'AllMessages', {
    additionalProperties: false,
    bannerComment: '',
    format: false,
    // Bounds on lengths belong to the validator; as tuples they only get in the way.
    ignoreMinAndMaxItems: true,
  });
  return formatted(`${header}\n\n${withoutRoot(types)}`);
}

function load(name) {
  return JSON.parse(readFileSync(join(root, 'schemas', name), 'utf8'));
}

function checkTitle(title, { name, titles }) {
  if (!/^[A-Z]\w*$/.test(title ?? ''))
    throw new Error(`schemas/${name}: the title must be a type's name`);
  if (titles.has(title))
    throw new Error(`schemas/${name}: the title ${title} is taken by another schema`);
  titles.add(title);
}

/** The schema with its references turned into the joint document's, and without what gives no type. */
function prepared(schema, file) {
  if (Array.isArray(schema)) return schema.map((item) => prepared(item, file));
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([key, value]) => !givesNoType(key, value));
  const copy = Object.fromEntries(entries.map(([key, value]) => [key, prepared(value, file)]));
  if (copy.allOf && copy.properties) return withOwnPart(copy);
  if (typeof copy.$ref !== 'string') return copy;
  const { $ref, ...beside } = copy;
  const reference = { $ref: jointReference($ref, file) };
  for (const word of annotations) delete beside[word];
  return Object.keys(beside).length === 0 ? reference : { allOf: [reference, beside] };
}

/** Members beside allOf become one more part of it; else they would get a type with a name of its own. */
function withOwnPart({ allOf, type, properties, required = [], ...rest }) {
  return {
    ...rest,
    allOf: [...allOf, { type, properties, required, additionalProperties: false }],
  };
}

/** Openness to more members is for the validator; as an index signature it would hide misspellings. */
function givesNoType(key, value) {
  return key === '$schema' || key === '$id' || (key === 'additionalProperties' && value === true);
}

function jointReference(reference, file) {
  const url = new URL(reference, `file:///${file}`);
  return `#/$defs/${url.pathname.slice(1)}${url.hash.slice(1)}`;
}

/** Leaves out the union of everything, which exists only to reach every schema. */
function withoutRoot(types) {
  return types.replace(/export type AllMessages =[^;]*?;?\n(?=\n|export|\/\*\*|$)/, '');
}

async function formatted(text) {
  const result = await run('biome', ['format', `--stdin-file-path=${target}`], { input: text });
  if (result.code !== 0) throw new Error(`biome could not format ${target}\n${result.output}`);
  return result.output;
}

function firstDifference(before, after) {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  const index = fresh.findIndex((line, at) => line !== old[at]);
  const at = index === -1 ? fresh.length : index;
  return `${target}:${at + 1}\n- ${old[at] ?? '(end)'}\n+ ${fresh[at] ?? '(end)'}`;
}

async function main() {
  const text = await generate();
  if (!process.argv.includes('--check')) return writeFileSync(join(root, target), text);
  const present = readFileSync(join(root, target), 'utf8');
  if (present === text) return;
  throw new Error(
    `${target} is not what schemas/ give: run npm run gen\n${firstDifference(present, text)}`,
  );
}

await main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
