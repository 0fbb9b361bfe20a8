import { rename, rm, symlink } from 'node:fs/promises';
import type { Fault } from './fault.ts';

const FROZEN_FROM_MS = 100;
const FROZEN_MS = 1_000;
const OUTAGE_MS = 2_000;

export const frozenProcess: Fault = {
  name: 'frozen-process',
  summary: 'the process gets no processor time for a second, shortly after the beginning',
  request: 'none',
  async prepare({ pod, until }) {
    return {
      act: async () => {
        await until(FROZEN_FROM_MS);
        pod.service.signal('SIGSTOP');
        await until(FROZEN_FROM_MS + FROZEN_MS);
        pod.service.signal('SIGCONT');
        return [];
      },
      end: () => void pod.service.signal('SIGCONT'),
    };
  },
};

export const registryOutage: Fault = {
  name: 'registry-outage',
  summary: 'the file registry cannot be read or written for 2 s, from the beginning',
  request: 'none',
  async prepare({ registryDir, until }) {
    if (registryDir === undefined) return { act: async () => [], end: () => undefined };
    const away = `${registryDir}.away`;
    let isAway = false;
    const bringBack = async (): Promise<void> => {
      if (!isAway) return;
      isAway = false;
      await rm(registryDir, { recursive: true, force: true });
      await rename(away, registryDir);
    };
    return {
      act: async () => {
        await rename(registryDir, away);
        isAway = true;
        // A link to nowhere: whoever misses the directory must not make an empty one, which could be read.
        await symlink(`${away}.nowhere`, registryDir).catch(() => undefined);
        await until(OUTAGE_MS);
        await bringBack();
        return [];
      },
      end: () => void bringBack(),
    };
  },
};
