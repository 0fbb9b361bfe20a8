import { drillCommand } from '../drill/command.ts';
import type { Command } from './command.ts';
import { hookCommand } from './hook.ts';
import { lintCommand } from './lint.ts';
import { manifestCommand } from './manifest.ts';
import { reportCommand } from './report.ts';

export const COMMANDS: readonly Command[] = [lintCommand, manifestCommand, hookCommand, drillCommand, reportCommand];
