// The rule of direction, for dependency-cruiser: who may import whom inside src, and where each
// third-party package lives. `npm run check -- rules` runs it.
const domain = 'vault|access|sessions|erasure|audit|callbacks|notices|watch|biometrics';
const base = 'crypto|lib|errors';

/** Runs in Node, in browsers and anywhere else. */
const offline = '^src/(audit/offline/|lib/canonical-json\\.ts$)';
const onlyInNode = '^src/audit/offline/(node-primitives|in-node)\\.ts$';
const unitOfWork = '^src/operations/unit-of-work\\.ts$';

/** A room may import itself, the rooms in `values`, and only the types of the paths in `types`. */
function room({ name, values, types = [], why }) {
  const from = { path: `^src/(${name})/` };
  const open = `^src/(${[name, values].filter(Boolean).join('|')})/`;
  const rules = [
    {
      name: `${name.includes('|') ? 'domain' : name}-imports`,
      comment: why,
      severity: 'error',
      from,
      to: { path: '^src/', pathNot: [open, ...types] },
    },
  ];
  if (types.length === 0) return rules;
  return [
    ...rules,
    {
      name: `${name}-imports-types-only`,
      comment: 'From these rooms only types may be imported: use `import type`.',
      severity: 'error',
      from,
      to: { path: types, pathNot: open, dependencyTypesNot: ['type-only'] },
    },
  ];
}

/** These packages may be imported only by files under `where`. */
function confine(packages, where) {
  return {
    name: `${packages[0]}-only-in-${where[0].split('/').filter(Boolean).join('-')}`,
    comment: `${packages.join(', ')}: only in src/${where.join(', src/')}.`,
    severity: 'error',
    from: { path: '^src/', pathNot: where.map((place) => `^src/${place}`) },
    to: { path: packages.map((name) => `(^|/)node_modules/(@types/)?${name}/`) },
  };
}

const confined = [
  [
    [
      'express',
      'express-serve-static-core',
      'helmet',
      'express-rate-limit',
      'ajv',
      'ajv-formats',
      'jsonc-parser',
    ],
    ['http/'],
  ],
  [['jose'], ['crypto/']],
  [['mongoose'], ['store/mongo/']],
  [['better-sqlite3'], ['store/sqlite/']],
  [['pkcs11js'], ['store/pkcs11/']],
  [
    ['undici', 'ipaddr\\.js'],
    ['outbound/', 'cli/demo[^/]*\\.ts$'],
  ],
  [['winston', 'prom-client'], ['watch/']],
];

module.exports = {
  forbidden: [
    ...room({
      name: 'lib',
      values: 'errors',
      why: 'lib and errors know nothing of the other rooms.',
    }),
    ...room({
      name: 'errors',
      values: 'lib',
      why: 'lib and errors know nothing of the other rooms.',
    }),
    ...room({
      name: 'crypto',
      values: 'lib|errors',
      why: 'crypto stands on lib and errors alone.',
    }),
    ...room({
      name: domain,
      values: base,
      why: 'The domain imports crypto, lib and errors, nothing outward.',
    }),
    ...room({
      name: 'operations',
      values: `${domain}|${base}`,
      types: ['^src/config/'],
      why: 'operations import the domain, nothing outward.',
    }),
    ...room({ name: 'config', values: base, why: 'config imports crypto, lib and errors.' }),
    ...room({
      name: 'http',
      values: `operations|access|sessions|callbacks|watch|${base}`,
      types: ['^src/biometrics/', '^src/config/'],
      why: 'http reaches the vault, erasure and the log only through operations.',
    }),
    ...room({
      name: 'store',
      values: base,
      types: [`^src/(${domain})/`, unitOfWork],
      why: 'store implements what the domain declares; it never calls the domain.',
    }),
    ...room({
      name: 'outbound',
      values: base,
      types: [`^src/(${domain})/`, unitOfWork],
      why: 'outbound implements what the domain declares; it never calls the domain.',
    }),
    ...room({
      name: 'web',
      values: 'audit/offline',
      types: ['^src/lib/messages\\.ts$'],
      why: 'Browser code stands alone; it shares the check of a receipt, and the types of the messages.',
    }),
    {
      name: 'offline-stands-alone',
      comment:
        'src/audit/offline and the canonical JSON that it prints run anywhere: they import nothing else of Lethe and no package.',
      severity: 'error',
      from: { path: offline },
      to: {
        path: '^src/|(^|/)node_modules/',
        pathNot: [offline, '(^|/)node_modules/@types/node/'],
      },
    },
    {
      name: 'receiver-stands-alone',
      comment:
        'What integrators import as lethe/webhook needs nothing of the service and no package.',
      severity: 'error',
      from: { path: '^src/callbacks/receiver/' },
      to: {
        path: '^src/|(^|/)node_modules/',
        pathNot: ['^src/callbacks/receiver/', '(^|/)node_modules/@types/node/'],
      },
    },
    {
      name: 'adapters-apart',
      comment: 'One storage adapter never imports the other.',
      severity: 'error',
      from: { path: '^src/store/(sqlite|mongo)/' },
      to: { path: '^src/store/(sqlite|mongo)/', pathNot: '^src/store/$1/' },
    },
    {
      name: 'only-the-top-joins',
      comment:
        'src/application.ts, vault-context.ts, log-context.ts and context.ts join the parts; only main.ts and the command line may use them.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/((main|context|vault-context|log-context)\\.ts$|cli/)',
      },
      to: { path: '^src/(application|context|vault-context|log-context|main)\\.ts$|^src/cli/' },
    },
    {
      name: 'no-web-in-server',
      comment: 'Server code never imports browser code.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/web/' },
      to: { path: '^src/web/' },
    },
    {
      name: 'src-stands-alone',
      comment: 'Nothing in src imports tests, scripts or benchmarks.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
    {
      name: 'no-cycles',
      comment: 'No import cycles, not even of types.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nothing imports and that imports nothing is left over.',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot:
          '\\.d\\.ts$|^src/main\\.ts$|^src/web/(launch|verify)\\.ts$|^src/callbacks/receiver/',
      },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'Every import must resolve.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages',
      comment: 'src imports only packages that package.json lists under dependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional', 'npm-peer'],
        dependencyTypesNot: ['type-only'],
      },
    },
    ...confined.map(([packages, where]) => confine(packages, where)),
    {
      name: 'every-package-has-a-room',
      comment: 'A package gets a room in `confined` (scripts/rules.cjs) before src may import it.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: '(^|/)node_modules/',
        pathNot: [
          ...confined.flatMap(([packages]) =>
            packages.map((name) => `(^|/)node_modules/(@types/)?${name}/`),
          ),
          '(^|/)node_modules/@types/node/',
        ],
      },
    },
    {
      name: 'crypto-is-pure',
      comment: 'crypto does no input or output.',
      severity: 'error',
      from: { path: '^src/crypto/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util|assert)$' },
    },
    {
      name: 'network-only-at-the-edges',
      comment:
        'outbound is the only network egress, http the only listener; config may parse addresses.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(http|outbound|cli)/|^src/(main|context)\\.ts$|^src/config/',
      },
      to: {
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
        path: '^(node:)?(net|tls|https?|http2|dgram|dns|dns/promises)$',
      },
    },
    {
      name: 'no-node-in-the-browser',
      comment: 'Browser code imports no Node modules.',
      severity: 'error',
      from: { path: ['^src/web/', offline], pathNot: onlyInNode },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-detour-to-node',
      comment:
        'Nothing that a browser loads leads to the part of src/audit/offline that needs Node.',
      severity: 'error',
      from: { path: '^src/web/|^src/audit/offline/in-browser\\.ts$' },
      to: { path: onlyInNode, reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|data|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
};
