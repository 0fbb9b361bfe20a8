import { SDK_DEFAULTS } from '../defaults.ts';
import type { ManifestPlan } from './options.ts';
import { arithmetic } from './yaml.ts';

const { graceSetting, adminPortSetting, tokenSetting } = SDK_DEFAULTS;

/** The service that belongs to the manifest, for Express 4 and 5. */
export function renderCode(plan: ManifestPlan): string {
  const registry = registryCall(plan);
  const admin = adminOption(plan);
  return [
    `// npm install ${packages(plan).join(' ')}`,
    "import { createLifecycle } from '@prestop/core';",
    "import { prestop } from '@prestop/express-adapter';",
    ...(registry === undefined
      ? []
      : [`import { ${plan.registry} } from '@prestop/registry-adapters/${plan.registry}';`]),
    "import express from 'express';",
    '',
    ...(plan.tokenSecret === undefined
      ? []
      : [
          `const token = process.env['${tokenSetting}'];`,
          `if (token === undefined) throw new Error('${tokenSetting} is not set; the manifest takes it from the Secret ${plan.tokenSecret}');`,
          '',
        ]),
    'const app = express();',
    'const lifecycle = createLifecycle({',
    `  // ${arithmetic(plan)}`,
    `  terminationGracePeriodSeconds: Number(process.env['${graceSetting}'] ?? ${plan.grace}),`,
    ...(ownFloor(plan) ? [`  floorMs: ${plan.floor * 1000}, // ${floorReason(plan)}`] : []),
    ...(plan.ownSplit ? [`  minDrainMs: ${plan.requests * 1000}, // for the longest request`] : []),
    ...(plan.closers > 0 ? [`  reserveMs: ${(plan.closers + plan.reserve) * 1000}, // with the closers`] : []),
    ...(registry === undefined ? [] : [`  registry: ${registry},`]),
    ...(admin === undefined ? [] : [`  admin: ${admin},`]),
    '});',
    '',
    'app.use(prestop(lifecycle)); // first: nothing may answer before it',
    '',
    "app.get('/', (_request, response) => {",
    `  response.send('${plan.name}');`,
    '});',
    '',
    `lifecycle.attach(app.listen(${plan.port}));`,
    "// lifecycle.onClose('postgres', () => pool.end());",
    '',
  ].join('\n');
}

function packages({ registry, tokenSecret }: ManifestPlan): readonly string[] {
  return [
    '@prestop/core',
    '@prestop/express-adapter',
    'express',
    ...(registry === 'none' ? [] : ['@prestop/registry-adapters']),
    ...(registry === 'consul' || registry === 'nacos' ? [registry] : []),
    ...(tokenSecret === undefined ? [] : ['prestop']),
  ];
}

/** Whether the SDK would take another floor by itself: with a registry that is the registry's alone. */
function ownFloor({ registry, floor }: ManifestPlan): boolean {
  return registry !== 'none' || floor !== SDK_DEFAULTS.floorSeconds;
}

function floorReason({ registry, floor }: ManifestPlan): string {
  const own = SDK_DEFAULTS.registryFloorSeconds[registry];
  if (floor === own) return `callers that poll ${registry} may be that stale`;
  return floor === SDK_DEFAULTS.floorSeconds ? 'callers of the Service may be that stale' : 'callers may be that stale';
}

function registryCall({ registry, name, port, registryAddress }: ManifestPlan): string | undefined {
  const instance = `name: '${name}', port: ${port}`;
  switch (registry) {
    case 'consul':
      // CONSUL_HTTP_ADDR, which the manifest sets to the agent of the own node.
      return `consul({ ${instance}, env: process.env })`;
    case 'nacos':
      return `nacos({ ${instance}, serverList: process.env['NACOS_SERVER_ADDR'] ?? ${quoted(registryAddress)} })`;
    case 'file':
      return `file({ ${instance}, dir: process.env['REGISTRY_DIR'] ?? ${quoted(registryAddress)} })`;
    case 'none':
      return undefined;
  }
}

function adminOption({ adminPort, tokenSecret }: ManifestPlan): string | undefined {
  const parts = [
    ...(adminPort === SDK_DEFAULTS.adminPort
      ? []
      : [`port: Number(process.env['${adminPortSetting}'] ?? ${adminPort})`]),
    ...(tokenSecret === undefined ? [] : ['token']),
  ];
  return parts.length === 0 ? undefined : `{ ${parts.join(', ')} }`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
