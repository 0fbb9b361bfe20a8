import { mustSkip } from '@prestop/testkit/servers';

const BUILT = new Set((process.env['PRESTOP_TEST_IMAGES'] ?? '').split(' '));

/** Whether the cluster lacks an image of a manifest that is not Node's; says so. */
export function lacksImage(image: string): boolean {
  if (BUILT.has(image)) return false;
  const how = `run npm run test:kubernetes on its own node; or give the cluster ${image} and name it in PRESTOP_TEST_IMAGES`;
  return mustSkip({ available: false, server: 'Kubernetes', why: `no image ${image}`, how }, `the cases with ${image}`);
}
