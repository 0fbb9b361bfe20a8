import { startAndTell } from './start-and-tell.ts';

export default function setup(): Promise<void> {
  return startAndTell('global-setup');
}
